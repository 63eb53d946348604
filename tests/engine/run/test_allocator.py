"""Freed memory is kept: seen by the pages that the kernel has to give."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import numpy as np
from morpheus_gae.engine.run.allocator import keep_freed_memory
told = keep_freed_memory() if sys.argv[1] == "keep" else None
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    # three at a time, and too small for the kernel's large pages
    kept = [np.ones(3 << 20, np.uint8) for _ in range(3)]
    del kept
print(told, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def run(what: str, **env: str) -> tuple[str, int]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, what],
        env={**clean, **env},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told, pages = done.stdout.split()
    return told, int(pages)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_the_next_window_takes_the_pages_of_the_last() -> None:
    told, pages = run("keep")
    # 9 MB are 2,304 pages: once, and not twenty times
    assert (told, pages < 2 * 2304) == ("True", True)


def test_what_the_environment_says_holds() -> None:
    assert run("keep", MALLOC_TRIM_THRESHOLD_="131072")[0] == "False"
