"""Flow types: names the components of the model's mixture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.model.enriched import FIRST_TABLE, RANGES, enriched_of

if TYPE_CHECKING:
    from morpheus_gae.detect.type_kernels import Types
    from morpheus_gae.model.artifact import Artifact

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

MIDDLE = (0.1, 0.9)
"""Quantiles of a type's bytes and duration used in its name."""
TINY = 1e-6
MOSTLY = 0.5
"""Share of a type's flows from which on a port or protocol names it."""
PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 58: "ipv6-icmp", 132: "sctp"}


def types_of(artifact: Artifact) -> tuple[list[str], Types]:
    """The flow types of a model.

    Parameters
    ----------
    artifact
        With flow types and memory.

    Returns
    -------
    list of str, Types
        [K] names, from the model's tables: ``exchange: 60-90 B up, 120-400 B down, 0-0.1 s``; and what flows
        are compared with.
    """
    from morpheus_gae.detect.recall_kernels import as_table
    from morpheus_gae.detect.type_kernels import Types

    t = artifact.tensors
    edges, groups = [t[f"bins.edges{i}"] for i in range(3)], [t[f"bins.group{i}"] for i in range(2)]
    one, two, three = (_shares(t[f"net.table{i}"], axis) for i, axis in ((1, 0), (2, 1), (3, 1)))
    up = one
    down = np.einsum("ak,abk->bk", _by_group(up, groups[0], two.shape[0]), two)
    lasts = np.einsum("ak,abk->bk", _by_group(down, groups[1], three.shape[0]), three)
    bounds = [_middle(e, p) for e, p in zip(edges, (up, down, lasts), strict=True)]
    services = _services(artifact, up.shape[1])
    # [K, 3], as the names tell them
    low, high = np.maximum(np.array(bounds, np.float64), 0).transpose(2, 1, 0)
    names = [_name(bounds[0][k], bounds[1][k], bounds[2][k], services[k]) for k in range(up.shape[1])]
    logs = [np.log(p).astype(np.float32) for p in (one, two, three)]
    kept = artifact.memory.pair_types.view(np.uint16)
    groups = [group.astype(np.int32) for group in groups]
    return names, Types(*map(as_table, (*edges, *groups, *logs, low, high, kept)))


def no_types() -> tuple[list[str], Types]:
    """As ``types_of``, of a model that has none."""
    from morpheus_gae.detect.recall_kernels import as_table
    from morpheus_gae.detect.type_kernels import Types

    line, group, low = np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros((0, 3))
    flat, deep, kept = (
        np.zeros((0, 0), np.float32),
        np.zeros((0, 0, 0), np.float32),
        np.zeros((0, 0), np.uint16),
    )
    parts = (line, line, line, group, group, flat, deep, deep, low, low, kept)
    return [], Types(*map(as_table, parts))


def _shares(logits: F32, axis: int) -> F64:
    p = np.exp(logits.astype(np.float64) - logits.max(axis, keepdims=True))
    return np.asarray(p / p.sum(axis, keepdims=True), np.float64)


def _by_group(p: F64, group: npt.NDArray[np.integer], groups: int) -> F64:
    out = np.zeros((groups, p.shape[1]))
    np.add.at(out, group, p)
    return out


def _middle(edges: F32, p: F64) -> list[tuple[float, float]]:
    """Return the quantile range of each type; the lower end is below 0 where most have no value."""
    reached = np.cumsum(p, 0)
    lower = (reached < MIDDLE[0]).sum(0)
    upper = np.minimum((reached < MIDDLE[1]).sum(0), p.shape[0] - 1)
    ends = np.concatenate([[-1.0], edges.astype(np.float64), [np.inf]])
    return [(float(ends[a]), float(ends[b + 1])) for a, b in zip(lower, upper, strict=True)]


def _name(
    up: tuple[float, float], down: tuple[float, float], lasts: tuple[float, float], service: str
) -> str:
    if down[1] <= 1e-3:
        kind = "no answer"
    elif up[0] > down[1]:
        kind = "upload"
    elif down[0] > up[1]:
        kind = "download"
    else:
        kind = "exchange"
    seconds = (lasts[0] / 1000, lasts[1] / 1000)
    time = "no duration" if lasts[1] <= 0 else f"{_range(seconds)} s"
    parts = [f"{_range(up)} B up", f"{_range(down)} B down", time]
    return f"{kind}{f' ({service})' if service else ''}: {', '.join(parts)}"


def _range(ends: tuple[float, float]) -> str:
    low, high = max(ends[0], 0.0), max(ends[1], 0.0)
    if np.isinf(high):
        return f"from {_figure(low)}"
    a, b = _figure(low), _figure(high)
    return a if a == b else f"{a}-{b}"


def _figure(value: float) -> str:
    """Format with three digits; an edge just above zero is zero."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded >= 1000 else f"{rounded if rounded >= TINY else 0:g}"


def _services(artifact: Artifact, types: int) -> list[str]:
    """Return port and protocol of most flows of a type; empty if there is none."""
    if not artifact.spec.enriched:
        return [""] * types
    told: list[list[str]] = []
    for column, wrap in ((1, _protocol), (0, _port)):
        codes = enriched_of(artifact.tensors).codes[column]
        p = _shares(artifact.tensors[f"net.table{FIRST_TABLE + column}"][0], 0)
        best = p.argmax(0)
        names = []
        for k in range(types):
            code = int(best[k])
            at = np.flatnonzero(codes.code == code)
            single = code > len(RANGES) and p[code, k] >= MOSTLY and at.shape[0] == 1
            names.append(wrap(int(codes.edges[at[0] - 1])) if single else "")
        told.append(names)
    return [
        f"{protocol}/{port}" if protocol and port else protocol or (port and f"port {port}")
        for protocol, port in zip(*told, strict=True)
    ]


def _protocol(value: Any) -> str:
    return PROTOCOLS.get(value, f"protocol {value}")


def _port(value: Any) -> str:
    return str(value)
