from __future__ import annotations

import pytest

from morpheus_gae.engine import choose
from morpheus_gae.errors import GaeError, UsageError


@pytest.mark.parametrize("name", ["auto", "embedded"])
def test_embedded(name: str) -> None:
    assert choose.choose_engine(name) == "embedded"


@pytest.mark.parametrize(("installed", "message"), [(False, "is not installed"), (True, "no adapter")])
def test_morpheus_is_refused_clearly(installed: bool, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "morpheus_installed", lambda: installed)
    with pytest.raises(GaeError, match=message):
        choose.choose_engine("morpheus")


def test_unknown_engine_lists_those_there_are() -> None:
    with pytest.raises(UsageError, match="embedded, morpheus"):
        choose.choose_engine("warp")


def test_another_project_of_that_name_is_not_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        choose.importlib.util, "find_spec", lambda name: object() if name == "morpheus" else None
    )
    assert not choose.morpheus_installed()
