from __future__ import annotations

import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.incidents.flagged import Flagged, split_service
from morpheus_gae.incidents.groups import Group, groups, powers
from morpheus_gae.incidents.incident import MEMBERS, TIMES

from .make import START, Row, alerts, host

A, B = host(1), host(2)

rows_of_flows = st.lists(
    st.tuples(
        st.integers(0, 50).map(float),
        st.integers(0, 6).map(host),
        st.integers(5, 20).map(host),
        st.sampled_from([22, 80, 443, 3389, 9999]),
        st.integers(0, 10**7),
        st.integers(0, 10**7),
        st.integers(5, 20).map(float),
    ),
    min_size=1,
    max_size=60,
)


def counted(names: list[str]) -> tuple[list[str], list[int]]:
    counts = Counter(names)
    return sorted(counts), [counts[name] for name in sorted(counts)]


def checked(group: Group, flows: Flagged, rows: list[int]) -> None:
    """The group's counts are those of its flows, one by one."""
    rows.sort(key=lambda row: (flows.start[row], flows.ids[row]))
    assert group.ids == [flows.ids[row] for row in rows]
    hosts = [[str(flows.hosts[side[row]]) for row in rows] for side in (flows.src, flows.dst)]
    assert (group.sources, group.destinations) == tuple(map(counted, hosts))
    used = [split_service(int(flows.service[row])) for row in rows]
    assert group.targets == [(host, *service) for host, service in zip(hosts[1], used, strict=True)]
    most = Counter(used)
    assert group.used == min(most, key=lambda service: (-most[service], service))
    assert dict(zip(*group.services, strict=True)) == {"{}/{}".format(*s): n for s, n in most.items()}
    sizes = sorted(powers(flows.up[rows] + flows.down[rows]).tolist())
    assert dict(zip(*group.sizes, strict=True)) == Counter(sizes)
    assert group.middle == sizes[(len(sizes) - 1) // 2]
    assert (group.up, group.down) == (sum(flows.up[rows].tolist()), sum(flows.down[rows].tolist()))
    strange = sorted((-float(flows.surprise[row]), flows.ids[row]) for row in rows)
    assert group.members == [(-nats, name) for nats, name in strange[:MEMBERS]]
    assert group.top == group.members[0][0]
    times = [int(flows.start[row]) for row in rows if flows.timed[row]]
    assert group.times == times[-TIMES:]
    ends = [int(flows.end[row]) for row in rows if flows.timed[row]]
    assert group.seen == ((times[0], max(ends)) if times else None)
    assert group.when == ((times[0], times[-1]) if len(times) == len(rows) else None)


@given(rows=rows_of_flows, times=st.booleans())
def test_groups_count_what_their_flows_are(rows: list[Row], times: bool) -> None:
    flows = Flagged.of(alerts(list(dict.fromkeys(rows)), times))
    row_of = {name: row for row, name in enumerate(flows.ids.tolist())}
    found = list(groups(flows))
    assert sorted(itertools.chain.from_iterable(group.ids for group in found)) == sorted(row_of)
    assert len({group.anchor for group in found}) == len(found)
    for group in found:
        checked(group, flows, [row_of[name] for name in group.ids])


def test_a_few_flows_among_them_without_times() -> None:
    flows = Flagged.of(alerts([(float(i), A, B, 443, 60, 40, 8.0) for i in range(4)]))
    flows.timed[:] = [True, False, True, False]
    flows.start[~flows.timed] = 0
    (group,) = groups(flows)
    assert (group.when, group.start) == (None, 0)
    assert group.times == [START, START + 2000]
    assert group.seen == (START, START + 2010)
    checked(group, flows, [0, 1, 2, 3])
