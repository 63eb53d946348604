"""Worker: the process of one variant; takes lines of JSON on stdin and answers each with one on stdout.

::

    {"job": {...}}                  -> {"ready": {...}}    loaded
    {"run": batches, "first": n}    -> {"timing": {...}}
    {"end": true}                   -> {"facts": {...}}    and the process ends

A failure is answered with ``{"status": ..., "reason": ...}``, and the process ends.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from morpheus_gae.benchmark.energy import choose_meter
from morpheus_gae.benchmark.status import FAILED, NOT_AVAILABLE, OUT_OF_MEMORY
from morpheus_gae.benchmark.variants import ALERT_TIME, VARIANTS, Job, Runner, Unavailable, Variant
from morpheus_gae.engine.run.threads import limit_threads
from morpheus_gae.errors import MissingExtraError

PREPARE = "prepare"
# the last one is what compiled code says that could not allocate
MEMORY_WORDS = re.compile(
    r"out of memory|memory does not hold|can(no|')t allocate memory|bad_alloc|ALLOC_FAILED|"
    r"error return without exception set",
    re.I,
)


def main() -> None:
    """Serve one job."""
    # whatever a library prints must not get into the answers
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        told = json.loads(sys.stdin.readline())["job"]
        if told.get(PREPARE):
            _answer(answers, ready=_prepare(told))
        else:
            _serve(Job(**told), answers)
    except BaseException as error:
        status, reason = explained(error)
        _answer(answers, status=status, reason=reason)
        # threads of a pipeline or a device that hang must not keep the process
        answers.flush()
        os._exit(0)


def explained(error: BaseException) -> tuple[str, str]:
    """Status and reason of a failure."""
    text = str(error).strip().split("\n")[0][:300]
    if isinstance(error, (Unavailable, MissingExtraError)):
        return NOT_AVAILABLE, text
    told = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if isinstance(error, MemoryError) or MEMORY_WORDS.search(str(error)):
        return OUT_OF_MEMORY, told
    return FAILED, told


def _prepare(told: dict[str, Any]) -> dict[str, Any]:
    from morpheus_gae.benchmark.store import save
    from morpheus_gae.benchmark.traffic import Workload

    return save(
        Path(told["folder"]),
        Workload(**told["workload"]),
        told["batches"],
        told["model"],
        told["known_share"],
        told["parquet"],
    )


def _serve(job: Job, answers: TextIO) -> None:
    variant = ALERT_TIME if job.variant == ALERT_TIME.name else VARIANTS[job.variant]
    threads = take_cores(variant)
    if job.limit_memory is not None and not variant.gpu:
        import resource

        # what the process itself writes to; not the address space, of which libraries reserve plenty
        resource.setrlimit(resource.RLIMIT_DATA, (job.limit_memory, job.limit_memory))
    module, _, name = variant.runner.partition(":")
    runner: Runner = getattr(importlib.import_module(module), name)(job)
    meter = choose_meter(variant.gpu)
    _answer(answers, ready={"threads": threads})
    for line in sys.stdin:
        told = json.loads(line)
        if "run" not in told:
            break
        if meter is not None:
            meter.start()
        timing = asdict(runner.run(told["run"], told["first"]))
        if meter is not None:
            timing["joules"] = meter.joules()
        _answer(answers, timing=timing)
    facts = {"peak_memory_bytes": peak_memory(), "energy_source": meter.source if meter else None}
    _answer(answers, facts={**facts, "threads": threads, **runner.facts()})


def take_cores(variant: Variant) -> int:
    """Keep the process to its cores, and the libraries to as many threads; the number of them."""
    may = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    cores = list(may)[: variant.cores]
    if variant.cores is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    limit_threads(len(cores))
    return len(cores)


def peak_memory() -> int:
    """Largest resident set of this process, bytes."""
    try:
        # ru_maxrss is inherited from the process that started this one
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        from morpheus_gae.engine.observe.metrics import peak_memory_bytes

        return peak_memory_bytes()


def _answer(answers: TextIO, **told: Any) -> None:
    answers.write(json.dumps(told) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
