from __future__ import annotations

import json
import logging
import re
import sys
import warnings
from collections.abc import Iterator

import pytest

from morpheus_gae.engine.observe import logs
from morpheus_gae.engine.observe.logs import Line, say, start_logging


@pytest.fixture(autouse=True)
def text_again() -> Iterator[None]:
    yield
    start_logging("text")


def test_text_is_the_line_itself(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("text")
    say("Warning: odd")
    say(Line("a thing", "happened", count=3))
    assert capsys.readouterr() == ("", "Warning: odd\na thing\n")
    assert not logs.is_json()


def test_json_has_level_event_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("json")
    say("Warning: odd")
    say("Error: wrong")
    say(Line("a thing", "happened", count=3, path="x"))
    out, err = capsys.readouterr()
    told = [json.loads(line) for line in err.splitlines()]
    assert out == ""
    assert [(t["level"], t["event"], t["message"]) for t in told] == [
        ("warning", "message", "odd"),
        ("error", "message", "wrong"),
        ("info", "happened", "a thing"),
    ]
    assert (told[2]["count"], told[2]["path"]) == (3, "x")


def test_other_loggers_warnings_and_crashes_are_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("json")
    logging.getLogger("library").warning("trouble with %s", "it")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old habit", stacklevel=1)
    try:
        raise RuntimeError("bug")
    except RuntimeError:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(t.get("logger"), t["level"]) for t in told[:2]] == [
        ("library", "warning"),
        ("py.warnings", "warning"),
    ]
    assert told[2]["event"] == "crash"
    assert "RuntimeError: bug" in told[2]["traceback"]
    start_logging("text")
    assert sys.excepthook is sys.__excepthook__


def test_a_terminal_that_has_gone_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def write(self, text: str) -> None:
            raise OSError("gone")

        def flush(self) -> None:
            raise OSError("gone")

    start_logging("text")
    monkeypatch.setattr(sys, "stderr", Gone())
    say("nobody hears this")


def test_a_line_is_a_string() -> None:
    line = Line("text", "event", a=1)
    assert line == "text"
    assert isinstance(line, str)


@pytest.mark.parametrize("kind", ["text", "json"])
def test_names_of_others_do_not_act_on_a_terminal(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(kind)
    name = "\x1b[31m\x9b\x7f\u202e\udcff\r\n.csv"
    say(Line(f"Warning: {name}", "odd", file=name))
    say(Line("flows  1\nalerts  2", "summary"))
    err = capsys.readouterr().err
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\udcff]", err)
    if kind == "text":
        assert err == r"Warning: \x1b[31m\x9b\x7f\u202e\xff\r\n.csv" + "\nflows  1\nalerts  2\n"
    else:
        assert json.loads(err.splitlines()[0])["file"] == name
