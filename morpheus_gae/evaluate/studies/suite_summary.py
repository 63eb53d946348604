"""Suite summary: the runs of a suite by set, protocol, stream and attackers."""

from __future__ import annotations

from typing import Any

from morpheus_gae.evaluate.studies.over_time import TENTHS
from morpheus_gae.evaluate.summary import BUDGETS, of_stream, spread

WHERE = ("set", "protocol", "stream", "attackers")
FACTS = ("train_flows", "hidden_flows", "hidden_share", "hidden_campaigns", "cut")


def summarised(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry for each set, protocol, stream and attackers, in the order in which they were run.

    Returns
    -------
    list of dict
        ``set``, ``protocol``, ``stream``, ``attackers``; ``seeds``; ``facts``: means over seeds of what the
        runs say of their training flows; ``flows``, ``attacks``, ``prevalence`` and ``detectors``, see
        ``summary.of_stream``; each detector of a protocol over time has ``over_time`` as well: ``tenths``
        with ``benign``, ``attacks``, ``fixed`` and ``adaptive``, and ``adaptive`` of the whole stream.
    """
    out = []
    for where in dict.fromkeys(tuple(r[key] for key in WHERE) for r in runs):
        mine = [r for r in runs if tuple(r[key] for key in WHERE) == where]
        found = of_stream(mine)
        for name, detector in found["detectors"].items():
            told = [r["over_time"] for r in mine if r["detector"] == name and "over_time" in r]
            if told:
                detector["over_time"] = _over_time(told)
        facts = {key: [r[key] for r in mine if key in r] for key in FACTS}
        out.append(
            {
                **dict(zip(WHERE, where, strict=True)),
                "seeds": len({r["seed"] for r in mine}),
                "facts": {key: sum(values) / len(values) for key, values in facts.items() if values},
                "trained_on": sorted({r["trained_on"] for r in mine if "trained_on" in r}),
                **found,
            }
        )
    return out


def _over_time(told: list[dict[str, Any]]) -> dict[str, Any]:
    tenths = []
    for i in range(TENTHS):
        of = [t["tenths"][i] for t in told]
        tenths.append(
            {
                "tenth": i,
                **{key: sum(t[key] for t in of) / len(of) for key in ("benign", "attacks")},
                **{way: _rates([t[way] for t in of]) for way in ("fixed", "adaptive")},
            }
        )
    return {"by": told[0]["by"], "tenths": tenths, "adaptive": _rates([t["adaptive"] for t in told])}


def _rates(of: list[dict[str, Any]]) -> dict[str, Any]:
    return {b: {key: spread([r[b][key] for r in of]) for key in ("tpr", "fpr")} for b in BUDGETS}
