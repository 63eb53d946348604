from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pytest

from morpheus_gae.errors import InputError
from morpheus_gae.evaluate.covered import Covered
from morpheus_gae.flows.exporters.convert import table_to_flows
from morpheus_gae.incidents.fold import Fold
from tests.incidents.make import START, Row, alerts, host

Labelled = tuple[Row, str]
SCAN: list[Labelled] = [((float(i), host(1), host(10 + i), 445, 60, 40, 12.0), "scan") for i in range(12)]
LEAK: list[Labelled] = [((9.0, host(2), host(3, False), 443, 9_000_000, 60, 14.0), "leak")]
MISSED: list[Labelled] = [((9.0, host(4), host(5, False), 443, 9_000_000, 60, 5.0), "leak")]
USUAL: list[Labelled] = [((5.0, host(6), host(7), 8443, 60, 60, 6.0), "Benign")]


def table(rows: Sequence[Labelled], times: bool = True) -> pa.Table:
    made = alerts([row for row, _ in rows], times)
    return made.append_column("Attack", pa.array([label for _, label in rows], pa.string()))


def counted(
    flows: Sequence[Labelled], flagged: Sequence[Labelled], times: bool = True, least: float = 0.0
) -> list[str]:
    covered = Covered([table_to_flows(table(flows, times)).flows])
    fold = Fold(watch=covered.took)
    batch = table(flagged, times)
    covered.batch(batch)
    when = START if times else None
    covered.tell(c for c in fold.add(batch, 1000, when, when) if c.incident.top >= least)
    return covered.lines(when, when)


def rows(lines: list[str]) -> dict[str, list[str]]:
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    return {first: rest for first, *rest in cells}


@pytest.mark.parametrize("times", [True, False])
def test_classes_are_counted_with_what_is_missed(times: bool) -> None:
    found = rows(counted([*SCAN, *LEAK, *MISSED, *USUAL], [*SCAN, *LEAK, *USUAL], times))
    assert found["scan"] == ["12", "12", "1", "1", "1", "horizontal scan 1"]
    assert found["leak"] == ["2", "1", "2", "1", "1", "exfiltration 1"]
    assert found["benign"] == ["1", "1", "", "", "1", "new service 1"]
    assert found["1"] == ["medium", "0.0", "2", "2"]


def test_a_worm_is_one_attack_however_many_hosts_it_has() -> None:
    worm: list[Labelled] = [
        ((600.0 * at, host(at), host(at + 1 + step), 445, 60, 40, 12.0), "worm")
        for at in range(9)
        for step in (0, 100, 200)
    ]
    found = rows(counted([*worm, *LEAK], worm))
    assert found["worm"][:4] == ["27", "27", "1", "1"]


def test_what_is_not_told_is_missed() -> None:
    lines = counted([*SCAN, *LEAK], [*SCAN, *LEAK], least=13.0)
    assert rows(lines)["scan"] == ["12", "12", "1", "0", "0", ""]
    assert "attacks found, of 2 |" in "".join(lines)


def test_incidents_of_several_classes_are_told() -> None:
    beside = [((60.0 + i, host(1), host(40 + i), 445, 60, 40, 12.0), "Benign") for i in range(3)]
    lines = counted([*SCAN, *beside], [*SCAN, *beside])
    assert "several classes: 1; benign flows and attacks: 1." in "".join(lines)
    assert rows(lines)["benign"][-2:] == ["0", ""]
    lines = counted(SCAN, SCAN)
    assert "several classes: 0; benign flows and attacks: 0." in "".join(lines)


def test_flows_without_labels_are_refused() -> None:
    made = alerts([row for row, _ in SCAN])
    with pytest.raises(InputError, match="figures need labels"):
        Covered([table_to_flows(made).flows])
    covered = Covered([table_to_flows(table(SCAN)).flows])
    with pytest.raises(InputError, match="figures need labels"):
        covered.batch(made)


def test_alerts_of_other_flows_are_told_too() -> None:
    found = rows(counted(SCAN, LEAK))
    assert found["leak"] == ["0", "1", "0", "0", "1", "exfiltration 1"]
    assert found["scan"] == ["12", "0", "1", "0", "0", ""]


def test_nothing_flagged_is_all_missed() -> None:
    lines = Covered([table_to_flows(table([*SCAN, *USUAL])).flows]).lines(None, None)
    assert rows(lines)["scan"] == ["12", "0", "1", "0", "0", ""]
