"""State: what a run has learnt of its traffic, kept so that a restart does not begin anew.

::

    {"format": 1, "model": "name@hash", "threshold": {histogram} or null, "scores": {histogram} or null}

of a run with incidents also ``incidents``, those that are open,
and of a run that learns also ``stream``, see `engine.recover.learnt_file`. The histogram of an adaptive
threshold serves any alert rate; it belongs to one model, whose scale it is on.
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
"""A state is written at most this often; each is a few thousand numbers."""


@dataclass(frozen=True)
class Learnt:
    """What was known after one window.

    Attributes
    ----------
    model
        ``name@hash`` of the model whose scores these are.
    threshold
        History of the adaptive threshold, if it is one.
    scores
        The recent scores, if they are followed.
    stream
        What a run that learns knew, if this window has it along.
    """

    model: str
    threshold: DecayingHistogram | None
    scores: RecentScores | None
    stream: Snapshot | None = None

    @staticmethod
    def of(
        live: LiveModel | None, threshold: Threshold, metrics: Metrics, stream: Snapshot | None = None
    ) -> Learnt:
        """Copies, which the next window does not change."""
        history: DecayingHistogram | None = getattr(threshold, "history", None)
        label = "" if live is None else live.label
        return Learnt(label, None if history is None else history.copy(), metrics.scores(), stream)

    def as_dict(self, files: LearntFiles | None = None) -> dict[str, Any]:
        """Plain values for JSON; tables are written to ``files``, which a run that learns has."""
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
    """Go on from what was learnt.

    Parameters
    ----------
    saved
        What ``Learnt.as_dict`` gave.
    where
        Name of the file, for errors.
    served
        Its threshold goes on, if it is adaptive.
    metrics
        Its recent scores go on, if it follows them.
    learning
        Goes on, if the run learns.
    files
        Where the tables of a run that learns are.

    Raises
    ------
    UsageError
        If it was learnt with another model, or is of a run that learnt and this one does not.
    InputError
        If it is no state of this version.
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
    """Keeps what was learnt in a file.

    Parameters
    ----------
    path
        JSON, replaced as a whole.
    seconds
        Time between two versions, at least.
    clock
        Reads seconds, as ``time.monotonic``.
    learning
        Of a run that learns: only windows that have its tables along are written.
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
        """Go on from the file, if there is one; whether there was.

        Raises
        ------
        GaeError
            If it is another model's, or not a state at all; see ``restore``.
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
        """Keep incidents too, and go on from those of the file."""
        self._incidents = incidents
        if self._found.get("incidents") is not None:
            incidents.restore(self._found["incidents"], str(self._path))

    def keep(self, window: Window) -> None:
        """Note what was known after a window that is delivered; write it if that is due."""
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
        """Note what a run that learns knows after its last window; all of them are delivered."""
        if self._learning is not None and self._last is not None:
            self._waiting = replace(self._last, stream=self._learning.snapshot())

    def close(self) -> None:
        """Write what was noted last."""
        waiting, self._waiting = self._waiting, None
        # a window that failed on its way out is in the incidents already, and will be read again
        ahead = self._incidents is not None and self._incidents.windows > self._windows
        if waiting is not None and not ahead:
            told = waiting.as_dict(self._files)
            if self._incidents is not None:
                told["incidents"] = self._incidents.as_dict()
            write_json(self._path, told)
            if self._files is not None and "stream" in told:
                self._files.tidy(told["stream"])
