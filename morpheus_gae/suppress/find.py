"""Find: looks up an alert or incident by its id in output files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from morpheus_gae.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.incidents.incident import Incident
    from morpheus_gae.incidents.tally import Tally

ROWS = 100_000


class Found(NamedTuple):
    """Flows of an id; fields as in ``feedback.Told``."""

    sources: list[str] | None
    targets: list[str] | None
    services: list[str] | None
    first: int | None
    last: int | None
    flows: int


def in_alerts(paths: Sequence[str], id: str) -> Found | None:
    """Look up an id in alerts of encoding ``plain``, and in the incidents folded from them.

    Raises
    ------
    GaeError
        If a file cannot be read, or has no alerts.
    """
    from morpheus_gae.flows.readers.read import expand, read_flows
    from morpheus_gae.flows.span import span
    from morpheus_gae.incidents.alerts_file import checked
    from morpheus_gae.incidents.flagged import Flagged, split_service
    from morpheus_gae.incidents.fold import Fold

    fold = Fold()
    changes = []
    for batch in read_flows(expand(list(paths)), batch_rows=ROWS):
        table = checked(batch.flows.table, batch.source)
        if not table.num_rows:
            continue
        flows = Flagged.of(table)
        at = np.flatnonzero(flows.ids == id)
        if at.size:
            i = int(at[0])
            service = "/".join(map(str, split_service(int(flows.service[i]))))
            first, last = (int(flows.start[i]), int(flows.end[i])) if flows.timed[i] else (None, None)
            hosts = [str(flows.hosts[side[i]]) for side in (flows.src, flows.dst)]
            return Found([hosts[0]], [hosts[1]], [service], first, last, 1)
        when = batch.flows.time_ms
        start, end = (None, None) if when is None or not len(when) else span(when)
        changes += fold.add(table, table.num_rows, start, end)
    changes += fold.finish()
    return next((_of(c.incident) for c in changes if c.incident.id == id), None)


def in_incidents(paths: Sequence[str], id: str) -> Found | None:
    """Look up an id in incident records of encoding ``plain``; the last record of an id is used.

    Raises
    ------
    GaeError
        If a file cannot be read, or has no incidents.
    """
    found = None
    for path in paths:
        for row in _records(path).to_pylist():
            if row["id"] == id:
                found = _of_record(row, path)
    return found


def _of(incident: Incident) -> Found:
    def named(tally: Tally) -> list[str] | None:
        return None if tally.beyond else sorted(tally.counts)

    sides = [named(tally) for tally in (incident.sources, incident.targets, incident.services)]
    return Found(sides[0], sides[1], sides[2], incident.first, incident.last, incident.flows)


def _of_record(row: dict[str, Any], path: str) -> Found:
    try:
        sides: list[list[str] | None] = []
        for name, count in (("sources", "source_count"), ("targets", "target_count")):
            whole = len(row[name]) == row[count] and not row["counts_are_least"]
            sides.append([str(host) for host in row[name]] if whole else None)
        whole = len(row["services"]) == row["service_count"] and not row["counts_are_least"]
        services = [_service(name) for name in row["services"]] if whole else None
        times = [_ms(row[name]) for name in ("first_seen", "last_seen")]
        return Found(sides[0], sides[1], services, times[0], times[1], int(row["flows"]))
    except (KeyError, TypeError, ValueError):
        raise InputError(
            f"{path}: the record of {row['id']} is no incident as this version writes it"
        ) from None


def _service(name: str) -> str:
    """Convert ``tcp/443`` to ``6/443``, the inverse of ``records.service_name``."""
    from morpheus_gae.incidents.records import PROTOCOLS

    protocol, _, port = name.partition("/")
    known = {text: number for number, text in PROTOCOLS.items()} | {"ip": -1}
    number = known[protocol] if protocol in known else int(protocol.removeprefix("proto "))
    return f"{number}/{port or -1}"


def _ms(text: str | None) -> int | None:
    if text is None:
        return None
    return round(1000 * datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def _records(path: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.json as pj
    import pyarrow.parquet as pq

    try:
        if path.endswith(".parquet"):
            table = pq.read_table(path)
        elif path.endswith((".arrow", ".arrows")):
            with pa.OSFile(path) as file:
                table = pa.ipc.open_file(file).read_all()
        else:
            table = pj.read_json(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except pa.ArrowInvalid as error:
        raise InputError(f"{path} holds no incidents: {str(error).splitlines()[0]}") from None
    if "id" not in table.column_names or "source_count" not in table.column_names:
        raise InputError(f"{path} holds no incidents of encoding plain: it has no id or source_count")
    return table
