"""The double's configuration and messages, with the names and the behaviour of Morpheus' own in CPU mode."""

from __future__ import annotations

import enum
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any


class ExecutionMode(enum.Enum):
    """Where frames live."""

    GPU = "GPU"
    CPU = "CPU"


class PipelineModes(enum.Enum):
    """Kinds of pipelines."""

    OTHER = "OTHER"


class Config:
    """Configuration of a pipeline."""

    def __init__(self) -> None:
        self.execution_mode = ExecutionMode.GPU
        self.mode = PipelineModes.OTHER
        self.class_labels: list[str] = []
        self.pipeline_batch_size = 256
        self.edge_buffer_size = 128
        self.num_threads = 1


def register_stage(name: str, **_: Any) -> Callable[[type], type]:
    """Note the stage's name on the command line."""

    def register(stage: type) -> type:
        stage._morpheus_registered_stage = SimpleNamespace(name=name)  # type: ignore[attr-defined]
        return stage

    return register


class MessageMeta:
    """A frame.

    Parameters
    ----------
    df
        A pandas frame.
    """

    def __init__(self, df: Any) -> None:
        self._df = df
        self._mutex = threading.RLock()

    @property
    def count(self) -> int:
        """Rows."""
        return len(self._df)

    def copy_dataframe(self) -> Any:
        """A deep copy of the frame."""
        return self._df.copy(deep=True)

    @contextmanager
    def mutable_dataframe(self) -> Iterator[Any]:
        """The frame itself, locked."""
        with self._mutex:
            yield self._df


class TensorMemory:
    """Arrays of one length.

    Parameters
    ----------
    count
        The length.
    tensors
        Arrays by name.
    """

    def __init__(self, *, count: int, tensors: dict[str, Any]) -> None:
        if any(tensor.shape[0] != count for tensor in tensors.values()):
            raise ValueError(f"a tensor does not have {count} rows")
        self.count = count
        self._tensors = tensors

    def get_tensor(self, name: str) -> Any:
        """An array."""
        return self._tensors[name]


class ControlMessage:
    """A frame, tensors and metadata.

    Parameters
    ----------
    message
        Copied, but for frame and tensors, which both then hold.
    """

    def __init__(self, message: ControlMessage | None = None) -> None:
        self._metadata: dict[str, Any] = {} if message is None else dict(message._metadata)
        self._payload: MessageMeta | None = None if message is None else message._payload
        self._tensors: TensorMemory | None = None if message is None else message._tensors

    def payload(self, payload: MessageMeta | None = None) -> MessageMeta | None:
        """The frame; set if given."""
        if payload is not None:
            self._payload = payload
        return self._payload

    def tensors(self, tensors: TensorMemory | None = None) -> TensorMemory | None:
        """The tensors; set if given."""
        if tensors is not None:
            self._tensors = tensors
        return self._tensors

    def set_metadata(self, key: str, value: Any) -> None:
        """Set one value, which JSON must have: in GPU mode the real one passes through it."""
        self._metadata[key] = json.loads(json.dumps(value))

    def has_metadata(self, key: str) -> bool:
        """Whether there is a value."""
        return key in self._metadata

    def get_metadata(self, key: str, default: Any = None) -> Any:
        """One value."""
        return self._metadata.get(key, default)
