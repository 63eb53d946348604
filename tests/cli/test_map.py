"""--map and --columns on the command line: run, train and evaluate, files and topics alike."""

from __future__ import annotations

import json
import shlex
from itertools import groupby
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner, Result

import morpheus_gae.executors.open
from morpheus_gae.cli.gae import main as gae
from morpheus_gae.cli.morpheus import main
from morpheus_gae.flows.exporters.mapping import OURS as OURS_ALL
from morpheus_gae.flows.exporters.values.units import UNITS
from tests.cli.toy_morpheus import open_toy

ROW = ["2024-01-01 00:00:00", "10.0.0.1", "40000", "10.0.0.2", "443", "udp", "2", "900", "1.5"]
NAMES = ["when", "from_ip", "from_port", "to_ip", "to_port", "proto", "sent", "got", "secs"]
OURS = {
    "FLOW_START_MILLISECONDS": "when",
    "IPV4_SRC_ADDR": "from_ip",
    "L4_SRC_PORT": "from_port",
    "IPV4_DST_ADDR": "to_ip",
    "L4_DST_PORT": "to_port",
    "PROTOCOL": "proto",
    "IN_BYTES": "sent:KiB",
    "OUT_BYTES": "got",
    "FLOW_DURATION_MILLISECONDS": "secs:s",
}


def rules(*without: str) -> list[str]:
    return [w for o, t in OURS.items() if o not in without for w in ("--map", f"{o}={t}")]


MAP = rules()


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(morpheus_gae.executors.open, "open_executor", open_toy)
    monkeypatch.chdir(tmp_path)
    Path("flows.csv").write_text(f"{','.join(NAMES)}\n{','.join(ROW)}\n")
    Path("bare.csv").write_text(f"{','.join(ROW)}\n")


def run(*args: str, path: str = "flows.csv") -> Result:
    fixed = ("--model", "toy", "--output", "a.jsonl", "--threshold", "0", "--metrics", "m.json")
    return CliRunner().invoke(main, ["run", "pipeline-gae", "--input", path, *fixed, *args])


def alerts() -> list[dict[str, object]]:
    return [json.loads(line) for line in Path("a.jsonl").read_text().splitlines()]


def test_a_map_on_the_pipeline_and_on_its_source() -> None:
    assert run(*MAP).exit_code == 0
    (alert,) = alerts()
    assert (alert["IN_BYTES"], alert["OUT_BYTES"], alert["FLOW_DURATION_MILLISECONDS"]) == (2048, 900, 1500)
    assert (alert["PROTOCOL"], alert["L4_DST_PORT"], alert["proto"]) == (17, 443, "udp")
    assert alert["FLOW_START_MILLISECONDS"] == 1_704_067_200_000
    first = Path("a.jsonl").read_text()
    staged = ["run", "pipeline-gae", "from-netflow", "--input", "flows.csv", *MAP, "build-graph"]
    staged += ["infer-gae", "--model", "toy", "flag-anomalies", "--threshold", "0", "to-alerts", "--output"]
    done = CliRunner().invoke(main, [*staged, "b.jsonl"])
    assert done.exit_code == 0, done.output
    assert "one direction" not in done.stderr
    assert Path("b.jsonl").read_text() == first


def test_columns_of_a_file_without_a_header() -> None:
    columns = ",".join("_" if name == "from_port" else name for name in NAMES)
    done = run(*rules("L4_SRC_PORT"), "--columns", columns, path="bare.csv")
    assert done.exit_code == 0, done.output
    (alert,) = alerts()
    assert (alert["IN_BYTES"], alert["to_port"]) == (2048, 443)
    assert "L4_SRC_PORT" not in alert
    assert "_" not in alert


def test_one_way_records_are_told_and_joined() -> None:
    back = [ROW[0], *ROW[3:5], *ROW[1:3], "udp", "7", "0", "1.0"]
    Path("flows.csv").write_text(f"{','.join(NAMES)}\n{','.join(ROW)}\n{','.join(back)}\n")
    done = run(*rules("OUT_BYTES"))
    assert done.exit_code == 0, done.output
    assert done.stderr.count("The map names no OUT_BYTES: records tell one direction each") == 1
    (alert,) = alerts()
    assert (alert["IN_BYTES"], alert["OUT_BYTES"]) == (2048, 7 * 1024)


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["--map", "IN_BYTES"], 2, "--map IN_BYTES: write OUR=THEIRS"),
        (["--map", "BYTES=sent"], 2, "'BYTES' is none of our columns: FLOW_START_MILLISECONDS"),
        (["--columns", "a,a"], 2, "--columns names a twice"),
        (["--columns", ","], 2, "--columns names no column"),
        ([*MAP, "--columns", "a,b"], 1, "bytes.csv: --columns names 2 columns, and the first line has 9"),
        ([*MAP, "--map", "IN_PKTS=p"], 1, "p (--map IN_PKTS). Found: when, from_ip, from_port"),
        ([], 1, "such as: --map IPV4_SRC_ADDR=from_ip --map IPV4_DST_ADDR=to_ip"),
    ],
)
def test_mistakes_are_one_clear_line(args: list[str], code: int, told: str) -> None:
    Path("flows.csv").rename("bytes.csv")
    done = run(*args, path="bytes.csv")
    assert done.exit_code == code, done.output
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("Error")] == [
        done.stderr.splitlines()[-1]
    ]


def test_a_checkpoint_is_of_one_map(tmp_path: Path) -> None:
    kept = ("--checkpoint", "points")
    assert run(*MAP, *kept).exit_code == 0
    assert "nothing to do" in run(*MAP, *kept).stderr
    done = run(*MAP, "--map", "IN_PKTS=got", *kept)
    assert done.exit_code == 2
    assert "map was" in done.stderr


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_commands_that_read_flows_take_both(command: str) -> None:
    done = CliRunner().invoke(gae, [command, "--help"])
    assert "--map OUR=THEIRS[:UNIT]" in done.output
    assert "--columns A,B,..." in done.output
    told = ["--input", "flows.csv", "--model", "m", "--map", "BYTES=x"]
    done = CliRunner().invoke(gae, [command, *told])
    assert (done.exit_code, done.output.count("\n")) == (2, 1), done.output


def blocks() -> list[str]:
    """The indented blocks of the page's section."""
    page = (Path(__file__).parents[2] / "docs" / "exporters.md").read_text()
    section = page.split("## Any other layout")[1].split("\n## ")[0]
    groups = groupby(section.split("\n"), key=lambda line: not line or line.startswith("    "))
    texts = [dedent("\n".join(lines)).strip("\n") for is_block, lines in groups if is_block]
    return [text for joined in texts if joined for text in joined.split("\n\n")]


def test_the_examples_of_the_page_work() -> None:
    sample, command, bare, bare_command = blocks()
    Path("firewall.csv").write_text(sample + "\n")
    Path("bare.csv").write_text(bare + "\n")
    want = [(2000, 9500, 1500), (2000, 9500, 1500)]
    for text in (command, bare_command):
        words = shlex.split(text.replace("\\\n", " "))
        assert words[0] == "morpheus"
        done = CliRunner().invoke(main, [*words[1:], "--model", "toy", "--threshold", "0"])
        assert done.exit_code == 0, done.output
        (alert,) = [json.loads(line) for line in Path("alerts.jsonl").read_text().splitlines()]
        found = tuple(alert[n] for n in ("IN_BYTES", "OUT_BYTES", "FLOW_DURATION_MILLISECONDS"))
        assert found == want.pop()


def test_the_page_tells_every_unit_and_column() -> None:
    page = (Path(__file__).parents[2] / "docs" / "exporters.md").read_text()
    for word in (*OURS_ALL, *(unit for known in UNITS.values() for unit in known if unit != "KB")):
        assert f"`{word}`" in page, word
