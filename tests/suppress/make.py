"""Flows and rules that hold some of them back."""

from __future__ import annotations

from pathlib import Path

HEADER = (
    "IPV4_SRC_ADDR,IPV4_DST_ADDR,L4_SRC_PORT,L4_DST_PORT,PROTOCOL,IN_BYTES,OUT_BYTES,"
    "FLOW_DURATION_MILLISECONDS,Label"
)
RULES = """
[[suppress]]
name = "scanner"
source = "10.0.0.1"
reason = "the scanner of the house"

[[suppress]]
ports = 53
protocol = "tcp"
reason = "names"
"""

KINDS = """
[[suppress]]
name = "house"
kind = ["unknown", "new service", "horizontal scan", "flood from many", "flood from one", "lateral spread"]
source = "10.0.0.0/8"
reason = "all of it is ours"
"""


def flows_file(path: Path, count: int = 30) -> str:
    """Flows of five sources to ports 53 and 443; the i-th has i bytes, every third is labelled an attack."""
    rows = [
        f"10.0.0.{i % 5},10.0.1.{i % 3},50000,{443 if i % 4 else 53},6,{i},{i},{i},{int(i % 3 == 0)}"
        for i in range(count)
    ]
    if not path.exists():
        path.write_text("\n".join([HEADER, *rows]) + "\n")
    return str(path)
