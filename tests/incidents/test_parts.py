"""Open incidents in parts: each window writes what it changed, and all that was written is the whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.incidents import parts, reached
from morpheus_gae.incidents.fold import Fold
from morpheus_gae.incidents.incident import MEMBERS, SIZES, TIMES, Incident
from morpheus_gae.incidents.tally import CAP
from morpheus_gae.kafka.outbox import MESSAGE_BYTES

from .make import START, Row, alerts, host

Kept = dict[str, Any]

windows = st.lists(
    st.lists(
        st.tuples(
            st.integers(0, 50),
            st.integers(1, 6),
            st.integers(1, 30),
            st.sampled_from([445, 443, 22]),
            st.floats(5.0, 30.0),
        ),
        max_size=25,
    ),
    min_size=1,
    max_size=8,
)


def rows_of(window: int, found: list[tuple[int, int, int, int, float]]) -> list[Row]:
    # an hour and a half from window to window closes some, and others go on
    return [
        (window * 2700.0 + 60.0 * at, host(a), host(b + 3), port, 60, 40, s)
        for at, a, b, port, s in sorted(found)
    ]


def keep(kept: Kept, fold: Fold, told: dict[str, tuple[int, str, str]]) -> None:
    """As a compacted topic does."""
    changed, names = parts.changed(fold, told, "m@1"), parts.names(fold)
    for name in kept.keys() - names:
        del kept[name]
    kept.update(json.loads(json.dumps(changed)))
    assert kept.keys() == names


@given(windows)
@settings(max_examples=60, deadline=None)
def test_what_was_kept_goes_on_as_it_was(found: list[list[tuple[int, int, int, int, float]]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reached, "SEGMENT", 4)
        patch.setattr(reached, "MOST_REACHED", 40)
        whole, cut, kept = Fold(most_open=20), Fold(most_open=20), Kept()
        for number, window in enumerate(found):
            table = alerts(rows_of(number, window))
            when = START + 2_700_000 * number
            changes = [fold.add(table, 1000, when, when + 3_000_000) for fold in (whole, cut)]
            assert [(c.state, c.incident.as_dict()) for c in changes[0]] == [
                (c.state, c.incident.as_dict()) for c in changes[1]
            ]
            told = {i.id: (i.flows, "unknown", "low") for i in cut.open.values()}
            keep(kept, cut, told)
            values = parts.joined(kept)
            assert sorted(values["told"]) == sorted([i, *t] for i, t in told.items())
            assert values["model"] == "m@1"
            # a crash after each window
            cut = Fold(most_open=20)
            cut.restore(values["fold"])
            assert cut.as_dict()["reached"] == whole.as_dict()["reached"]
            assert sorted(map(str, cut.as_dict()["open"])) == sorted(map(str, whole.as_dict()["open"]))
            assert cut.numbers() == whole.numbers()


def kept_of_a_scan() -> Kept:
    fold, kept = Fold(), Kept()
    fold.add(
        alerts([(float(i), host(1), host(10 + i), 445, 60, 40, 8.0) for i in range(20)]), 20, START, START
    )
    keep(kept, fold, {})
    return kept


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda kept: kept.pop("head"), "head"),
        (lambda kept: kept["head"].update(format=2), "another version"),
        (lambda kept: kept["head"].pop("open"), "open"),
        (lambda kept: kept.pop("reached.0"), "some of it is missing"),
        (lambda kept: kept.pop(next(n for n in kept if n.startswith("incident."))), "some of it is missing"),
        (lambda kept: kept.update({"reached.x": []}), "invalid literal"),
        (lambda kept: kept.update({"reached.0": 7}), "hosts"),
        (lambda kept: kept.update({"head": 7}), "TypeError"),
        (
            lambda kept: kept.update(
                {"incident.0": kept.pop(next(n for n in kept if n.startswith("incident.")))}
            ),
            "name of another",
        ),
    ],
)
def test_what_is_damaged_is_told(damage: Any, words: str) -> None:
    kept = kept_of_a_scan()
    damage(kept)
    with pytest.raises(ValueError, match=words):
        parts.joined(kept)


def test_a_part_fits_into_a_message() -> None:
    name = "2001:db8:1111:2222:3333:4444:5555:{:x}".format
    fold = Fold()
    (first, *_) = fold.add(alerts([(0.0, host(1), host(2), 445, 60, 40, 8.0)]), 1, START, START)
    found: Incident = first.incident
    for tally in (found.sources, found.targets):
        tally.counts = {name(i): (1 << 63) - 1 - i for i in range(CAP)}
    found.services.counts = {f"-1/{i + 40_000}": (1 << 63) - 1 - i for i in range(CAP)}
    found.times, found.sizes = [START + i for i in range(TIMES)], [(1 << 63) - 1] * SIZES
    found.members = [(1.0 / 3.0 + i, f"{i:016x}") for i in range(MEMBERS)]
    for i in range(reached.SEGMENT):
        fold.reached.put((name(i), 6, 50_000), found.anchor._replace(source=name(i), destination=name(i)))
    sizes = [len(json.dumps(part)) for part in parts.changed(fold, {}, "m@1").values()]
    assert len(sizes) == 3
    assert max(sizes) < MESSAGE_BYTES / 2
