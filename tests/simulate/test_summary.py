from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.simulate.simulate import Network, simulate
from morpheus_gae.simulate.summary import Summary


def test_figures_agree_with_the_rows() -> None:
    tables = list(simulate(Network.build(0, 60), 2_000, 1, chunk=700))
    summary = Summary()
    for table in tables:
        summary.add(table)
    figures = summary.figures()
    rows = pa.concat_tables(tables)
    ends = [
        pc.coalesce(
            rows[f"IPV4_{s}_ADDR"].cast(pa.string()), rows[f"IPV6_{s}_ADDR"].cast(pa.string())
        ).to_pylist()
        for s in ("SRC", "DST")
    ]
    assert figures["flows"] == 2_000
    assert figures["pairs"] == len(set(zip(*ends, strict=True)))
    assert figures["hosts"] == len({*ends[0], *ends[1]})
    assert figures["attack_flows"] == sum(figures["attacks"].values()) == rows["Label"].to_numpy().sum()
    time_ms = rows["FLOW_START_MILLISECONDS"].to_pylist()
    assert (figures["first_ms"], figures["last_ms"]) == (time_ms[0], time_ms[-1])


def test_an_empty_summary() -> None:
    figures = Summary().figures()
    assert (figures["flows"], figures["hosts"], figures["pairs"], figures["first_ms"]) == (0, 0, 0, None)
