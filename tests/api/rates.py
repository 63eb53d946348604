"""Flows a second of one process, Spark and Ray on this machine, in turns.

Run as ``python -m tests.api.rates --input flows.parquet [--on process,spark,ray] [--rounds 3]``. Each scores
the whole file, Parquet to Parquet, once before its first round is timed: engines and workers are up then.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

from morpheus_gae import Detector
from morpheus_gae.api.annotated import annotated
from morpheus_gae.graph import parallel


def process(source: str, detector: Detector) -> Callable[[str], None]:
    def run(target: str) -> None:
        Path(target).mkdir()
        pq.write_table(annotated(detector, pq.read_table(source)), f"{target}/0.parquet")

    return run


def spark(source: str, detector: Detector) -> Callable[[str], None]:
    from morpheus_gae.spark import score
    from tests.spark.conftest import session

    frame = session(sys.executable, 10_000).read.parquet(source)
    return score(frame, detector, partitions=4).write.parquet


def ray(source: str, detector: Detector) -> Callable[[str], None]:
    import ray.data

    from morpheus_gae.ray import score

    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False

    def run(target: str) -> None:
        frame = ray.data.read_parquet(source)
        score(frame, detector, partitions=4).write_parquet(target)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", required=True)
    parser.add_argument("--on", default="process,spark,ray")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--window", type=float, default=600.0)
    told = parser.parse_args()
    detector = Detector.pretrained(windows="clock", window_seconds=told.window)
    rows = pq.ParquetFile(told.input).metadata.num_rows
    ways = {"process": process, "spark": spark, "ray": ray}
    runs = {name: ways[name](told.input, detector) for name in told.on.split(",")}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(told.rounds + 1):
            for name, run in runs.items():
                target = f"{folder}/{name}{turn}"
                began = time.perf_counter()
                run(target)
                seconds[name].append(time.perf_counter() - began)
                shutil.rmtree(target)
    for name, (first, *rest) in seconds.items():
        then, rate = ", ".join(f"{s:.1f}" for s in rest), rows / min(rest)
        print(f"{name}: first {first:.1f} s, then {then} s; {rate:,.0f} flows/s at best")
    print(f"{rows:,} flows, windows of {told.window:g} s, {parallel.processors()} processors")


if __name__ == "__main__":
    main()
