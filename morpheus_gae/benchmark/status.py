"""Status: how a variant fared with a workload."""

from __future__ import annotations

OK = "ok"
OVER_TIME = "over time limit"
OUT_OF_MEMORY = "out of memory"
NOT_AVAILABLE = "not available"
NOT_TRIED = "not tried"
FAILED = "failed"
