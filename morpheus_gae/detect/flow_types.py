"""Flow types: names the components of the model's mixture, and finds the nearest one of a flow."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.model.bins import MISSING, bin_of
from morpheus_gae.model.enriched import FIRST_TABLE, RANGES, enriched_of

if TYPE_CHECKING:
    from morpheus_gae.model.artifact import Artifact

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

MIDDLE = (0.1, 0.9)
"""Quantiles of a type's bytes and duration used in its name."""
TINY = 1e-6
MOSTLY = 0.5
"""Share of a type's flows from which on a port or protocol names it."""
FAR = 2.0
"""Times from which on a flow is told to have more, or less, than a type."""
NEARLY = 1.01
NONE = 1e-3
TIMES = ("more B up", "more B back", "longer", "less B up", "less B back", "shorter")
PRESENT = (
    *("with B up", "with B back", "with a duration"),
    *("without B up", "without B back", "without a duration"),
)
HELD = 1 << 12
"""Pieces of sentences that are kept."""
PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 58: "ipv6-icmp", 132: "sctp"}


class FlowTypes:
    """The flow types of a model.

    Parameters
    ----------
    artifact
        With flow types.

    Attributes
    ----------
    names
        Text [K], from the model's tables: ``exchange: 60-90 B up, 120-400 B down, 0-0.1 s``.
    """

    def __init__(self, artifact: Artifact) -> None:
        t = artifact.tensors
        self._edges = [t[f"bins.edges{i}"] for i in range(3)]
        self._groups = [t[f"bins.group{i}"] for i in range(2)]
        one, two, three = (_shares(t[f"net.table{i}"], axis) for i, axis in ((1, 0), (2, 1), (3, 1)))
        self._logs = [np.log(p).astype(np.float32) for p in (one, two, three)]
        up = one
        down = np.einsum("ak,abk->bk", _by_group(up, self._groups[0], two.shape[0]), two)
        lasts = np.einsum("ak,abk->bk", _by_group(down, self._groups[1], three.shape[0]), three)
        bounds = [_middle(e, p) for e, p in zip(self._edges, (up, down, lasts), strict=True)]
        services = _services(artifact, up.shape[1])
        # [K, 3], as the names tell them
        self._low, self._high = np.maximum(np.array(bounds, np.float64), 0).transpose(2, 1, 0)
        self.names = [
            _name(bounds[0][k], bounds[1][k], bounds[2][k], services[k]) for k in range(up.shape[1])
        ]
        self._alike = [(f"nearest to {name}", f"looks like {name}") for name in self.names]

    def nearest(self, attributes: F32, missing: npt.NDArray[np.bool_]) -> I64:
        """Return the type under which each flow's bytes and duration are most likely, int64 [F].

        Parameters
        ----------
        attributes, missing
            float32 [F, 3] as counted, bool [F].
        """
        duration = np.where(missing, MISSING, attributes[:, 2])
        columns = (attributes[:, 0], attributes[:, 1], duration)
        b = [bin_of(e, np.ascontiguousarray(c)) for e, c in zip(self._edges, columns, strict=True)]
        one, two, three = self._logs
        like = one[b[0]] + two[self._groups[0][b[0]], b[1]] + three[self._groups[1][b[1]], b[2]]
        return np.asarray(like.argmax(1), np.int64)

    def alike(self, types: I64, attributes: F32, missing: npt.NDArray[np.bool_]) -> list[str]:
        """How flows compare with types: that they look like them, or how far from their ranges they are.

        Parameters
        ----------
        types, attributes, missing
            int64 [F] as ``nearest`` gives them for the other two.

        Returns
        -------
        list of str
            [F]: ``looks like NAME`` where bytes and duration lie in the middle of the type's, as its name
            tells it; else ``nearest to NAME``, with what is ``FAR`` from it.
        """
        values, low, high = attributes.astype(np.float64), self._low[types], self._high[types]
        with np.errstate(divide="ignore", invalid="ignore"):
            # edges are float32 and the name rounds them
            above = np.where(
                values > np.maximum(high * NEARLY, NONE), values / np.where(high > NONE, high, 0), 1
            )
            below = np.where(
                (low > NONE) & (values < low / NEARLY), low / np.where(values > NONE, values, 0), 1
            )
        # a missing duration says nothing; nor does a duration where the type has none
        above[:, 2], below[:, 2] = (
            np.where(missing | (high[:, 2] <= 0), 1, part[:, 2]) for part in (above, below)
        )
        factors = np.concatenate([above, below], 1)
        inside: list[bool] = np.asarray((factors <= 1).all(1), np.bool_).tolist()
        told = [self._alike[k][found] for k, found in zip(types.tolist(), inside, strict=True)]
        at, which = np.nonzero(factors >= FAR)
        opens = np.r_[-1, at[:-1]] < at
        columns = (at.tolist(), which.tolist(), np.rint(factors[at, which]).tolist(), opens.tolist())
        for i, j, times, first in zip(*columns, strict=True):
            told[i] += _far(j, times, first)
        return told


@lru_cache(HELD)
def _far(which: int, times: float, first: bool) -> str:
    far = f"{times:,.0f} times {TIMES[which]}" if times < np.inf else PRESENT[which]
    return f", but {far}" if first else f", {far}"


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
