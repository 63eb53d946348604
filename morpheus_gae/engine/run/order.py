"""Order: the stages, and the valid orders of them."""

from __future__ import annotations

from collections.abc import Sequence

from morpheus_gae.errors import UsageError

USUAL = ("from-netflow", "build-graph", "infer-gae", "flag-anomalies", "to-alerts")

# input and output of each stage; monitor passes anything through
_TAKES = {
    "build-graph": "flows",
    "infer-gae": "graphs",
    "flag-anomalies": "scores",
    "to-alerts": "flags",
}
_GIVES = {
    "from-netflow": "flows",
    "build-graph": "graphs",
    "infer-gae": "scores",
    "flag-anomalies": "flags",
    "to-alerts": "flags",
}
_GIVEN_BY = {gives: stage for stage, gives in _GIVES.items() if stage != "to-alerts"}


def check_order(stages: Sequence[str]) -> None:
    """Refuse a list of stages that cannot work.

    Parameters
    ----------
    stages
        Names, in order.

    Raises
    ------
    UsageError
        If there is no source, a stage is repeated, or its input is not the output of the stage before.
    """
    if not stages or stages[0] != "from-netflow":
        first = f"it starts with {stages[0]}" if stages else "it is empty"
        raise UsageError(
            f"the pipeline has no source ({first}): start it with from-netflow, or give no stages and --input"
        )
    seen: set[str] = set()
    have = ""
    for stage in stages:
        if stage == "monitor":
            continue
        if stage in seen:
            raise UsageError(f"stage {stage} is in the pipeline twice: {' '.join(stages)}")
        seen.add(stage)
        takes = _TAKES.get(stage, "")
        if takes != have:
            raise UsageError(
                f"stage {stage} needs {_GIVEN_BY[takes]} right before it; the pipeline is: {' '.join(stages)}"
            )
        have = _GIVES[stage]
