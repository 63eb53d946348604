"""Waits: how long a flow of a steady stream is on its way to its alert, and to its incident's first record.

python -m tests.incidents.waits --input flows.parquet [--rate 2000] [--seconds 20] [--rounds 2]

Lines of JSON come to ``morpheus run pipeline-gae --input -`` at a steady rate, each with the time when it was
sent, as its start and in a column that rides along into its alert. In turns: alerts alone, with what explains
them, and with incidents beside them. Times are of the machine's clock.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow.parquet as pq

from morpheus_gae.sinks.ndjson import json_lines

TICK = 0.02
"""Seconds from one bunch of flows to the next."""
FORMS = ("alerts alone", "explained", "explained, incidents")
QUIET = 3.0
"""Seconds of flows that are sent before those that count: the first windows load what they need."""
SWITCH = "import sys; from tests.detect import cost; cost.switch({}); sys.argv[:1] = ['morpheus'];"
MAIN = "from morpheus_gae.cli.morpheus import main; main()"


def listen(stream: IO[bytes], sent_of: Any, waits: list[tuple[float, float]]) -> None:
    """Note when each line was sent, and how long it was on its way."""
    for line in stream:
        now = time.time()
        sent = sent_of(json.loads(line))
        if sent is not None:
            waits.append((sent, now - sent))


def sent_of_incident(record: dict[str, Any]) -> float | None:
    """When the first flow of an incident came, told by its first record."""
    if record["state"] != "open":
        return None
    first = datetime.fromisoformat(record["first_seen"].removesuffix("Z"))
    return first.replace(tzinfo=timezone.utc).timestamp()


def run(bunches: list[list[dict[str, Any]]], form: str, window: float) -> dict[str, list[float]]:
    """Send flows and return seconds to alerts, and to records of incidents."""
    with tempfile.TemporaryDirectory() as folder:
        pipe = Path(folder) / "incidents.jsonl"
        options = ["run", "--num_threads", "1", "pipeline-gae", "--input", "-", "--format", "ndjson"]
        options += ["--output", "-", "--window_seconds", str(window)]
        if "incidents" in form:
            os.mkfifo(pipe)
            options += ["--incidents", str(pipe)]
        code = SWITCH.format("explained" in form) + MAIN
        process = subprocess.Popen(
            [sys.executable, "-c", code, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        alerts: list[tuple[float, float]] = []
        records: list[tuple[float, float]] = []
        listeners = [threading.Thread(target=listen, args=(process.stdout, lambda row: row["sent"], alerts))]
        if "incidents" in form:
            # a pipe opens when both ends are there
            listeners.append(
                threading.Thread(
                    target=lambda: listen(pipe.open("rb"), sent_of_incident, records), daemon=True
                )
            )
        for listener in listeners:
            listener.start()
        clock, began = threading.Event(), time.time()
        for number, bunch in enumerate(bunches):
            clock.wait(max(began + number * TICK - time.time(), 0))
            now = time.time()
            for row in bunch:
                row["FLOW_START_MILLISECONDS"], row["sent"] = int(now * 1000), now
            process.stdin.write("".join(f"{json.dumps(row)}\n" for row in bunch).encode())
            process.stdin.flush()
        process.stdin.close()
        listeners[0].join()
        process.wait()
        return {
            "alerts": [wait for sent, wait in alerts if sent > began + QUIET],
            "incidents": [wait for sent, wait in records if sent > began + QUIET],
        }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", required=True)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--windows", type=float, nargs="+", default=[1.0, 5.0])
    told = parser.parse_args(arguments)
    size = max(int(told.rate * TICK), 1)
    number = int((told.seconds + QUIET) / TICK)
    lines = json_lines(pq.read_table(told.input).slice(0, size * number)).splitlines()
    rows = [json.loads(line) for line in lines]
    bunches = [rows[at : at + size] for at in range(0, len(rows), size)]
    print(f"{told.rate:,} flows/s, seconds; median and 99th percentile")
    print("| windows | | to the alert | from the first flow to the incident's record | alerts, records |")
    print("|---|---|---|---|---|", flush=True)
    for window in told.windows:
        waits: dict[str, dict[str, list[float]]] = {form: {"alerts": [], "incidents": []} for form in FORMS}
        for turn in range(told.rounds):
            for form in FORMS if turn % 2 == 0 else FORMS[::-1]:
                for what, some in run(bunches, form, window).items():
                    waits[form][what] += some
        for form, found in waits.items():
            cells = [
                "{:.2f}, {:.2f}".format(*np.quantile(some, [0.5, 0.99])) if some else ""
                for some in found.values()
            ]
            counts = ", ".join(f"{len(some):,}" for some in found.values())
            print(f"| {window:g} s | {form} | {' | '.join(cells)} | {counts} |", flush=True)


if __name__ == "__main__":
    main()
