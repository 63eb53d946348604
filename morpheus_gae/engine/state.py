"""State: what a run has learnt of its traffic, kept so that a restart does not begin anew.

::

    {"format": 1, "model": "name@hash", "threshold": {histogram} or null, "scores": {histogram} or null}

The histogram of an adaptive threshold serves any alert rate; it belongs to one model, whose scale it is on.
"""

from __future__ import annotations

import reprlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morpheus_gae.engine.atomic import write_json
from morpheus_gae.errors import InputError, UsageError
from morpheus_gae.model.names import printable
from morpheus_gae.model.strict_json import loads

if TYPE_CHECKING:
    from morpheus_gae.detect.histogram import DecayingHistogram
    from morpheus_gae.detect.recent import RecentScores
    from morpheus_gae.detect.threshold import Threshold
    from morpheus_gae.engine.metrics import Metrics
    from morpheus_gae.engine.served import Served
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
    """

    model: str
    threshold: DecayingHistogram | None
    scores: RecentScores | None

    @staticmethod
    def of(served: Served | None, threshold: Threshold, metrics: Metrics) -> Learnt:
        """Copies, which the next window does not change."""
        history: DecayingHistogram | None = getattr(threshold, "history", None)
        label = "" if served is None else served.label
        return Learnt(label, None if history is None else history.copy(), metrics.scores())

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "format": FORMAT,
            "model": self.model,
            "threshold": None if self.threshold is None else self.threshold.as_dict(),
            "scores": None if self.scores is None else self.scores.as_dict(),
        }


def restore(saved: dict[str, Any], where: str, served: Served, metrics: Metrics) -> None:
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

    Raises
    ------
    UsageError
        If it was learnt with another model.
    InputError
        If it is no state of this version.
    """
    if saved.get("format") != FORMAT:
        raise InputError(
            f"{where} has format {reprlib.repr(saved.get('format'))}, this program reads {FORMAT}: remove it"
        )
    if saved.get("model") != served.label:
        learnt_with = printable(str(saved.get("model")))[:200]
        raise UsageError(
            f"{where} was learnt with model {learnt_with}, this run uses {served.label}, whose "
            "scores are on another scale: give that model or another --state, or remove the file"
        )
    history: DecayingHistogram | None = getattr(served.threshold, "history", None)
    try:
        if history is not None and saved.get("threshold") is not None:
            history.restore(saved["threshold"])
        if metrics.recent is not None and saved.get("scores") is not None:
            metrics.recent.restore(saved["scores"])
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
    """

    def __init__(
        self, path: str, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = Path(path)
        self._seconds, self._clock = seconds, clock
        self._written: float | None = None
        self._waiting: Learnt | None = None

    def load(self, served: Served, metrics: Metrics) -> bool:
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
        restore(saved, str(self._path), served, metrics)
        return True

    def keep(self, window: Window) -> None:
        """Note what was known after a window that is delivered; write it if that is due."""
        if window.learnt is None:
            return
        self._waiting = window.learnt
        now = self._clock()
        if self._written is None or now - self._written >= self._seconds:
            self._written = now
            self.close()

    def close(self) -> None:
        """Write what was noted last."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            write_json(self._path, waiting.as_dict())
