from __future__ import annotations

import ipaddress

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.errors import UsageError
from morpheus_gae.simulate.simulate import START_MS, Network, simulate, simulate_table
from morpheus_gae.simulate.traffic.attacks import ATTACKS

DAY_MS = 86_400_000
FLOWS = 40_000


@pytest.fixture(scope="module")
def network() -> Network:
    return Network.build(1, 200, "mixed")


@pytest.fixture(scope="module")
def table(network: Network) -> pa.Table:
    return simulate_table(network, FLOWS, 1, attack_share=0.05)


def column(table: pa.Table, name: str) -> np.ndarray:
    return table[name].to_numpy()


def pairs(table: pa.Table) -> list[tuple[str, str]]:
    v4 = [f"IPV4_{side}_ADDR" for side in ("SRC", "DST")]
    v6 = [f"IPV6_{side}_ADDR" for side in ("SRC", "DST")]
    names = [v4, v6] if v6[0] in table.column_names else [v4]
    ends = [pc.coalesce(*(pc.cast(table[n[side]], pa.string()) for n in names)) for side in (0, 1)]
    return list(zip(ends[0].to_pylist(), ends[1].to_pylist(), strict=True))


def benign(table: pa.Table) -> pa.Table:
    return table.filter(pc.equal(table["Label"], 0))


def of_attack(table: pa.Table, *names: str) -> pa.Table:
    return table.filter(pc.is_in(pc.cast(table["Attack"], pa.string()), pa.array(names)))


def test_same_arguments_same_bytes(table: pa.Table) -> None:
    again = simulate_table(Network.build(1, 200, "mixed"), FLOWS, 1, attack_share=0.05)
    assert again.equals(table)


def test_another_seed_is_another_day_of_the_same_network(network: Network, table: pa.Table) -> None:
    other = simulate_table(network, FLOWS, 2, START_MS + DAY_MS, attack_share=0.05)
    assert not other.equals(table)
    known = set(pairs(benign(table)))
    seen = [p in known for p in pairs(benign(other))]
    assert 0.8 < np.mean(seen) < 1.0


def test_another_network_has_other_pairs(table: pa.Table) -> None:
    other = simulate_table(Network.build(2, 200, "mixed"), FLOWS, 1)
    assert len(set(pairs(table)) & set(pairs(other))) < 0.1 * len(set(pairs(table)))


@settings(max_examples=8, deadline=None)
@given(flows=st.integers(1, 2_000), chunk=st.integers(1, 3_000), seed=st.integers(0, 99))
def test_chunks_do_not_change_rows(flows: int, chunk: int, seed: int) -> None:
    small = Network.build(0, 60)
    parts = list(simulate(small, flows, seed, chunk=chunk))
    assert [p.num_rows for p in parts[:-1]] == [chunk] * (len(parts) - 1)
    assert 0 < parts[-1].num_rows <= chunk
    assert pa.concat_tables(parts).equals(simulate_table(small, flows, seed))


def test_chunks_over_several_blocks(network: Network) -> None:
    parts = list(simulate(network, 150_001, 3, chunk=37_000))
    assert [p.num_rows for p in parts] == [37_000] * 4 + [2_001]
    whole = simulate_table(network, 150_001, 3)
    assert pa.concat_tables(parts).equals(whole)
    assert (np.diff(column(whole, "FLOW_START_MILLISECONDS")) >= 0).all()


def test_memory_is_bounded_by_the_chunk(network: Network) -> None:
    before = pa.total_allocated_bytes()
    most = max(pa.total_allocated_bytes() - before for _ in simulate(network, 600_000, 3, chunk=20_000))
    assert most < 60e6  # all rows would need more


def test_rows_labels_and_order(table: pa.Table) -> None:
    assert table.num_rows == FLOWS
    assert table.schema.field("Label").type == pa.int8()
    label = column(table, "Label")
    assert label.sum() == round(FLOWS * 0.05)
    assert (np.diff(column(table, "FLOW_START_MILLISECONDS")) >= 0).all()
    assert column(table, "FLOW_START_MILLISECONDS")[0] >= START_MS
    counted = {
        r["values"]: r["counts"] for r in pc.value_counts(table["Attack"].cast(pa.string())).to_pylist()
    }
    assert set(counted) == {"Benign", *ATTACKS}
    assert counted["Benign"] == (label == 0).sum()


def test_values_are_possible(table: pa.Table) -> None:
    for name in ("IN_BYTES", "OUT_BYTES", "IN_PKTS", "OUT_PKTS"):
        assert column(table, name).min() >= 0
        assert table[name].null_count == 0
    assert (column(table, "IN_BYTES") >= 28 * column(table, "IN_PKTS")).all()
    assert ((column(table, "OUT_BYTES") == 0) == (column(table, "OUT_PKTS") == 0)).all()
    duration = table["FLOW_DURATION_MILLISECONDS"]
    assert 0 < duration.null_count < 0.03 * FLOWS
    known = duration.drop_null().to_numpy()
    assert np.isfinite(known).all()
    assert 0 <= known.min() <= known.max() <= 1_800_000 * 10
    for name in ("L4_SRC_PORT", "L4_DST_PORT"):
        assert 0 <= column(table, name).min() <= column(table, name).max() <= 65_535
    assert set(column(table, "PROTOCOL").tolist()) == {1, 6, 17, 58}


def test_addresses_are_valid_and_distinct(network: Network, table: pa.Table) -> None:
    for version in (4, 6):
        for side in ("SRC", "DST"):
            texts = pc.unique(table[f"IPV{version}_{side}_ADDR"]).drop_null().to_pylist()
            assert all(ipaddress.ip_address(t).version == version for t in texts)
            assert all(str(ipaddress.ip_address(t)) == t for t in texts)
    assert len(set(network.v4)) == len(network.v4)
    assert len(set(network.v6)) == len(network.v6)
    src4, src6, dst4 = (table[n].is_null() for n in ("IPV4_SRC_ADDR", "IPV6_SRC_ADDR", "IPV4_DST_ADDR"))
    assert pc.all(pc.xor(src4, src6)).as_py()
    assert src4.equals(dst4)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_ipv6_share(share: float) -> None:
    rows = simulate_table(Network.build(1, 200, "enterprise", share), 20_000, 1, attacks="none")
    assert ("IPV6_SRC_ADDR" in rows.column_names) is (share > 0)
    assert rows["IPV4_SRC_ADDR"].null_count / rows.num_rows == pytest.approx(share, abs=0.03)


def test_camouflaged_attacks_stay_on_benign_pairs(network: Network, table: pa.Table) -> None:
    hidden = of_attack(table, "camouflaged_exfiltration", "camouflaged_c2")
    assert hidden.num_rows > 10
    assert set(pairs(hidden)) <= set(pairs(benign(table)))
    yesterday = simulate_table(network, FLOWS, 7, START_MS - DAY_MS, attacks="none")
    assert set(pairs(hidden)) <= set(pairs(yesterday))


def test_other_attacks_mostly_do_not(table: pa.Table) -> None:
    usual = set(pairs(benign(table)))
    scans = pairs(of_attack(table, "horizontal_scan", "ddos", "beaconing"))
    assert np.mean([p in usual for p in scans]) < 0.2


def test_attacks_come_in_bursts(table: pa.Table) -> None:
    time_ms = column(table, "FLOW_START_MILLISECONDS")
    flood = column(of_attack(table, "dos"), "FLOW_START_MILLISECONDS")
    assert np.ptp(flood) < 0.2 * np.ptp(time_ms)


def test_hub_talks_to_every_host() -> None:
    network = Network.build(4, 150, "mixed", 0.1, hub=True)
    rows = simulate_table(network, 20_000, 1)
    assert network.hub is not None
    hub = network.v4[network.hub]
    reached = {d for s, d in pairs(rows) if s == hub}
    assert set(network.v4[: network.hosts]) <= reached
    with pytest.raises(UsageError, match="hub"):
        simulate(network, 200, 1)


def test_tails_are_heavy_and_atoms_exact(table: pa.Table) -> None:
    rows = benign(table)
    sent = column(rows, "IN_BYTES")
    assert sent.mean() > 5 * np.median(sent)
    assert np.quantile(sent, 0.999) > 1000 * np.quantile(sent, 0.1)
    dns = rows.filter(pc.equal(rows["L4_DST_PORT"], 53))
    size = column(dns, "IN_BYTES") / column(dns, "IN_PKTS")
    assert 55 < np.median(size) < 90
    ntp = rows.filter(pc.and_(pc.equal(rows["L4_DST_PORT"], 123), pc.is_valid(rows["IPV4_SRC_ADDR"])))
    assert set(column(ntp, "IN_BYTES").tolist()) == {76}
    silent = rows.filter(pc.and_(pc.equal(rows["PROTOCOL"], 6), pc.equal(rows["OUT_PKTS"], 0)))
    assert set((column(silent, "IN_BYTES") / column(silent, "IN_PKTS")).tolist()) <= {52, 60, 72, 80}


def test_office_hours_are_busier() -> None:
    network = Network.build(1, 100, "enterprise")
    rows = simulate_table(network, 30_000, 1, START_MS - 8 * 3_600_000, attacks="none", days=2)
    time_ms = column(rows, "FLOW_START_MILLISECONDS")
    assert np.ptp(time_ms) == pytest.approx(2 * DAY_MS, rel=0.02)
    hour = time_ms // 3_600_000 % 24
    assert ((hour >= 9) & (hour < 11)).sum() > 4 * ((hour >= 3) & (hour < 5)).sum()


def test_things_are_periodic() -> None:
    rows = simulate_table(Network.build(1, 60, "iot", 0.0), 30_000, 1, attacks="none", days=2)
    mqtt = rows.filter(pc.is_in(rows["L4_DST_PORT"], pa.array([1883, 8883], pa.int32())))
    by_pair: dict[tuple[str, str], list[int]] = {}
    for pair, when in zip(pairs(mqtt), column(mqtt, "FLOW_START_MILLISECONDS").tolist(), strict=True):
        by_pair.setdefault(pair, []).append(when)
    gaps = [np.diff(times) for times in by_pair.values() if len(times) > 20]
    steady = [np.std(g) < 0.05 * np.mean(g) for g in gaps]
    assert np.mean(steady) > 0.7


@pytest.mark.parametrize("profile", ["enterprise", "iot", "mixed"])
def test_profiles_and_tiny_runs(profile: str) -> None:
    network = Network.build(0, 40, profile, 0.0)
    assert simulate_table(network, 1, attacks="none").num_rows == 1
    assert simulate_table(network, 300, 5, days=3).num_rows == 300
    assert simulate_table(network, 300, 5, days=1e-4, attack_share=0.9).num_rows == 300


def test_only_the_attacks_asked_for(network: Network) -> None:
    rows = simulate_table(network, 3_000, 1, attacks="worm,dos")
    assert set(rows["Attack"].cast(pa.string()).unique().to_pylist()) == {"Benign", "dos", "worm"}
    assert simulate_table(network, 3_000, 1, attacks="none")["Label"].to_numpy().sum() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flows": 0}, "number of flows"),
        ({"attacks": "ransom"}, "unknown attack 'ransom'"),
        ({"attack_share": 1.0}, "attack share"),
        ({"seed": -1}, "seed"),
        ({"chunk": 0}, "chunk"),
        ({"days": 0.0}, "days"),
        ({"days": float("inf")}, "days"),
        ({"days": 1e7}, "days"),
        ({"start_ms": -5}, "start"),
    ],
)
def test_refusals(network: Network, options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        simulate(network, **({"flows": 10} | options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hosts": 3}, "at least 40 hosts"),
        ({"profile": "home"}, "unknown profile"),
        ({"ipv6_share": 2.0}, "IPv6 share"),
        ({"seed": -1}, "must not be negative"),
    ],
)
def test_impossible_networks(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Network.build(**options)  # type: ignore[arg-type]
