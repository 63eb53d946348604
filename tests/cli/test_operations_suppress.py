"""Rules of a running command: read again after a SIGHUP and when the file has changed, counted in metrics."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.cli.live import STDIN, Live, flow_lines, until

RULE = '[[suppress]]\nname = "{name}"\nsource = "{source}"\nreason = "known"\n'


def rules(path: Path, name: str, source: str) -> str:
    new = path.with_suffix(".new")
    new.write_text(RULE.format(name=name, source=source))
    new.replace(path)
    return str(path)


@pytest.mark.parametrize("looks", [False, True])
def test_rules_are_read_again(tmp_path: Path, looks: bool) -> None:
    path = tmp_path / "rules.toml"
    told = ("--suppress", rules(path, "first", "10.0.0.0/31"), "--metrics_port", "0")
    folder = tmp_path / "model"
    folder.mkdir()
    seconds = ("--reload_seconds", "0.05") if looks else ()
    with Live(*STDIN, "--graph_size", "10", *told, *seconds, model=str(folder)) as run:
        assert run.out is not None
        run.give(flow_lines(0, 10))
        run.out.count(8)
        rules(path, "second", "10.0.0.0/24")
        if not looks:
            run.signal(signal.SIGHUP)
        run.err.with_text("Suppressing by 1 rule of")
        until(lambda: len([line for line in run.err.all if "from the next window on" in line]), "new rules")
        run.give(flow_lines(10, 20))
        until(lambda: run.samples()["morpheus_gae_windows_total"] == 2, "the second window")
        name = 'morpheus_gae_suppressed_total{rule="%s"}'
        until(lambda: run.samples().get(name % "second") == 10, "what the new rules hold back")
        samples = run.samples()
        assert samples[name % "first"] == 2
        assert samples["morpheus_gae_alerts_total"] == 8
        assert run.end() == 0
        assert len(run.rows()) == 8
