"""Suppression: the suppression rules of a run, their counts, and their reload."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morpheus_gae.engine.observe.logs import Line
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.settings import Settings
from morpheus_gae.errors import GaeError, UsageError

if TYPE_CHECKING:
    from morpheus_gae.engine.window import Window
    from morpheus_gae.incidents.fold import Change
    from morpheus_gae.sinks.lazy import LazySink
    from morpheus_gae.suppress.rule import Rule

I64 = npt.NDArray[np.int64]

COLUMN, REASON = "suppressed_by", "suppressed_reason"
"""Columns that ``--suppressed`` adds to those of an alert."""
TOLD = 5
"""Maximum number of rules named in a line."""


def _now() -> datetime:
    return datetime.now(timezone.utc)


def open_suppression(settings: Settings, metrics: Metrics, say: Callable[[str], None]) -> Suppression | None:
    """Create the suppression requested by the settings, or None.

    Raises
    ------
    GaeError
        If a rule is invalid, or the file of suppressed flows cannot be written.
    """
    if settings.suppress is None:
        if settings.suppressed is not None:
            raise UsageError("--suppressed keeps what rules hold back: give them with --suppress FILE")
        return None
    return Suppression(settings.suppress, metrics, say, settings.suppressed)


class Suppression:
    """Applies suppression rules to flagged flows.

    Parameters
    ----------
    path
        File of rules, see ``suppress.read``.
    metrics
        Counts suppressed flows by rule.
    say
        Reports one line to the user.
    kept
        File that suppressed flows are appended to, or None.
    clock
        Current time, with time zone: rules expire by wall-clock time.
    """

    def __init__(
        self,
        path: str,
        metrics: Metrics,
        say: Callable[[str], None],
        kept: str | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        from morpheus_gae.suppress.read import read_rules

        self._path, self._metrics, self._say, self._clock = path, metrics, say, clock
        self._sink = None if kept is None else _open(kept)
        self._seen = self._fingerprint()
        self._refused = ""
        self._expired: frozenset[str] = frozenset()
        self.rules: list[Rule] = []
        self._take(read_rules(path), "")

    def hold(self, window: Window, flagged: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return the flags without suppressed flows, which are counted and written.

        Parameters
        ----------
        window
            Window with scores and threshold; only columns used by rules are read, and the others if written.
        flagged
            bool [E], by the threshold.

        Returns
        -------
        bool [E]
        """
        from morpheus_gae.flows.tables.picked import picked
        from morpheus_gae.suppress.match import which
        from morpheus_gae.suppress.rows import NEEDED, Rows, reasons

        assert window.scores is not None
        index = np.flatnonzero(flagged)
        # one list for the whole window: it may be replaced meanwhile
        rules, now = self.rules, self._clock()
        self._tell_expired(rules, now)
        if not index.shape[0]:
            return flagged
        table = window.flows.table
        table = picked(table.select([n for n in NEEDED if n in table.column_names]), index)
        scores = window.scores
        rows = Rows.of(table, np.asarray(scores.surprise[index], np.float64), reasons(scores, index))
        found = which(rules, rows, now)
        if not (found >= 0).any():
            return flagged
        count = np.bincount(found[found >= 0], minlength=len(rules)).tolist()
        self._metrics.suppress(Counter({r.name: n for r, n in zip(rules, count, strict=True) if n}))
        out = flagged.copy()
        out[index[found >= 0]] = False
        self._keep(window, flagged & ~out, [rules[i] for i in found[found >= 0].tolist()])
        return out

    def incidents(self, changes: list[Change], counted: set[str]) -> list[Change]:
        """Return the incidents that are not suppressed.

        Parameters
        ----------
        changes
            Of one stream.
        counted
            Ids of its suppressed incidents that the metrics have counted; added to. The stream's, so that it
            goes when the stream does.
        """
        from morpheus_gae.suppress.held import Held

        kept, held = Held(self.rules, self._clock()).split(changes)
        new = Counter(rule.name for change, rule in held if change.incident.id not in counted)
        if new:
            self._metrics.suppress_incidents(new)
        counted |= {change.incident.id for change, _ in held}
        return kept

    def reload(self, asked: bool) -> None:
        """Reload the file if it has changed or on request; an invalid one leaves the old rules.

        Parameters
        ----------
        asked
            Whether it was requested: otherwise the same error is not reported twice.
        """
        from morpheus_gae.suppress.read import read_rules

        seen = self._fingerprint()
        if not asked and seen in (None, self._seen):
            return
        try:
            rules = read_rules(self._path)
        except GaeError as error:
            if asked or str(error) != self._refused:
                told = f"Error: the rules were not read again, the old ones go on: {error}"
                self._say(Line(told, "suppress_failed", file=self._path))
            self._refused = str(error)
            return
        changed, self._seen, self._refused = seen != self._seen, seen, ""
        if changed:
            self._take(rules, " from the next window on")
        elif asked:
            self._say(Line(f"The rules of {self._path} are the same as before", "suppress_unchanged"))

    def close(self) -> None:
        """Close the file of suppressed flows."""
        if self._sink is not None:
            self._sink.close()

    def _take(self, rules: list[Rule], when: str) -> None:
        now = self._clock()
        self._expired = frozenset()
        self.rules = rules
        counting = [rule for rule in rules if not rule.expired(now)]
        self._metrics.suppress(Counter({rule.name: 0 for rule in counting if rule.kinds is None}))
        self._metrics.suppress_incidents(Counter({rule.name: 0 for rule in counting if rule.kinds}))
        plural = "" if len(counting) == 1 else "s"
        told = f"Suppressing by {len(counting):,} rule{plural} of {self._path}{when}"
        self._say(Line(told, "suppress", file=self._path, rules=len(counting)))
        self._tell_expired(rules, now)

    def _tell_expired(self, rules: list[Rule], now: datetime) -> None:
        """Report newly expired rules."""
        ended = [rule for rule in rules if rule.expired(now) and rule.name not in self._expired]
        if not ended:
            return
        self._expired |= {rule.name for rule in ended}
        named = ", ".join(f"{r.name} ({_utc(r.until)})" for r in ended[:TOLD])
        more = f" and {len(ended) - TOLD:,} more" if len(ended) > TOLD else ""
        told = f"Warning: rules of {self._path} have expired and count no more: {named}{more}"
        self._say(Line(told, "suppress_expired", file=self._path, rules=len(ended)))

    def _keep(self, window: Window, held: npt.NDArray[np.bool_], by: list[Rule]) -> None:
        if self._sink is None:
            return
        import pyarrow as pa

        from morpheus_gae.detect.alerts import alert_table

        assert window.scores is not None
        assert window.threshold is not None
        model = "@".join(self._metrics.model or ())
        rows = alert_table(window.flows, window.scores, held, window.threshold, model)
        rows = rows.drop_columns([name for name in (COLUMN, REASON) if name in rows.column_names])
        rows = rows.append_column(COLUMN, pa.array([rule.name for rule in by], pa.string()))
        self._sink.add(rows.append_column(REASON, pa.array([rule.reason for rule in by], pa.string())))
        self._sink.flush()

    def _fingerprint(self) -> tuple[int, ...] | None:
        """Return the identity of the file; None if there is none."""
        try:
            status = os.stat(self._path)
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns


def _utc(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC"


def _open(path: str) -> LazySink:
    """Open the file of suppressed flows for appending."""
    from morpheus_gae.sinks.append import AppendSink
    from morpheus_gae.sinks.lazy import LazySink
    from morpheus_gae.sinks.open import check_destination

    if not path.endswith((".jsonl", ".ndjson", ".json")):
        raise UsageError(f"--suppressed {path} is written line by line: give it the ending .jsonl")
    check_destination(path)
    return LazySink(lambda: AppendSink(path))
