from __future__ import annotations

import ipaddress
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.incidents.anchors import Anchor
from morpheus_gae.incidents.incident import Incident
from morpheus_gae.suppress import match
from morpheus_gae.suppress.match import NONE, which, which_incident
from morpheus_gae.suppress.read import parse_rules
from morpheus_gae.suppress.rows import Rows
from morpheus_gae.suppress.rule import COUNTS, FLOW, OTHERS, PAIR, UNLIKELY, Rule
from tests.incidents.make import alerts

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
Flow = tuple[str, str, int, int, float, int]
"""Source, destination, port, protocol, surprise, bits of why."""


def rules(*bodies: str) -> list[Rule]:
    text = "\n".join(f'[[suppress]]\n{body}\nreason = "known"' for body in bodies)
    return parse_rules(text.encode(), "rules.toml")


def rows(flows: list[Flow]) -> Rows:
    src, dst, port, protocol, surprise, why = zip(*flows, strict=True)
    table = pa.table(
        {
            "IPV6_SRC_ADDR": pa.array(src),
            "IPV6_DST_ADDR": pa.array(dst),
            "L4_SRC_PORT": pa.array([50_000] * len(flows)),
            "L4_DST_PORT": pa.array(port),
            "PROTOCOL": pa.array(protocol),
        }
    )
    return Rows.of(table, np.array(surprise, np.float64), np.array(why, np.int64))


FLOWS: list[Flow] = [
    ("10.0.0.1", "10.9.0.1", 443, 6, 8.0, PAIR),
    ("10.9.0.1", "10.0.0.1", 443, 6, 12.0, PAIR | FLOW),
    ("2001:db8::1", "2001:db8::2", 53, 17, 9.0, FLOW | OTHERS),
    ("10.0.0.2", "10.9.0.1", 8080, 6, 10.0, UNLIKELY | COUNTS),
]


@pytest.mark.parametrize(
    ("body", "held"),
    [
        ('source = "10.0.0.0/24"', [0, 3]),
        ('destination = ["10.0.0.1", "2001:db8::/64"]', [1, 2]),
        ('pair = ["10.9.0.1", "10.0.0.1"]', [0, 1]),
        ('ports = [443, "8000-8100"]', [0, 1, 3]),
        ('protocol = "udp"', [2]),
        ('why = "pair"', [0]),
        ('why = ["pair", "flow"]', [0, 1]),
        ('why = ["flow", "others"]', [2]),
        ('why = ["unlikely", "counts"]', [3]),
        ('why = "unlikely"', []),
        ("protocol = 6\nmin_surprise = 10", [1, 3]),
        ("protocol = 6\nmax_surprise = 10", [0, 3]),
        ('source = "10.0.0.1"\nports = 443\nprotocol = "tcp"\ndestination = "10.9.0.0/16"', [0]),
        ('source = "10.0.0.1"\nports = 80', []),
        ('kind = "beacon"', []),
        ("ports = 443\nuntil = 2026-05-31", []),
        ("ports = 443\nuntil = 2026-06-01", [0, 1]),
    ],
)
def test_all_that_is_told_has_to_fit(body: str, held: list[int]) -> None:
    found = which(rules(body), rows(FLOWS), NOW)
    assert np.flatnonzero(found == 0).tolist() == held


def test_the_first_rule_that_fits_counts() -> None:
    found = which(rules("ports = 53", "protocol = [6, 17]", "ports = 443"), rows(FLOWS), NOW)
    assert found.tolist() == [1, 1, 0, 1]


def test_an_answer_is_of_the_service_it_comes_from() -> None:
    table = pa.table({"L4_SRC_PORT": [443, 443, 60_000], "L4_DST_PORT": [50_000, 80, 443]})
    assert Rows.of(table, np.zeros(3), np.zeros(3, np.int64)).port.tolist() == [443, 80, 443]


def test_flows_without_ports_fit_no_rule_that_asks() -> None:
    table = pa.table({"IPV4_SRC_ADDR": ["10.0.0.1"], "IPV4_DST_ADDR": ["10.0.0.2"]})
    bare = Rows.of(table, np.array([9.0]), np.array([PAIR], np.int64))
    assert which(rules("ports = 0", "protocol = 0"), bare, NOW).tolist() == [NONE]
    assert which(rules('source = "10.0.0.1"'), bare, NOW).tolist() == [0]


def test_alerts_of_a_file_have_their_reasons() -> None:
    table = alerts([(0, "10.0.0.1", "10.0.0.2", 443, 1, 1, 9.0)])
    assert table["why"].to_pylist() == ["unusual pair of hosts"]
    assert Rows.of_alerts(table).why.tolist() == [PAIR]
    other = table.set_column(table.column_names.index("why"), "why", pa.array(["something new"]))
    assert Rows.of_alerts(other).why.tolist() == [0]


HOSTS = [f"10.0.{i}.{j}" for i in range(2) for j in range(3)]


@given(st.data())
def test_many_rules_are_as_one_by_one(data: Any) -> None:
    host = st.sampled_from(HOSTS)
    flow = st.tuples(host, host, st.sampled_from([22, 80, 443]), st.sampled_from([6, 17]))
    flows = [(*f, 9.0, PAIR) for f in data.draw(st.lists(flow, min_size=1, max_size=12))]
    bodies = []
    for side, a, b, port in data.draw(
        st.lists(
            st.tuples(
                st.sampled_from(["source", "destination", "pair"]), host, host, st.sampled_from([22, 80])
            ),
            min_size=1,
            max_size=30,
        )
    ):
        told = f'pair = ["{a}", "{b}"]' if side == "pair" else f'{side} = "{a}"'
        bodies.append(f"{told}\nports = {port}")
    found = which(rules(*bodies), rows(flows), NOW)
    expected = [next((i for i, body in enumerate(bodies) if _fits(body, f)), NONE) for f in flows]
    assert found.tolist() == expected
    # far more rules, of hosts that are not there: the same
    others = [f'source = "192.168.0.{i}"' for i in range(match.MANY)]
    more = which(rules(*bodies, *others), rows(flows), NOW)
    assert more.tolist() == expected


def _fits(body: str, flow: Flow) -> bool:
    key, _, rest = body.partition(" = ")
    told, _, port = rest.partition("\nports = ")
    src, dst = (ipaddress.ip_address(a) for a in flow[:2])
    names = [ipaddress.ip_address(n.strip(' []"')) for n in told.split(",")]
    if flow[2] != int(port):
        return False
    if key == "pair":
        return [src, dst] in (names, names[::-1])
    return names[0] == (src if key == "source" else dst)


def incident(sources: list[str], targets: list[str], services: list[str]) -> Incident:
    made = Incident("0" * 16, Anchor("pair", sources[0], targets[0], 6, 22), flows=5, top=9.0)
    for tally, names in ((made.sources, sources), (made.targets, targets), (made.services, services)):
        tally.add(names, [1] * len(names))
    return made


@pytest.mark.parametrize(
    ("body", "held"),
    [
        ('kind = "brute force"', True),
        ('kind = "beacon"', False),
        ('source = "10.0.0.1"', False),
        ('kind = "brute force"\nsource = "10.0.0.0/31"', True),
        ('kind = "brute force"\nsource = "10.0.0.1"', False),
        ('kind = "brute force"\ndestination = "10.9.0.0/16"', True),
        ('kind = "brute force"\npair = ["10.9.0.1", "10.0.0.0/8"]', True),
        ('kind = "brute force"\npair = ["10.9.0.2", "10.0.0.0/8"]', False),
        ('kind = "brute force"\nports = 22', False),
        ('kind = "brute force"\nports = [22, 23]\nprotocol = "tcp"', True),
        ('kind = "brute force"\nprotocol = "udp"', False),
        ('kind = "brute force"\nmin_surprise = 9.5', False),
        ('kind = "brute force"\nmax_surprise = 8.5', False),
        ('kind = "brute force"\nuntil = 2026-01-01', False),
    ],
)
def test_all_of_an_incident_has_to_fit(body: str, held: bool) -> None:
    found = incident(["10.0.0.0", "10.0.0.1"], ["10.9.0.1"], ["6/22", "6/23"])
    assert (which_incident(rules(body), found, "brute force", NOW) == 0) == held


def test_what_an_incident_does_not_name_is_not_known_to_fit() -> None:
    found = incident(["10.0.0.1"], ["10.9.0.1"], ["6/22"])
    found.targets.beyond = 1
    assert which_incident(rules('kind = "beacon"\nsource = "10.0.0.1"'), found, "beacon", NOW) == NONE
    assert which_incident(rules('kind = "beacon"\nports = 22'), found, "beacon", NOW) == 0
