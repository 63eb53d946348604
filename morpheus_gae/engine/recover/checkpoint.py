"""Checkpoint: progress of a run over files, to resume after a crash with each row written once.

A checkpoint is written when the alerts of a window are on disk: the position after that window, and the
length of the outputs. A run that finds one truncates the outputs to these lengths, skips the records before
the position and continues. Windows end where they ended before, so the result is identical, byte for byte.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morpheus_gae.engine.recover.atomic import write_json
from morpheus_gae.engine.recover.due import Due
from morpheus_gae.engine.recover.state import restore
from morpheus_gae.engine.settings import STDIN, STDOUT, Settings
from morpheus_gae.errors import GaeError, InputError, OutputError, UsageError
from morpheus_gae.kafka.url import is_kafka
from morpheus_gae.model.names import printable
from morpheus_gae.model.strict_json import loads, seal
from morpheus_gae.sinks.remote.target import is_remote

if TYPE_CHECKING:
    from morpheus_gae.engine.incidents import IncidentStream
    from morpheus_gae.engine.learning import Learning
    from morpheus_gae.engine.live_model import LiveModel
    from morpheus_gae.engine.observe.metrics import Metrics
    from morpheus_gae.engine.recover.learnt_file import LearntFiles
    from morpheus_gae.engine.window import Window
    from morpheus_gae.flows.frame import Position
    from morpheus_gae.sinks.resumable import ResumableDeadLetters, ResumableText

FORMAT = 2
FILE = "checkpoint.json"
LOCK = "lock"
LEARNT = "learnt"
"""Prefix of the file names of learnt tables."""

RESULTS = (
    *("output", "format", "preset", "pair_seconds", "executor", "graph_size", "window_seconds"),
    *("threshold", "alert_rate", "adaptive", "encoding", "batch_size"),
)
"""Settings that the result depends on (the batch size, since column types are detected per batch)."""


class AlreadyFinished(GaeError):  # noqa: N818
    """The run of this checkpoint has finished: there is nothing to do."""


class Checkpoint:
    """The checkpoint of one run.

    Parameters
    ----------
    settings
        Settings with ``checkpoint``, the folder; created if necessary.
    served
        The model.
    paths
        Inputs, in order.
    clock
        Clock in seconds, like ``time.monotonic``.
    learning
        Online learning, if any: a checkpoint is then written after windows that carry a snapshot.

    Attributes
    ----------
    start
        Position to resume from, or None.

    Raises
    ------
    UsageError
        If inputs or output cannot be resumed, or differ from those of the checkpoint.
    AlreadyFinished
        If that run has finished.
    GaeError
        If another run uses the folder, or its content is damaged.
    """

    def __init__(
        self,
        settings: Settings,
        live: LiveModel,
        paths: list[str],
        clock: Callable[[], float] = time.monotonic,
        learning: Learning | None = None,
    ) -> None:
        assert settings.checkpoint is not None
        from morpheus_gae.sinks.resumable import kind_of

        if settings.output in (None, STDOUT) and not settings.incidents_only:
            raise UsageError(
                "--checkpoint needs --output FILE: what was written to stdout cannot be cut back"
            )
        # delivery to servers cannot be rolled back: alerts after the checkpoint are sent twice
        if not is_remote(settings.output) and not settings.incidents_only:
            kind_of(str(settings.output))
        if settings.incidents == STDOUT:
            raise UsageError("--checkpoint needs --incidents FILE: stdout cannot be cut back")
        if settings.incidents is not None and not _is_elsewhere(settings.incidents):
            kind_of(settings.incidents)
        self._folder, self._settings = Path(settings.checkpoint), settings
        self._path = self._folder / FILE
        self._live, self._learning = live, learning
        self._files: LearntFiles | None = None
        if learning is not None:
            from morpheus_gae.engine.recover.learnt_file import LearntFiles

            self._files = LearntFiles(self._folder, LEARNT)
        self._last: Window | None = None
        self._run: dict[str, Any] = {
            "inputs": [_fingerprint(path) for path in paths],
            "settings": {
                **{name: getattr(settings, name, None) for name in RESULTS},
                # only if present: checkpoints of earlier versions stay valid
                **({"map": list(settings.map)} if settings.map else {}),
                **({"learn": True, "half_life": settings.half_life} if settings.learn else {}),
                **({"incidents": _incidents(settings)} if settings.incidents is not None else {}),
                **({"columns": settings.columns} if settings.columns is not None else {}),
                **({"suppress": _digest(settings.suppress)} if settings.suppress is not None else {}),
                "dead_letters": settings.dead_letters_path,
            },
            "model": live.label,
        }
        self._due = Due(settings.checkpoint_seconds, clock)
        self._lock = self._locked()
        try:
            self._found = self._read()
        except GaeError:
            self.close()
            raise
        self.start: Position | None = self._position()
        self._dead_letters: ResumableDeadLetters | None = None
        self._text: ResumableText | None = None
        self._incidents: IncidentStream | None = None
        self._incident_text: ResumableText | None = None

    def open_output(self) -> ResumableText:
        """Open the output, truncated to the length in the checkpoint."""
        from morpheus_gae.sinks.resumable import ResumableText, Written

        output = self._found.get("output")
        self._text = ResumableText(str(self._settings.output), Written(**output) if output else None)
        return self._text

    def open_incidents(self) -> ResumableText:
        """Open the file of incidents, truncated likewise."""
        from morpheus_gae.sinks.resumable import ResumableText, Written

        output = (self._found.get("incidents") or {}).get("output")
        written = Written(**output) if output else None
        self._incident_text = ResumableText(str(self._settings.incidents), written)
        return self._incident_text

    def follow(self, incidents: IncidentStream) -> None:
        """Save incidents too, and restore the open ones.

        Raises
        ------
        InputError
            If they are invalid.
        """
        self._incidents = incidents
        found = self._found.get("incidents")
        if found is not None:
            incidents.restore(found["open"], str(self._path))

    def open_dead_letters(self, number: Callable[[], int]) -> ResumableDeadLetters:
        """Open the dead letters, truncated; ``number`` returns the index of the current input."""
        from morpheus_gae.sinks.resumable import ResumableDeadLetters

        path = str(self._settings.dead_letters_path)
        self._dead_letters = ResumableDeadLetters(path, number, int(self._found.get("dead_letters", 0)))
        return self._dead_letters

    def restore(self, metrics: Metrics) -> None:
        """Restore the adaptive threshold, or the learnt state."""
        if self._found.get("learnt"):
            where = str(self._path)
            restore(self._found["learnt"], where, self._live, metrics, self._learning, self._files)

    def keep(self, window: Window) -> None:
        """Record a delivered window; write the checkpoint if due."""
        if not window.flows.done:
            return
        self._last = window
        if self._learning is not None and (window.learnt is None or window.learnt.stream is None):
            return
        if self._due.now():
            self._due.write(lambda: self._write(window))

    def pause(self) -> None:
        """Save the learnt state of a stopped run, after all windows are delivered."""
        last = self._last
        if self._learning is not None and last is not None and last.learnt is not None:
            learnt = replace(last.learnt, stream=self._learning.snapshot())
            self._write(replace(last, learnt=learnt))

    def finish(self) -> None:
        """Record that the run has finished, with outputs closed."""
        settings = self._settings
        for path in (settings.output, settings.dead_letters_path, settings.incidents):
            if path is not None and os.path.exists(path):
                _sync(path)
        self._replace({"finished": True})

    def close(self) -> None:
        """Unlock the folder."""
        os.close(self._lock)

    def _write(self, window: Window) -> None:
        from morpheus_gae.sinks.resumable import Written

        position = max(window.flows.done, key=lambda p: (p.partition, p.offset))
        assert self._dead_letters is not None
        # outputs are on disk, or delivered, before the checkpoint is
        output = Written(0) if self._text is None else self._text.sync()
        dead_letters = self._dead_letters.sync(position.partition, position.offset)
        learnt = None if window.learnt is None else window.learnt.as_dict(self._files)
        incidents = {}
        if self._incidents is not None:
            told = Written(0) if self._incident_text is None else self._incident_text.sync()
            incidents = {"incidents": {"output": asdict(told), "open": self._incidents.as_dict()}}
        self._replace(
            {
                **incidents,
                "finished": False,
                "position": {"input": position.partition, "record": position.offset},
                "output": asdict(output),
                "dead_letters": dead_letters,
                "learnt": learnt,
            }
        )
        if self._files is not None and learnt is not None:
            self._files.tidy(learnt["stream"])

    def _replace(self, facts: dict[str, Any]) -> None:
        # normalised as JSON reads it back: no tuples
        whole = json.loads(json.dumps({"format": FORMAT, **self._run, **facts}))
        write_json(self._path, {**whole, "seal": seal(whole)})

    def _locked(self) -> int:
        """Lock the folder; the system releases the lock when the process ends."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            number = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise OutputError(f"--checkpoint {self._folder} cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(number)
            raise OutputError(f"--checkpoint {self._folder}: another run uses it") from None
        return number

    def _read(self) -> dict[str, Any]:
        try:
            found = loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise InputError(f"{self._path} cannot be read: {error.strerror}") from None
        except ValueError:
            found = None
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise InputError(f"{self._path} is no checkpoint of this version: remove it to begin anew")
        # a wrong length would truncate an output in the middle of a row
        if found.get("seal") != seal(found) or not _sound(found):
            raise InputError(f"{self._path} is damaged or was edited: remove it to begin anew")
        for name, now in self._run.items():
            if found.get(name) != now:
                raise UsageError(
                    f"{self._path} is of another run: {_difference(name, found.get(name), now)}; "
                    "give what that run was given, or another --checkpoint, or remove it to begin anew"
                )
        if found.get("finished"):
            raise AlreadyFinished(
                f"{self._settings.output} is finished, says {self._path}: nothing to do (remove that file "
                "to run again)"
            )
        return found

    def _position(self) -> Position | None:
        from morpheus_gae.flows.frame import Position

        at = self._found.get("position")
        if at is None:
            return None
        return Position(self._run["inputs"][at["input"]]["path"], at["input"], at["record"])


def _sound(found: dict[str, Any]) -> bool:
    """Whether all values have valid types and ranges; the seal does not prove that."""
    inputs, settings = found.get("inputs"), found.get("settings")
    sound = isinstance(settings, dict) and isinstance(found.get("model"), str) and isinstance(inputs, list)
    sound = sound and all(isinstance(i, dict) and isinstance(i.get("path"), str) for i in inputs or ())
    if not sound or found.get("finished") is True:
        return sound
    position, output, learnt = found.get("position"), found.get("output"), found.get("learnt")
    incidents = found.get("incidents")
    if incidents is not None and not (
        isinstance(incidents, dict)
        and isinstance(incidents.get("open"), dict)
        and _is_written(incidents.get("output"))
    ):
        return False
    if not isinstance(position, dict) or not _is_written(output):
        return False
    assert output is not None
    numbers = (position.get("input"), position.get("record"), found.get("dead_letters"))
    return (
        all(type(number) is int and 0 <= number < 1 << 62 for number in numbers)
        and position["input"] < len(inputs or ())
        and isinstance(learnt, (dict, type(None)))
    )


def _is_written(output: Any) -> bool:
    return (
        isinstance(output, dict)
        and output.keys() == {"bytes", "schema"}
        and type(output["bytes"]) is int
        and 0 <= output["bytes"] < 1 << 62
        and isinstance(output["schema"], (str, type(None)))
    )


def _is_elsewhere(url: str) -> bool:
    return is_remote(url) or is_kafka(url)


def _incidents(settings: Settings) -> list[Any]:
    names = ("incidents", "incidents_only", "incident_budget", "incident_quiet", "policy")
    return [*(getattr(settings, name) for name in names), settings.incident_form]


def _fingerprint(path: str) -> dict[str, Any]:
    """Return the identity of a file."""
    if path == STDIN or not os.path.isfile(path):
        raise UsageError(f"--checkpoint reads files, which can be read again: {path} is none")
    status = os.stat(path)
    return {"path": path, "size": status.st_size, "mtime_ns": status.st_mtime_ns}


def _digest(path: str) -> str:
    """Return the digest of a rules file; it was read before."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _difference(name: str, then: Any, now: Any) -> str:
    """Describe what changed, in a few words."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        key = next(key for key in sorted({*then, *now}) if then.get(key) != now.get(key))
        return f"{key} was {then.get(key)!r:.300}, is {now.get(key)!r:.300}"
    if isinstance(then, list) and isinstance(now, list):
        if len(then) != len(now):
            return f"it had {len(then)} inputs, this has {len(now)}"
        old, new = next(pair for pair in zip(then, now, strict=True) if pair[0] != pair[1])
        return f"input {new['path']} is another file or has changed" + (
            "" if old["path"] == new["path"] else f" (it was {printable(old['path'])})"
        )
    return f"{name} was {printable(str(then))[:300]}, is {now}"


def _sync(path: str) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
