"""Card: the artifact's README."""

from __future__ import annotations

from typing import Any

from morpheus_gae.flows.exporters.enriched import NAMES
from morpheus_gae.model.spec import ModelSpec

PARTS = {
    "octets": "address octets refined by neighbour averaging until convergence",
    "attention": "GATv2 encoder over the window's pairs",
    "memory": "host and pair memory with an existence head",
    "edge_decoder": "edge and global-edge decoder",
    "evidence": "evidence of the other flows of pair and source",
    "lift": "fit to the pair beside how rare a flow is in all traffic",
    "activity": "counts of pair, source and destination beside what is usual for them",
    "partners": "new partners of source and destination beside what is usual for them",
}
BEHIND = {
    True: "each fifth of the time scored with the memory of the other four",
    False: "from windows all over the time that the weights were not fitted to",
}
"""Where thresholds come from, by whether the model has a memory."""


def also(spec: ModelSpec) -> str:
    """What else the model reads, in words."""
    return f"and, where the flows tell them, {', '.join(NAMES)}" if spec.enriched else "alone"


def render(
    name: str,
    spec: ModelSpec,
    facts: dict[str, Any],
    thresholds: dict[str, float],
    history: list[dict[str, float]],
) -> str:
    """Markdown; ``{hash}`` stands for the model's hash."""
    import math

    parts = [text for key, text in PARTS.items() if getattr(spec, key)]
    if spec.unet_depth:
        parts.append(f"Graph U-Net of depth {spec.unet_depth}")
    if spec.flow_types:
        parts.append(f"mixture of {spec.flow_types} flow types")
    columns = [f"{facts[k]:,}" for k in ("flows", "validation_flows", "hosts", "pairs")]
    columns += [f"{facts['duration_missing']:.1%}", str(facts["epochs"]), str(facts["seconds"])]
    rows = "\n".join(
        f"| {float(b):.2%} | {s:.4f} | {-math.expm1(-s):.6f} |"
        + (" |" if facts["validation_flows"] * float(b) >= 10 else " extrapolated: too few flows |")
        for b, s in thresholds.items()
    )
    return f"""# {name}

Graph autoencoder for network flows, hash `{{hash}}`, preset `{spec.preset}`: {"; ".join(parts)}.

Score of a flow: 1 − P(edge exists), from addresses, forward bytes, backward bytes and duration {also(spec)}.
{f"Trained on: {facts['trained_on']}." if facts["trained_on"] else ""}

| flows learnt from | flows behind the thresholds | hosts | pairs | durations missing | epochs | seconds |
|---|---|---|---|---|---|---|
| {" | ".join(columns)} |

Last losses: training {history[-1]["loss"]:.4f}, validation {history[-1]["validation"]:.4f}.
{aside(facts)}{said(facts)}{descent(facts)}
No label was read in training or for a threshold.

## Thresholds

From the training flows, {BEHIND[spec.memory]}.
On traffic like theirs the share of alerts is the budget.

| alert budget | surprise (nats) | score | |
|---|---|---|---|
{rows}

## Use

    morpheus run pipeline-gae --model models/{name} --input flows.parquet --output alerts.jsonl

## Limits

The model knows the hosts and pairs of its training traffic. They are pseudonymised as salted hashes; whoever
has the model can still test whether a given address is in it, so treat it like the traffic.
On another network, or after the network has changed, train again: unknown hosts are strange by design.
Attacks in the training flows are left out where they come as bursts between hosts that do not meet again;
one that goes on slowly through the whole training time is learnt as normal.
"""


def aside(facts: dict[str, Any]) -> str:
    """A sentence on the flows that were not learnt from."""
    if not facts["set_aside"]:
        return "All flows were learnt from: no incident stood apart."
    return (
        f"{facts['set_aside']:,} training flows, {facts['incidents']:,} incidents, count for no threshold: "
        f"{facts['left_out']:,} of them, bursts of hosts that do not meet again, were not learnt from either."
    )


def said(facts: dict[str, Any]) -> str:
    """Sentences on what analysts had told of the flows, if anything."""
    told = facts.get("feedback")
    if told is None:
        return ""
    ids = ", ".join(f"{one['id']} {one['verdict']} ({one['flows']:,} flows)" for one in told["listed"])
    return (
        f"\nBy feedback on {told['told']:,} alerts and incidents {told['attack_flows']:,} flows were left "
        f"out as attacks and {told['benign_flows']:,} kept from being set aside: {ids}. It decided which "
        "flows were learnt from, and nothing else."
    )


def descent(facts: dict[str, Any]) -> str:
    """A sentence on the model that this one went on from, if any."""
    if "parent" not in facts:
        return ""
    return (
        f"\nRetrained from `{facts['parent']}`: weights go on from its own, and a flow of its memory counts "
        f"{facts['kept']:g} beside a new one. All above is of the new flows, but for hosts and pairs."
    )
