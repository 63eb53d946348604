"""The whole way, with the shipped models: simulated flows in, alerts out."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from morpheus_gae.cli.gae import main as gae
from morpheus_gae.cli.morpheus import main as morpheus

MODELS = Path(__file__).parents[1] / "models"
ROWS = 6000
NETWORK = ("--network", "7", "--hosts", "1000", "--start", "2025-03-10T08:00", "--days", "1")


def invoke(command, *args: str) -> None:
    result = CliRunner().invoke(command, [str(a) for a in args])
    assert result.exit_code == 0, result.output


def simulate(path: Path, *args: str) -> Path:
    invoke(gae, "simulate", *NETWORK, "--seed", "5", "--flows", str(ROWS), "--output", path, *args)
    return path


def run(source: Path, output: Path, *args: str, model: str = "default") -> list[dict]:
    invoke(
        morpheus, "run", "pipeline-gae", "--model", MODELS / model, "--input", source, "--output", output,
        "--metrics", f"{output}.metrics.json", *args,
    )  # fmt: skip
    return [json.loads(line) for line in output.read_text().splitlines()]


def metrics(output: Path) -> dict:
    return json.loads(Path(f"{output}.metrics.json").read_text())


def essence(rows: list[dict]) -> list[tuple]:
    keys = ["IPV4_SRC_ADDR", "IPV6_SRC_ADDR", "IPV4_DST_ADDR", "IN_BYTES", "OUT_BYTES", "surprise"]
    # CSV has no null: an empty text stands for it
    return [tuple(row.get(k) or None for k in keys) for row in rows]


@pytest.mark.parametrize("model", ["default", "published"])
@pytest.mark.parametrize("suffix", [".csv", ".ndjson"])
def test_garbage_changes_no_good_row_and_loses_none(tmp_path, model, suffix):
    clean = simulate(tmp_path / f"clean{suffix}")
    dirty = simulate(tmp_path / f"dirty{suffix}", "--garbage", "0.01")
    good = run(clean, tmp_path / "good.jsonl", "--threshold", "0", "--graph_size", "2500", model=model)
    still = run(dirty, tmp_path / "still.jsonl", "--threshold", "0", "--graph_size", "2500", model=model)
    assert len(good) == ROWS
    assert essence(still) == essence(good)
    letters = [json.loads(line) for line in (tmp_path / "still.jsonl.dead.ndjson").read_text().splitlines()]
    added = len(dirty.read_text().splitlines()) - len(clean.read_text().splitlines())
    assert len(letters) == added > 0
    assert {"unparsable_address", "negative_counter"} <= {letter["reason"] for letter in letters}
    assert sum(metrics(tmp_path / "still.jsonl")["bad_records"].values()) == added


def test_every_format_gives_the_same_alerts(tmp_path):
    alerts = []
    for suffix in (".parquet", ".csv", ".ndjson", ".arrow"):
        source = simulate(tmp_path / f"flows{suffix}")
        alerts.append(essence(run(source, tmp_path / f"alerts{suffix}.jsonl", "--alert_rate", "0.01")))
    assert alerts[0]
    assert all(other == alerts[0] for other in alerts)


def test_order_and_extra_columns_survive_and_scores_stay_apart(tmp_path):
    source = simulate(tmp_path / "flows.parquet")
    table = pq.read_table(source)
    note = pa.array([f"row {i}" for i in range(table.num_rows)])
    pq.write_table(table.append_column("note", note), source)
    rows = run(source, tmp_path / "all.jsonl", "--threshold", "0")
    assert [row["note"] for row in rows] == note.to_pylist()
    assert [row["IN_BYTES"] for row in rows] == table["IN_BYTES"].to_pylist()
    assert all(0 <= row["anomaly_score"] <= 1 for row in rows)
    parallel: dict[tuple, dict[tuple, set]] = {}
    for row in rows:
        pair = (row["IPV4_SRC_ADDR"] or row["IPV6_SRC_ADDR"], row["IPV4_DST_ADDR"] or row["IPV6_DST_ADDR"])
        attributes = (row["IN_BYTES"], row["OUT_BYTES"], row["FLOW_DURATION_MILLISECONDS"])
        parallel.setdefault(pair, {}).setdefault(attributes, set()).add(row["surprise"])
    several = [flows for flows in parallel.values() if len(flows) > 5]
    assert several
    # the same pair and attributes: the same score; other attributes: another
    assert all(len(scores) == 1 for flows in several for scores in flows.values())
    distinct = [len(set().union(*flows.values())) / len(flows) for flows in several]
    assert sum(distinct) / len(distinct) > 0.99


def test_the_window_cuts_do_not_move_what_the_default_model_says_of_pair_and_flow(tmp_path):
    source = simulate(tmp_path / "flows.parquet")
    whole = run(source, tmp_path / "whole.jsonl", "--threshold", "0")
    pieces = run(source, tmp_path / "pieces.jsonl", "--threshold", "0", "--graph_size", "700")
    # what is added to them is of the other flows of the window
    for part in ("surprise_pair", "surprise_flow"):
        assert [row[part] for row in pieces] == pytest.approx([row[part] for row in whole], rel=1e-5)
    assert metrics(tmp_path / "pieces.jsonl")["windows"] == -(-ROWS // 700)


def test_the_shipped_models_find_attacks_within_the_budget(tmp_path):
    source = simulate(tmp_path / "flows.parquet", "--attack_share", "0.05")
    rows = run(source, tmp_path / "alerts.jsonl", "--alert_rate", "0.01")
    attacks = sum(row["Label"] for row in rows)
    assert attacks > 0.7 * 0.05 * ROWS
    assert (len(rows) - attacks) < 0.03 * 0.95 * ROWS


def test_sweeps_to_convergence_are_in_the_metrics(tmp_path):
    source = simulate(tmp_path / "flows.parquet")
    run(source, tmp_path / "alerts.jsonl", model="published")
    assert 1 < metrics(tmp_path / "alerts.jsonl")["sweeps"]["max"] <= 50
