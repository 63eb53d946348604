from __future__ import annotations

import pytest

from morpheus_gae.errors import OutputError
from morpheus_gae.incidents import spool as module
from morpheus_gae.incidents.fold import Fold
from morpheus_gae.incidents.records import ranked, table
from morpheus_gae.incidents.spool import Spool

from .make import START, alerts, host


def test_what_went_to_disk_comes_back_ranked() -> None:
    fold = Fold()
    fold.add(
        alerts([(i, host(i), host(50 + i), 9999, 60, 40, 6.0 + i % 3) for i in range(9)]), 9, START, START
    )
    changes = fold.finish()
    with Spool() as spool:
        for change in changes:
            spool.add(change.incident)
        assert len(spool) == 9
        back = [changes[0]._replace(incident=found) for found in spool.ranked()]
    expected = [changes[0]._replace(incident=c.incident) for c in ranked(changes)]
    assert table(back, "toy@1").equals(table(expected, "toy@1"))


def test_a_disk_that_takes_nothing_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "TemporaryFile", full)
    with pytest.raises(OutputError, match="no temporary file for incidents: No space left on device"):
        Spool()
