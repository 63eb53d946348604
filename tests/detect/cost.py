"""CPU time that explanations of alerts take, with and without them in turns.

Run as ``python -m tests.detect.cost --input flows.parquet [--rounds 15] [--whole]``: ``--whole`` measures the
command ``morpheus run pipeline-gae`` as a process of its own, with its start.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from morpheus_gae.engine.run.defaults import choose_model
from morpheus_gae.engine.run.explainers import Explainers
from morpheus_gae.engine.run.order import USUAL
from morpheus_gae.engine.run.pipeline import build_pipeline
from morpheus_gae.engine.settings import Settings

EXPLAINS: Any = Explainers.of


def switch(explained: bool) -> None:
    """Let alerts be explained or not, from now on."""
    Explainers.of = EXPLAINS if explained else lambda self, window: None  # type: ignore[method-assign]


def seconds(path: str, folder: str, explained: bool) -> tuple[float, int]:
    """CPU time of one run, and how many alerts it wrote."""
    switch(explained)
    out = str(Path(folder) / "alerts.jsonl")
    settings = Settings(input=(path,), output=out, model=choose_model(None))
    pipeline = build_pipeline(USUAL, settings, say=lambda line: None)
    began = time.process_time()
    pipeline.run()
    return time.process_time() - began, int(pipeline.metrics.alerts)


def seconds_whole(path: str, folder: str, explained: bool) -> tuple[float, int]:
    """As ``seconds``, of a process that runs the command."""
    out = str(Path(folder) / "alerts.jsonl")
    code = (
        f"import sys; from tests.detect import cost; cost.switch({explained}); sys.argv[:1] = ['morpheus'];"
        "from morpheus_gae.cli.morpheus import main; main()"
    )
    options = ["run", "pipeline-gae", "--input", path, "--output", out]
    before = os.times()
    quiet = subprocess.DEVNULL
    subprocess.run([sys.executable, "-c", code, *options], check=True, stdout=quiet, stderr=quiet)
    after = os.times()
    spent = after.children_user - before.children_user + after.children_system - before.children_system
    return spent, Path(out).read_bytes().count(b"\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", required=True)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--whole", action="store_true")
    told = parser.parse_args()
    measure = seconds_whole if told.whole else seconds
    spent: dict[bool, list[float]] = {True: [], False: []}
    alerts = 0
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(told.rounds + 1):
            for explained in (True, False) if turn % 2 else (False, True):
                time_spent, alerts = measure(told.input, folder, explained)
                # the first round compiles and reads ahead
                spent[explained] += [time_spent] if turn else []
    with_, without = (statistics.median(spent[explained]) for explained in (True, False))
    print(f"with {with_:.3f} s, without {without:.3f} s of CPU time, medians of {told.rounds} turns")
    print(
        f"{1e6 * (with_ - without) / alerts:.1f} us an alert, {with_ / without - 1:+.1%}; {alerts:,} alerts"
    )


if __name__ == "__main__":
    main()
