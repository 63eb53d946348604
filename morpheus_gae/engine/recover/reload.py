"""Reload: hot reload of the model without losing flows.

The new model is loaded, verified and warmed up in a separate thread while the old one continues. It is then
used from the next window on; windows in flight keep their model.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue

from morpheus_gae.engine.live_model import LiveModel, Slot
from morpheus_gae.engine.observe.logs import Line
from morpheus_gae.engine.observe.metrics import Metrics

CLOSE_SECONDS = 5.0


class Reloader:
    """Reloads the model on request, or when it has changed on disk.

    Parameters
    ----------
    folder
        Of the model.
    load
        Loads and verifies the current model.
    slot
        Gets it.
    metrics
        Counts reloads and failures.
    say
        Reports one line to the user.
    seconds
        Polling interval of the folder; None: only on request.
    also
        Called at each check, with whether it was requested: other files to reload.
    """

    def __init__(
        self,
        folder: str,
        load: Callable[[], LiveModel],
        slot: Slot,
        metrics: Metrics,
        say: Callable[[str], None],
        seconds: float | None = None,
        also: Callable[[bool], None] = lambda asked: None,
    ) -> None:
        self._also = also
        self._folder, self._load, self._slot = Path(folder), load, slot
        self._metrics, self._say, self._seconds = metrics, say, seconds
        self._asked: SimpleQueue[bool] = SimpleQueue()
        self._seen = self._fingerprint()
        self._refused = ""
        self._thread = threading.Thread(target=self._run, name="reload", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def ask(self) -> None:
        """Request a reload; thread-safe."""
        self._asked.put(True)

    def close(self) -> None:
        """Stop the thread; a running load ends with the process."""
        self._asked.put(False)
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while True:
            try:
                asked = self._asked.get(timeout=self._seconds)
            except Empty:
                if self._fingerprint() not in (None, self._seen):
                    self.reload(asked=False)
                self._also(False)
                continue
            if not asked:
                return
            self.reload(asked=True)
            self._also(True)

    def reload(self, asked: bool) -> None:
        """Load and swap now, in this thread; an invalid model leaves the old one in use.

        Parameters
        ----------
        asked
            Whether it was requested: otherwise the same error is not reported twice (a model that is still
            being copied is checked again).
        """
        seen = self._fingerprint()
        old = self._slot.current
        try:
            new = self._load()
        except Exception as error:
            self._metrics.add(reload_failures=1)
            refused = " ".join(str(error).split()) or type(error).__name__
            if asked or refused != self._refused:
                told = f"Error: the model was not reloaded, {old.label} goes on: {refused}"
                self._say(Line(told, "reload_failed", model=old.label))
            self._refused = refused
            return
        self._seen, self._refused = seen, ""
        if new.label == old.label and _thresholds(new) == _thresholds(old):
            if asked:
                self._say(Line(f"The model is the same as before: {old.label} goes on", "reload_unchanged"))
            return
        self._slot.swap(new)
        self._metrics.add(reloads=1)
        told = f"Model {new.label} takes the place of {old.label} from the next window on"
        self._say(Line(told, "reloaded", model=new.label, before=old.label))

    def _fingerprint(self) -> str | None:
        """Return the identity of ``config.json``, written last; None if unreadable."""
        try:
            return hashlib.sha256((self._folder / "config.json").read_bytes()).hexdigest()
        except OSError:
            return None


def _thresholds(live: LiveModel) -> dict[str, float]:
    """Return the calibrated thresholds, which are not part of the hash."""
    return dict(live.executor.artifact.thresholds)
