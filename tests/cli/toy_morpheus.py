"""The ``morpheus`` command with a toy model: a flow's surprise is its forward bytes.

Run as ``python -m tests.cli.toy_morpheus``, for tests that need a process of their own.
"""

from __future__ import annotations

from typing import Any

import morpheus_gae.executors.open
from morpheus_gae.cli.morpheus import main
from tests.engine.toys import ToyExecutor


def open_toy(model: str, kind: str) -> Any:
    return ToyExecutor()


if __name__ == "__main__":
    morpheus_gae.executors.open.open_executor = open_toy
    main()
