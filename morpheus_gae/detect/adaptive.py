"""Adaptive: a threshold from the recent traffic of the stream itself, in which a burst counts once.

It starts from the quantiles of the model's validation flows, whose weight decays. In the upper tail the flows
of a host are capped at the number expected of a host with its activity (several times that for hosts in the
model's memory), but at least one: a burst from a new host hardly raises the threshold, while a shift of the
whole traffic does. Attacks on the addresses of known pairs look like one, so on its own network the threshold
rises no further than to the model's own for a third of the rate.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.detect.histogram import DecayingHistogram
from morpheus_gae.errors import UsageError
from morpheus_gae.model.memory import find, host_keys

if TYPE_CHECKING:
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.model.artifact import Artifact
    from morpheus_gae.model.memory import Memory

Bool = npt.NDArray[np.bool_]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Real = npt.NDArray[np.floating]

LEAST_RATE = 1e-6
"""Below, an alert is rarer than the flows that are remembered."""
OWN = 20.0
"""Number of the model's validation flows above its threshold in the initial history."""
SAMPLE = 4096
"""Maximum number of flows per window (every n-th) used to measure how busy hosts are."""
MOST, FAINT = 65_536, 0.01
"""Maximum number of followed hosts, sources and destinations each; least decayed flow count to be kept."""
ONCE, TIMES = 1.0, 5.0
"""Cap of a host's flows in the upper tail: one, plus a multiple of the number expected by the rate from its
flows in memory, plus the number expected from its flows in the stream."""
LOOK, MOST_LOOK = 3.0, 0.3
"""The upper tail is this multiple of the rate, at most this share of all flows."""
HOME = 0.5
"""Below this share of flows with known hosts there are no caps: every host is new."""
RISE = math.log(3.0)
"""Most that the threshold rises above the model's own, in nats: as far as that for a third of the rate."""


class AdaptiveThreshold:
    """A streaming quantile: flags about ``rate`` of the recent traffic of this stream.

    For traffic that the model was not trained on, or that has changed since. The threshold of a window comes
    from the windows before it, older ones counting less; that of the first window from the window itself and
    from the model's own flows. A window therefore cannot raise its own threshold, and the same stream always
    gives the same alerts.

    Parameters
    ----------
    rate
        Share of flows to flag, in (0, 1].
    half_life
        Flows after which an older flow counts half.
    artifact
        Model whose quantiles are the initial history, and whose memory gives the expectation per host; None:
        empty history, no caps.
    """

    def __init__(self, rate: float, half_life: int = 1_000_000, artifact: Artifact | None = None) -> None:
        if not 0.0 < rate <= 1.0:
            raise UsageError(f"alert rate {rate:g} is not above 0 and at most 1")
        if rate < LEAST_RATE:
            raise UsageError(f"alert rate {rate:g} is below {LEAST_RATE:g}: more flows than are remembered")
        self.rate = rate
        self.history = History(rate, half_life)
        self._most = np.float32(np.inf)
        if artifact is not None:
            self.history.begin(artifact)
            if not self.history.empty:
                self._most = self.history.exceeded_by(rate) + np.float32(RISE)

    def of_window(self, surprise: F64, flows: Flows | None = None) -> np.float32:
        """Return the threshold for this window, and add the window to the history."""
        first = self.history.empty or not self.history.flows
        if first:
            self.history.take(surprise, flows)
        threshold = self.history.exceeded_by(self.rate)
        if self.history.home:
            threshold = min(threshold, self._most)
        if not first:
            self.history.take(surprise, flows)
        return threshold


class History(DecayingHistogram):
    """Recent surprises of a stream, with bursts counted once.

    Parameters
    ----------
    rate
        Share of flows that the threshold is to flag.
    half_life
        Flows after which an older flow counts half.

    Attributes
    ----------
    flows
        Decayed number of flows added.
    """

    def __init__(self, rate: float, half_life: int) -> None:
        super().__init__(half_life)
        self.rate, self.flows, self._known = rate, 0.0, 0.0
        self._memory: Memory | None = None
        self._ends = [Followed(), Followed()]

    @property
    def home(self) -> bool:
        """Whether the model's memory knows the hosts of at least half of the flows."""
        return self._memory is not None and self.flows > 0 and self._known >= HOME * self.flows

    def begin(self, artifact: Artifact) -> None:
        """Initialise from the model's validation flows."""
        probability, surprise = (np.asarray(a, np.float64) for a in artifact.quantiles)
        if probability.shape[0]:
            number = int(np.ceil(OWN / self.rate))
            at = (np.arange(number) + 0.5) / number
            super().add(np.maximum(np.interp(at, probability, surprise), 0.0))
        if artifact.spec.memory:
            self._memory = artifact.memory

    def take(self, surprise: Real, flows: Flows | None = None) -> None:
        """Add a window: surprises [E] >= 0, and its flows if hosts are capped."""
        e = surprise.shape[0]
        fade = 0.5 ** (e / self.half_life)
        self.flows = self.flows * fade + e
        if flows is None or self._memory is None or self.empty or not e:
            self.add(surprise)
            return
        step = -(-e // SAMPLE)
        busy = [self._keys(flows, end, slice(None, None, step)) for end in (0, 1)]
        self._known = self._known * fade + self._known_share(busy) * e
        for followed in self._ends:
            followed.fade(fade)
        if not self.home:
            self.add(surprise)
            return
        self.add(surprise[self._counts(surprise, flows, busy, e / busy[0].shape[0])])

    def copy(self) -> History:
        """Return an independent copy."""
        other = History(self.rate, self.half_life)
        other.mass[:] = self.mass
        other.flows, other._known, other._memory = self.flows, self._known, self._memory
        other._ends = [Followed(f.key, f.counted.copy(), f.seen.copy()) for f in self._ends]
        return other

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, from which ``restore`` is exact."""
        hosts = [{n: getattr(f, n).tolist() for n in COLUMNS} for f in self._ends]
        return {**super().as_dict(), "flows": self.flows, "known": self._known, "hosts": hosts}

    def restore(self, saved: dict[str, Any]) -> None:
        """Restore from ``as_dict``, also of a version that counted each flow.

        Raises
        ------
        ValueError
            If it is invalid.
        """
        super().restore(saved)
        self.flows, self._known = float(self.mass.sum()), 0.0
        self._ends = [Followed(), Followed()]
        if "hosts" not in saved:
            return
        try:
            numbers = np.array([saved["flows"], saved["known"]], np.float64)
            first, second = (
                Followed(
                    np.asarray(told["key"], np.int64),
                    np.asarray(told["counted"], np.float64),
                    np.asarray(told["seen"], np.float64),
                )
                for told in saved["hosts"]
            )
            sound = first.sound and second.sound and bool((np.isfinite(numbers) & (numbers >= 0)).all())
        except (KeyError, TypeError, ValueError, OverflowError):
            sound = False
        if not sound:
            raise ValueError("not a history that this version wrote")
        self.flows, self._known = (float(n) for n in numbers)
        self._ends = [first, second]

    def _counts(self, surprise: Real, flows: Flows, busy: list[I64], each: float) -> Bool:
        """Mark the flows of a window that count: all except those of capped hosts, bool [E]."""
        least = self.exceeded_by(min(LOOK * self.rate, MOST_LOOK))
        top = np.flatnonzero(surprise >= least)
        # by value, then in order of arrival
        top = top[np.argsort(-surprise[top], kind="stable")]
        hosts = [self._keys(flows, end, top) for end in (0, 1)]
        room = []
        for end, (followed, host) in enumerate(zip(self._ends, hosts, strict=True)):
            one, at = np.unique(host, return_inverse=True)
            followed.follow(one)
            followed.see(busy[end], each)
            counted, seen = followed.of(one)
            expected = self.rate * (TIMES * self._share(end, one) * self.flows + seen)
            room.append((ONCE + expected - counted)[at.reshape(-1)])
        source, destination = (_nth(host) < fits for host, fits in zip(hosts, room, strict=True))
        # flows of a capped source do not use up the caps of its destinations
        source[destination] = _nth(hosts[0][destination]) < room[0][destination]
        destination[source] = _nth(hosts[1][source]) < room[1][source]
        fits = source & destination
        for followed, host in zip(self._ends, hosts, strict=True):
            followed.count(host[fits])
        out = np.ones(surprise.shape[0], np.bool_)
        out[top[~fits]] = False
        return out

    def _known_share(self, busy: list[I64]) -> float:
        """Return the share of flows with known hosts; each counts, or each host once, if that is more."""
        known = np.logical_and(*(self._share(end, key) > 0 for end, key in enumerate(busy)))
        many = np.maximum(*(_times(key) for key in busy))
        # a flood makes no network unknown
        return max(float(known.mean()), float(np.average(known, weights=1.0 / many)))

    def _keys(self, flows: Flows, end: int, at: slice | I64) -> I64:
        """Return the salted key of the sources (0) or destinations (1) of some flows, int64."""
        assert self._memory is not None
        hi, lo = ((flows.src_hi, flows.src_lo), (flows.dst_hi, flows.dst_lo))[end]
        return host_keys(hi[at], lo[at], self._memory.salt).view(np.int64)

    def _share(self, end: int, key: I64) -> F64:
        """Return the share of the flows in memory from (0), or to (1), each host, float64."""
        memory = self._memory
        assert memory is not None
        flows = (memory.host_out, memory.host_in)[end][:, 0]
        if not flows.shape[0]:
            return np.zeros(key.shape[0])
        row = find(memory.host_key, key.view(np.uint64))
        share: F64 = np.where(row >= 0, flows[np.maximum(row, 0)], 0.0) / max(float(flows.sum()), 1.0)
        return share


COLUMNS = ("key", "counted", "seen")


class Followed:
    """Hosts with flows in the upper tail.

    Parameters
    ----------
    key
        int64 [H] salted key of each, ascending.
    counted
        float64 [H] decayed number of counted flows in the upper tail.
    seen
        float64 [H] decayed number of all their flows since the first of these.
    """

    def __init__(self, key: I64 | None = None, counted: F64 | None = None, seen: F64 | None = None) -> None:
        self.key: I64 = np.zeros(0, np.int64) if key is None else key
        self.counted: F64 = np.zeros(0) if counted is None else counted
        self.seen: F64 = np.zeros(0) if seen is None else seen

    @property
    def sound(self) -> bool:
        """Whether the columns are valid."""
        numbers = np.concatenate([self.counted, self.seen])
        return (
            self.key.ndim == 1
            and self.key.shape == self.counted.shape == self.seen.shape
            and bool((self.key[1:] > self.key[:-1]).all())
            and bool((np.isfinite(numbers) & (numbers >= 0)).all())
        )

    def fade(self, factor: float) -> None:
        """Decay all counts; drop hosts with little left, and those with the least counts beyond MOST."""
        self.counted *= factor
        self.seen *= factor
        keep = self.counted + self.seen >= FAINT
        if keep.sum() > MOST:
            least = np.argsort(self.counted + self.seen, kind="stable")[: self.key.shape[0] - MOST]
            keep[least] = False
        self.key, self.counted, self.seen = (getattr(self, name)[keep] for name in COLUMNS)

    def follow(self, key: I64) -> None:
        """Add hosts to follow."""
        both = np.union1d(self.key, key)
        at = np.searchsorted(both, self.key)
        for name in COLUMNS[1:]:
            grown = np.zeros(both.shape[0])
            grown[at] = getattr(self, name)
            setattr(self, name, grown)
        self.key = both

    def see(self, key: I64, each: float) -> None:
        """Add flows of hosts, followed or not, each with a weight."""
        at = np.minimum(np.searchsorted(self.key, key), max(self.key.shape[0] - 1, 0))
        if self.key.shape[0]:
            here = self.key[at] == key
            self.seen += each * np.bincount(at[here], minlength=self.key.shape[0])

    def count(self, key: I64) -> None:
        """Add counted flows of followed hosts."""
        self.counted += np.bincount(np.searchsorted(self.key, key), minlength=self.key.shape[0])

    def of(self, key: I64) -> tuple[F64, F64]:
        """Return the counted and all flows of followed hosts."""
        at = np.searchsorted(self.key, key)
        return self.counted[at], self.seen[at]


def _times(unit: I64) -> I64:
    """Return how often each element occurs, int64 [E]."""
    _, at, count = np.unique(unit, return_inverse=True, return_counts=True)
    return count[at.reshape(-1)].astype(np.int64)


def _nth(unit: I64) -> I64:
    """Return the number of earlier elements equal to each element, int64 [E]."""
    order = np.argsort(unit, kind="stable")
    grouped, place = unit[order], np.arange(unit.shape[0])
    begins = np.concatenate([[True], grouped[1:] != grouped[:-1]])[: unit.shape[0]]
    nth = np.empty(unit.shape[0], np.int64)
    nth[order] = place - np.maximum.accumulate(np.where(begins, place, 0))
    return nth
