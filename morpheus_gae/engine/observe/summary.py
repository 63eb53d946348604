"""Summary: the table printed at the end of a run."""

from __future__ import annotations

from morpheus_gae.engine.observe.metrics import Metrics

RULES = 10
"""Maximum number of suppression rules listed."""


def summary(metrics: Metrics) -> str:
    """Format flows, windows, alerts, bad records, rate, and rates of labelled flows if any.

    Returns
    -------
    str
        One fact per line, without a final newline.
    """
    facts = metrics.as_dict()
    share = f"  ({facts['alerts'] / facts['flows']:.3%} of flows)" if facts["flows"] else ""
    rows = [
        ("flows", f"{facts['flows']:,}"),
        ("windows", f"{facts['windows']:,}"),
        ("hosts (sum over windows)", f"{facts['hosts']:,}"),
        ("pairs (sum over windows)", f"{facts['pairs']:,}"),
        ("alerts", f"{facts['alerts']:,}{share}"),
        *_suppressed("suppressed by rules", facts.get("suppressed")),
        *_suppressed("incidents suppressed by rules", facts.get("suppressed_incidents")),
        ("bad records", f"{sum(facts['bad_records'].values()):,}"),
        *((f"  {reason}", f"{count:,}") for reason, count in facts["bad_records"].items()),
        *((f"left out: {reason}", f"{count:,}") for reason, count in facts["skipped"].items()),
        *((f"put right: {what}", f"{count:,}") for what, count in facts["noted"].items()),
        *_delivery(facts.get("delivery", {})),
        *_pairs(facts["paired"], facts["unpaired"]),
        ("flows per second", f"{facts['flows_per_second']:,.0f}"),
    ]
    labels = facts.get("labels")
    if labels is not None:
        rows += [
            ("TPR (labelled attacks)", _rate(labels["tpr"], labels["attacks"])),
            ("FPR (labelled benign)", _rate(labels["fpr"], labels["benign"])),
        ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _suppressed(title: str, rules: dict[str, int] | None) -> list[tuple[str, str]]:
    """Return the number of suppressed flows, and the rules that suppressed most."""
    if rules is None:
        return []
    hits = sorted((-count, name) for name, count in rules.items() if count)
    rows = [(title, f"{-sum(count for count, _ in hits):,}")]
    rows += [(f"  {name}", f"{-count:,}") for count, name in hits[:RULES]]
    beyond = hits[RULES:]
    if beyond:
        rows.append((f"  by {len(beyond):,} other rules", f"{-sum(count for count, _ in beyond):,}"))
    return rows


def _delivery(counts: dict[str, int]) -> list[tuple[str, str]]:
    names = {
        "delivered_alerts": "alerts delivered",
        "refused_alerts": "alerts refused by the server",
        "delivery_retries": "alerts sent again",
    }
    return [(text, f"{counts[name]:,}") for name, text in names.items() if counts.get(name)]


def _pairs(paired: int, unpaired: int) -> list[tuple[str, str]]:
    if not paired and not unpaired:
        return []
    share = unpaired / (unpaired + 2 * paired)
    return [
        ("flows of two one-way records", f"{paired:,}"),
        ("one-way records without a partner", f"{unpaired:,}  ({share:.1%} of them)"),
    ]


def _rate(rate: float | None, flows: int) -> str:
    return "no such flows" if rate is None else f"{rate:.2%}  of {flows:,} flows"
