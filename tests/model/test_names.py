from __future__ import annotations

from pathlib import Path

import pytest

from morpheus_gae.errors import UsageError
from morpheus_gae.model.names import check_name, name_flaw, printable


def test_names_of_people() -> None:
    for name in ("default", "Büro 3", "réseau@lyon", "模型", "a.b-c_d"):
        assert name_flaw(name) is None


def test_the_folder_names_a_model_that_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert check_name(None, Path("models/mine")) == "mine"
    assert check_name(None, Path()) == "here"
    assert check_name(None, Path("../here/..")) == tmp_path.name
    assert check_name("given", Path()) == "given"


@pytest.mark.parametrize("name", ["../x", ".hidden", "a/b", "a\tb", "x" * 101])
def test_names_that_would_not_be_loaded_are_refused_before_training(name: str) -> None:
    with pytest.raises(UsageError, match="--name"):
        check_name(name, Path("models/mine"))


def test_words_for_the_card_stay_on_their_line() -> None:
    assert printable("a\nb\x1b[2Jc\u202e é") == "a b [2Jc  é"
