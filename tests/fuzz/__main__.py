"""The fuzzer's command: ``python -m tests.fuzz --minutes 60 --corpus .cache/fuzz``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

# one thread each, and an allocator that looks at what it is given back
_ONE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_SETTINGS = {**dict.fromkeys(_ONE, "1"), "ARROW_DEFAULT_MEMORY_POOL": "system"}


def main() -> int:
    """Run inputs, or one that was kept; 1 if something failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1 << 40, help="how many, at most")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="how long, at most")
    parser.add_argument("--seed", type=int, default=1, help="of the generator")
    parser.add_argument(
        "--first", type=int, help="number of the first input; where the corpus stands if not given"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument(
        "--corpus", type=Path, help="folder that is gone on from; inputs that reach new outcomes are kept"
    )
    parser.add_argument("--fixed", action="store_true", help="inputs come of seed and number alone")
    parser.add_argument("--only", help="text, arrow, parquet, payload or model")
    parser.add_argument("--json", type=Path, help="file for the summary")
    parser.add_argument("--replay", type=Path, help="a kept input: run this one alone, in this process")
    given = parser.parse_args()
    if any(os.environ.get(name) is None for name in _SETTINGS):
        # some are read when a process begins
        os.execve(
            sys.executable, [sys.executable, "-m", "tests.fuzz", *sys.argv[1:]], {**_SETTINGS, **os.environ}
        )
    if given.replay is not None:
        return _replay(given.replay)
    from tests.fuzz.corpus import Corpus
    from tests.fuzz.parent import Parent

    _alone()
    corpus = Corpus(given.corpus)
    parent = Parent(
        given.seed, corpus, given.jobs, learn=given.corpus is not None and not given.fixed, only=given.only
    )
    try:
        started = time.monotonic()
        parent.warm_up()
        print(f"ready after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        first = corpus.position(given.seed) if given.first is None else given.first
        summary = parent.run(first, given.inputs, time.monotonic() + 60 * given.minutes)
    finally:
        parent.close()
    told = summary.as_dict()
    if given.json is not None:
        given.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    print(
        f"{summary.inputs:,} inputs and {summary.messages:,} more messages of seed {summary.seed}, "
        f"from number {summary.first:,}, in {summary.seconds:,.0f} s ({told['rate']:,.0f} a second), "
        f"{told['classes']} outcomes, {summary.memory >> 20} MB at most, "
        f"{len(summary.failures)} kinds of failures, {summary.deaths} deaths"
    )
    for where, failure in summary.failures.items():
        print(f"- {where}: {failure['count']} times, first number {failure['numbers'][0]}")
        for path in failure["files"][:1]:
            print(f"  python -m tests.fuzz --replay {path}")
    return 1 if summary.failures else 0


def _replay(path: Path) -> int:
    import faulthandler

    from tests.fuzz.case import Case
    from tests.fuzz.target import Target, folder_in_memory

    _alone()
    faulthandler.enable()
    case = Case.from_bytes(path.read_bytes())
    print(f"{case.target} {case.kind}, {sum(map(len, case.parts))} bytes, {case.told}")
    target = Target(folder_in_memory())
    try:
        print(target.run(case))
    finally:
        target.clean()
    return 0


def _alone() -> None:
    """One thread for everything: forks need it, and so does a rate that means something."""
    import pyarrow as pa
    import pyarrow.json as pajson

    from morpheus_gae.graph.parallel import HELPERS

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    HELPERS.resize(1)
    read_json, options = pajson.read_json, pajson.ReadOptions

    def alone(source, read_options=None, parse_options=None):
        # handing a few bytes to another thread takes longer than reading them
        read_options = options(use_threads=False, block_size=read_options.block_size)
        return read_json(source, read_options, parse_options)

    pajson.read_json = alone


if __name__ == "__main__":
    sys.exit(main())
