"""Open: the executor of a kind for a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from morpheus_gae.errors import UsageError

if TYPE_CHECKING:
    from morpheus_gae.executors.base import Executor
    from morpheus_gae.model.artifact import Artifact


def open_executor(model: str | Path, kind: str = "cpu", deterministic: bool = False) -> Executor:
    """Load an artifact and the executor that runs it.

    Parameters
    ----------
    model
        Folder of the artifact.
    kind
        ``"cpu"`` (numba, no torch needed), ``"cuda"`` (a GPU; ``"cuda:1"`` is another one) or ``"torch"``
        (the oracle).
    deterministic
        Same bits in every run. ``"cpu"`` always is, whatever the number of threads; ``"cuda"`` adds up
        in a fixed order then, which takes longer.

    Raises
    ------
    ArtifactError
        If the folder is not a sound artifact.
    UsageError
        If ``kind`` is unknown.
    GaeError
        If there is no such device.
    MissingExtraError
        If the executor needs a library that is not installed.
    """
    from morpheus_gae.model.artifact import load_artifact

    return executor_of(load_artifact(model), kind, deterministic)


def executor_of(artifact: Artifact, kind: str = "cpu", deterministic: bool = False) -> Executor:
    """The executor that runs an artifact in memory; parameters and errors as those of `open_executor`."""
    if kind == "cpu":
        from morpheus_gae.executors.cpu.executor import CpuExecutor

        return CpuExecutor(artifact)
    if kind == "torch":
        from morpheus_gae.executors.torch.executor import TorchExecutor

        return TorchExecutor(artifact)
    if kind == "cuda" or kind.startswith("cuda:"):
        from morpheus_gae.executors.cuda.executor import CudaExecutor

        return CudaExecutor(artifact, kind, deterministic)
    raise UsageError(f"unknown executor {kind!r}: choose cpu, cuda or torch")


def reopen(executor: Executor, artifact: Artifact) -> Executor:
    """An executor of the same kind for the same model with other tensors, say a memory that has learnt.

    Raises
    ------
    UsageError
        If this kind is made to keep what it has on its device.
    """
    if not getattr(executor, "reopens", False):
        raise UsageError("--learn works with --executor cpu (or torch), whose memory can be replaced")
    return type(executor)(artifact)  # type: ignore[call-arg]
