"""State: learnt state of a run, saved for restarts.

::

    {"format": 1, "model": "name@hash", "threshold": {histogram} or null, "scores": {histogram} or null}

with ``incidents`` (the open ones) for a run with incidents, and ``stream`` for online learning, see
`engine.recover.learnt_file`. The histogram of an adaptive threshold is valid for any alert rate, but only for
one model.
"""

from __future__ import annotations

import reprlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morpheus_gae.engine.recover.atomic import write_json
from morpheus_gae.engine.recover.due import Due
from morpheus_gae.errors import InputError, UsageError
from morpheus_gae.model.names import printable
from morpheus_gae.model.strict_json import loads

if TYPE_CHECKING:
    from morpheus_gae.detect.histogram import DecayingHistogram
    from morpheus_gae.detect.recent import RecentScores
    from morpheus_gae.detect.threshold import Threshold
    from morpheus_gae.engine.incidents import IncidentStream
    from morpheus_gae.engine.learning import Learning, Snapshot
    from morpheus_gae.engine.live_model import LiveModel
    from morpheus_gae.engine.observe.metrics import Metrics
    from morpheus_gae.engine.recover.learnt_file import LearntFiles
    from morpheus_gae.engine.window import Window

FORMAT = 1
SECONDS = 5.0
"""Minimum time between writes; a state is a few thousand numbers."""


@dataclass(frozen=True)
class Learnt:
    """Learnt state after one window.

    Attributes
    ----------
    model
        ``name@hash`` of the model whose scores these are.
    threshold
        History of the adaptive threshold, if any.
    scores
        Recent scores, if tracked.
    stream
        Snapshot of online learning, if this window has one.
    """

    model: str
    threshold: DecayingHistogram | None
    scores: RecentScores | None
    stream: Snapshot | None = None

    @staticmethod
    def of(
        live: LiveModel | None, threshold: Threshold, metrics: Metrics, stream: Snapshot | None = None
    ) -> Learnt:
        """Copy the current state, independent of later windows."""
        history: DecayingHistogram | None = getattr(threshold, "history", None)
        label = "" if live is None else live.label
        return Learnt(label, None if history is None else history.copy(), metrics.scores(), stream)

    def as_dict(self, files: LearntFiles | None = None) -> dict[str, Any]:
        """Return plain values for JSON; tables are written to ``files`` (online learning)."""
        stream = {"stream": files.write(self.stream)} if files is not None and self.stream is not None else {}
        return {
            **stream,
            "format": FORMAT,
            "model": self.model,
            "threshold": None if self.threshold is None else self.threshold.as_dict(),
            "scores": None if self.scores is None else self.scores.as_dict(),
        }


def restore(
    saved: dict[str, Any],
    where: str,
    live: LiveModel,
    metrics: Metrics,
    learning: Learning | None = None,
    files: LearntFiles | None = None,
) -> None:
    """Restore the learnt state.

    Parameters
    ----------
    saved
        Result of ``Learnt.as_dict``.
    where
        Name of the file, for errors.
    served
        Model whose adaptive threshold, if any, is restored.
    metrics
        Metrics whose recent scores, if tracked, are restored.
    learning
        Online learning to restore, if any.
    files
        Files of the learnt tables.

    Raises
    ------
    UsageError
        If it belongs to another model, or to a run with online learning and this one has none.
    InputError
        If it is not a valid state of this version.
    """
    if saved.get("format") != FORMAT:
        raise InputError(
            f"{where} has format {reprlib.repr(saved.get('format'))}, this program reads {FORMAT}: remove it"
        )
    if saved.get("model") != live.label:
        learnt_with = printable(str(saved.get("model")))[:200]
        raise UsageError(
            f"{where} was learnt with model {learnt_with}, this run uses {live.label}, whose "
            "scores are on another scale: give that model or another --state, or remove the file"
        )
    history: DecayingHistogram | None = getattr(live.threshold, "history", None)
    try:
        if history is not None and saved.get("threshold") is not None:
            history.restore(saved["threshold"])
        if metrics.recent is not None and saved.get("scores") is not None:
            metrics.recent.restore(saved["scores"])
        if saved.get("stream") is not None:
            if learning is None or files is None:
                raise UsageError(f"{where} is of a run with --learn: give that too, or another file")
            learning.restore(files.read(saved["stream"], learning.artifact))
    except ValueError as error:
        raise InputError(f"{where} is damaged: {error}; remove it") from None


class StateFile:
    """Saves the learnt state to a file.

    Parameters
    ----------
    path
        JSON file, replaced atomically.
    seconds
        Minimum time between writes.
    clock
        Reads seconds, as ``time.monotonic``.
    learning
        Online learning, if any: only windows with a snapshot are written then.
    """

    def __init__(
        self,
        path: str,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
        learning: Learning | None = None,
    ) -> None:
        self._path = Path(path)
        self._learning = learning
        self._files: LearntFiles | None = None
        if learning is not None:
            from morpheus_gae.engine.recover.learnt_file import LearntFiles

            self._files = LearntFiles(self._path.absolute().parent, f"{self._path.name}.learnt")
        self._incidents: IncidentStream | None = None
        self._found: dict[str, Any] = {}
        self._windows = 0
        self._last: Learnt | None = None
        self._due = Due(seconds, clock)
        self._waiting: Learnt | None = None

    def load(self, live: LiveModel, metrics: Metrics) -> bool:
        """Restore from the file; return whether there was one.

        Raises
        ------
        GaeError
            If it belongs to another model, or is invalid; see ``restore``.
        """
        try:
            saved = loads(self._path.read_bytes())
        except FileNotFoundError:
            if not self._path.absolute().parent.is_dir():
                raise UsageError(f"--state {self._path}: its folder does not exist") from None
            return False
        except OSError as error:
            raise InputError(f"{self._path} cannot be read: {error.strerror}") from None
        except ValueError:
            saved = None
        if not isinstance(saved, dict):
            raise InputError(f"{self._path} is no state that this program wrote: give another --state")
        restore(saved, str(self._path), live, metrics, self._learning, self._files)
        self._found = saved
        return True

    def follow(self, incidents: IncidentStream) -> None:
        """Save incidents too, and restore those of the file."""
        self._incidents = incidents
        if self._found.get("incidents") is not None:
            incidents.restore(self._found["incidents"], str(self._path))

    def keep(self, window: Window) -> None:
        """Record the state after a delivered window; write it if due."""
        if window.learnt is None:
            return
        self._last = window.learnt
        if self._learning is not None and window.learnt.stream is None:
            return
        self._waiting = window.learnt
        if self._incidents is not None:
            self._windows = self._incidents.windows
        if self._due.now():
            self._due.write(self.close)

    def finish(self) -> None:
        """Record the learnt state after the last window is delivered."""
        if self._learning is not None and self._last is not None:
            self._waiting = replace(self._last, stream=self._learning.snapshot())
            if self._incidents is not None:
                # windows without a snapshot are in both
                self._windows = self._incidents.windows

    def close(self) -> None:
        """Write the last recorded state."""
        waiting, self._waiting = self._waiting, None
        # an undelivered window is already in the incidents, and will be read again
        ahead = self._incidents is not None and self._incidents.windows > self._windows
        if waiting is not None and not ahead:
            told = waiting.as_dict(self._files)
            if self._incidents is not None:
                told["incidents"] = self._incidents.as_dict()
            write_json(self._path, told)
            if self._files is not None and "stream" in told:
                self._files.tidy(told["stream"])
