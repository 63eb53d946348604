from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.errors import InputError, UsageError
from morpheus_gae.evaluate.data.streams import STREAMS, burst, camo, file_order, mix50, readdressed, stream
from morpheus_gae.evaluate.labels import labels_of
from morpheus_gae.flows.addresses.text import parse_addresses
from morpheus_gae.flows.frame import Flows
from tests.evaluate.make import attack_flows, benign_flows, make_flows

sizes = st.integers(1, 120)
quick = settings(max_examples=40, deadline=None)


def attack_of(flows: Flows) -> np.ndarray:
    return labels_of(flows.table).attack


def pairs(flows: Flows) -> set[tuple[int, int]]:
    return set(zip(flows.src_lo.tolist(), flows.dst_lo.tolist(), strict=True))


def table_agrees(flows: Flows) -> None:
    """The table's addresses are those of the arrays, and its rows those of the other arrays."""
    for name, hi, lo in (("SRC", flows.src_hi, flows.src_lo), ("DST", flows.dst_hi, flows.dst_lo)):
        v4, v6 = f"IPV4_{name}_ADDR", f"IPV6_{name}_ADDR"
        column = flows.table[v4]
        if v6 in flows.table.column_names:
            column = pa.compute.coalesce(column, flows.table[v6])
        found_hi, found_lo, ok = parse_addresses(column)
        assert ok.all()
        assert found_hi.tolist() == hi.tolist()
        assert found_lo.tolist() == lo.tolist()
    assert flows.table["note"].to_pylist() == [f"row {r}" for r in flows.rows]
    assert flows.table["IN_BYTES"].to_pylist() == flows.attributes[:, 0].tolist()


@quick
@given(sizes, sizes, st.floats(0.01, 0.95), st.integers(1, 60), st.integers(0, 9))
def test_burst(benign: int, attacks: int, share: float, run: int, seed: int) -> None:
    b, a = benign_flows(benign), attack_flows(attacks, first_row=1000)
    flows = burst(b, a, share, seed, run)
    hit = attack_of(flows)
    wanted = min(round(benign * share / (1 - share)), attacks)
    assert hit.sum() == wanted
    assert len(flows) == benign + wanted
    # benign flows all there and in order, attacks in order and none twice
    assert flows.rows[~hit].tolist() == b.rows.tolist()
    assert (np.diff(flows.rows[hit]) > 0).all()
    table_agrees(flows)
    again = burst(b, a, share, seed, run)
    assert again.rows.tolist() == flows.rows.tolist()


def test_burst_runs() -> None:
    flows = burst(benign_flows(4000), attack_flows(3000, first_row=10_000), 0.2, seed=1)
    hit = attack_of(flows)
    assert hit.mean() == pytest.approx(0.2, abs=1e-3)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], hit.astype(int), [0]])))
    lengths = edges[1::2] - edges[::2]
    assert lengths.max() == 50
    assert lengths.shape[0] == 20
    # within a run the attack flows are consecutive ones
    rows = flows.rows
    inside = hit[1:] & hit[:-1]
    assert (np.diff(rows)[inside] == 1).all()
    assert burst(benign_flows(4000), attack_flows(3000), 0.2, seed=2).rows.tolist() != rows.tolist()


@quick
@given(sizes, sizes, st.integers(0, 9))
def test_mix50(benign: int, attacks: int, seed: int) -> None:
    flows = mix50(benign_flows(benign), attack_flows(attacks, first_row=1000), seed)
    assert attack_of(flows).sum() * 2 == len(flows) == 2 * min(benign, attacks)
    assert np.unique(flows.rows).shape[0] == len(flows)
    table_agrees(flows)


def test_file_order() -> None:
    b = make_flows([1, 2], [3, 4], rows=[0, 5])
    a = make_flows([7, 8], [9, 9], rows=[2, 6], attack=["x", "y"])
    flows = file_order(b, a)
    assert flows.rows.tolist() == [0, 2, 5, 6]
    assert flows.table["Attack"].to_pylist() == ["Benign", "x", "Benign", "y"]
    assert file_order(b, a.slice(0, 0)).rows.tolist() == [0, 5]


@quick
@given(sizes, sizes, st.integers(0, 9), st.booleans())
def test_camo(benign: int, attacks: int, seed: int, with_donors: bool) -> None:
    b, a = benign_flows(benign), attack_flows(attacks, first_row=1000)
    donors = make_flows([1, 2], [3, 4]) if with_donors else None
    flows = camo(b, a, 0.2, seed, donors=donors)
    hit = attack_of(flows)
    assert pairs(flows.take(hit)) <= pairs(donors or b)
    assert pairs(flows.take(~hit)) == pairs(b)
    # attributes stay with their flow
    assert (flows.attributes[hit] == a.attributes[flows.rows[hit] - 1000]).all()
    assert flows.table["Attack"].to_pylist() == [
        (a.table["Attack"][r - 1000] if r >= 1000 else b.table["Attack"][r]).as_py()
        for r in flows.rows.tolist()
    ]
    table_agrees(flows)


@quick
@given(sizes, sizes, st.integers(0, 9))
def test_readdressed(benign: int, attacks: int, seed: int) -> None:
    b, a = benign_flows(benign), attack_flows(attacks, first_row=1000)
    flows = readdressed(b, a, 0.2, seed)
    hit = attack_of(flows)
    moved = flows.take(hit)
    hosts = {*b.src_lo.tolist(), *b.dst_lo.tolist()}
    assert {*moved.src_lo.tolist(), *moved.dst_lo.tolist()} <= hosts
    assert not (moved.src_lo == moved.dst_lo).any()
    # flows of one attacking host stay together
    old = a.src_lo[moved.rows - 1000]
    for host in np.unique(old):
        assert np.unique(moved.src_lo[old == host]).shape[0] == 1
    table_agrees(flows)


@pytest.mark.parametrize("v6_column", [False, True])
def test_ipv6_donors(v6_column: bool) -> None:
    a = make_flows([1, 2], [3, 4], attack=["x", "x"], v6=v6_column)
    donor = make_flows([5], [6])
    high = np.array([0x2001_0DB8 << 32], np.uint64)
    donor = Flows(**{**donor.__dict__, "src_hi": high, "src_lo": np.array([1], np.uint64)})
    flows = camo(make_flows([8] * 8, [9] * 8, v6=v6_column), a, 0.2, 0, donors=donor)
    assert attack_of(flows).sum() == 2
    table_agrees(flows)
    moved = flows.table.filter(pa.array(attack_of(flows)))
    where = "IPV6_SRC_ADDR" if v6_column else "IPV4_SRC_ADDR"
    assert moved[where].to_pylist() == ["2001:db8::1"] * 2


def test_addresses_that_were_numbers_or_dictionaries() -> None:
    a = make_flows([1, 2], [3, 4], attack=["x", "x"])
    b = benign_flows(8)
    for name in ("IPV4_SRC_ADDR", "IPV4_DST_ADDR"):
        at = b.table.column_names.index(name)
        b = Flows(**{**b.__dict__, "table": b.table.set_column(at, name, b.table[name].dictionary_encode())})
        a = Flows(**{**a.__dict__, "table": a.table.set_column(at, name, pa.array([1, 2], pa.uint32()))})
    table_agrees(camo(b, a, 0.2, 0))


@pytest.mark.parametrize("name", STREAMS)
def test_every_stream_is_a_function_of_its_seed(name: str) -> None:
    b, a = benign_flows(60), attack_flows(40, first_row=1000)
    first, second = (stream(name, b, a, seed=5, donors=benign_flows(30, seed=9)) for _ in range(2))
    assert first.table.equals(second.table)
    assert attack_of(first).any()


def test_refusals() -> None:
    b, a = benign_flows(5), attack_flows(5)
    with pytest.raises(UsageError, match=r"burst21.*file, burst5"):
        stream("burst21", b, a, 0)
    with pytest.raises(InputError, match="0 attacks"):
        stream("burst20", b, a.slice(0, 0), 0)
    assert len(stream("file", b, a.slice(0, 0), 0)) == 5
