from __future__ import annotations

import pytest

from morpheus_gae.engine.run import defaults as choose
from morpheus_gae.errors import GaeError, UsageError


@pytest.mark.parametrize(
    ("name", "installed", "engine"),
    [
        ("auto", False, "embedded"),
        ("auto", True, "morpheus"),
        ("embedded", True, "embedded"),
        ("morpheus", True, "morpheus"),
    ],
)
def test_choice(name: str, installed: bool, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "morpheus_installed", lambda: installed)
    assert choose.choose_engine(name) == engine


def test_morpheus_is_refused_clearly_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "morpheus_installed", lambda: False)
    with pytest.raises(GaeError, match="is not installed"):
        choose.choose_engine("morpheus")


def test_unknown_engine_lists_those_there_are() -> None:
    with pytest.raises(UsageError, match="embedded, morpheus"):
        choose.choose_engine("warp")


def test_another_project_of_that_name_is_not_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        choose.importlib.util, "find_spec", lambda name: object() if name == "morpheus" else None
    )
    assert not choose.morpheus_installed()
