"""Artifact: a trained model as a folder of safetensors and JSON.

::

    model.safetensors   every weight, table, counter and calibration knot
    config.json         format, spec, thresholds, training facts, SHA-256 of the tensors and of itself
    README.md           the model card
    metrics.json        figures measured at training time

Nothing in it is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.errors import ArtifactError
from morpheus_gae.flows.exporters.enriched import NAMES
from morpheus_gae.model.activity import Activity
from morpheus_gae.model.artifact_checks import value_flaw
from morpheus_gae.model.artifact_config import read_config, read_spec
from morpheus_gae.model.artifact_file import read_tensors
from morpheus_gae.model.calibration import TailMap
from morpheus_gae.model.evidence import Evidence
from morpheus_gae.model.memory import Memory
from morpheus_gae.model.partners import Partners
from morpheus_gae.model.prefixes import Prefixes
from morpheus_gae.model.spec import ModelSpec
from morpheus_gae.model.strict_json import seal

FORMAT = 1
BUDGETS = ("0.0001", "0.001", "0.01", "0.02")
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Artifact:
    """A trained model.

    Attributes
    ----------
    path
        Folder it was read from.
    name
        For people.
    hash
        First 12 hex digits of the SHA-256 over tensors and spec: names the weights in every alert.
    spec
        Which parts the model has.
    tensors
        Every array, by name.
    config
        ``config.json`` as read.
    """

    path: Path
    name: str
    hash: str
    spec: ModelSpec
    tensors: dict[str, Array]
    config: dict[str, Any]

    @property
    def thresholds(self) -> dict[str, float]:
        """Threshold on the surprise (nats) for each alert budget (a fraction, as text)."""
        return {k: float(v) for k, v in self.config["thresholds"].items()}

    @property
    def supported_budgets(self) -> tuple[str, ...]:
        """Budgets with at least 10 benign validation flows above the threshold; others are extrapolated."""
        n = int(self.config["training"]["validation_flows"])
        return tuple(b for b in self.thresholds if n * float(b) >= 10)

    @property
    def quantiles(self) -> tuple[Array, Array]:
        """Probabilities and quantiles of the surprise on benign validation flows."""
        return self.tensors["quantiles.probability"], self.tensors["quantiles.surprise"]

    @property
    def memory(self) -> Memory:
        """The model's memory (spec.memory only)."""
        t = self.tensors
        return Memory(
            salt=int(t["memory.salt"][0]),
            host_key=t["memory.host_key"],
            host_out=t["memory.host_out"],
            host_in=t["memory.host_in"],
            pair_key=t["memory.pair_key"],
            pair=t["memory.pair"],
            pair_types=t["memory.pair_types"],
        )

    @property
    def prefixes(self) -> Prefixes | None:
        """What hosts and pairs without history take the place of; None unless spec.prefixes."""
        t = self.tensors
        if not self.spec.prefixes:
            return None
        names = ("key", "out", "in", "seen", "pair_key", "pair", "pair_seen", "pair_types")
        return Prefixes(*(t[f"prefix.{name}"] for name in names))

    @property
    def evidence(self) -> Evidence:
        """What benign windows lead one to expect (spec.evidence only).

        Raises
        ------
        ArtifactError
            If the memory was replaced, but not what its pairs and hosts have shown.
        """
        t = self.tensors
        for name, key in (("evidence.pair", "memory.pair_key"), ("evidence.source", "memory.host_key")):
            # compiled code finds a row in one and reads it in the other
            if t[name].shape != t[key].shape:
                raise ArtifactError(f"{name} of {self.name} is another memory's")
        unknown, flows, pairs, window = (float(v) for v in t["evidence.prior"])
        curve = t["evidence.new.x"], t["evidence.new.y"]
        return Evidence(t["evidence.pair"], t["evidence.source"], unknown, flows, pairs, window, *curve)

    @property
    def activity(self) -> Activity:
        """What benign counts are like (spec.activity only)."""
        return Activity(self.tensors["activity.prior"])

    @property
    def partners(self) -> Partners:
        """What first meetings of benign traffic are like (spec.partners only).

        Raises
        ------
        ArtifactError
            If the memory was replaced, but not the first meetings of its hosts.
        """
        t = self.tensors
        # compiled code finds a row in one and reads it in the other
        if t["partners.past"].shape[0] != t["memory.host_key"].shape[0]:
            raise ArtifactError(f"partners.past of {self.name} is another memory's")
        return Partners(t["partners.prior"], t["partners.past"])

    def tail(self, part: str) -> TailMap:
        """Calibration of ``"pair"``, ``"flow"``, ``"lift"``, ``"fused"`` or ``"evidence"``."""
        return TailMap(*(self.tensors[f"calibration.{part}.{leaf}"] for leaf in ("x", "y", "tail")))

    def weights(self) -> dict[str, Array]:
        """The torch module's state, by parameter name."""
        return {k.removeprefix("net."): v for k, v in self.tensors.items() if k.startswith("net.")}


def digest(tensors: dict[str, Array], spec: ModelSpec) -> str:
    """SHA-256 over the spec and every tensor's name, type, shape and bytes."""
    h = hashlib.sha256(json.dumps(spec.as_dict(), sort_keys=True).encode())
    for name in sorted(tensors):
        a = np.ascontiguousarray(tensors[name])
        h.update(f"{name}:{a.dtype.str}:{a.shape}".encode())
        # as it lies there: a copy of millions of pairs is not made
        h.update(a.reshape(-1).view(np.uint8).data)
    return h.hexdigest()


def save_artifact(
    path: str | Path,
    *,
    name: str,
    spec: ModelSpec,
    tensors: dict[str, Array],
    thresholds: dict[str, float],
    training: dict[str, Any],
    metrics: dict[str, Any],
    card: str,
) -> Artifact:
    """Write a model folder; each file appears whole or not at all.

    ``card`` may use ``{hash}``.
    """
    from safetensors.numpy import save

    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    sha = digest(tensors, spec)
    config = {
        "format": FORMAT,
        "name": name,
        "sha256": sha,
        "spec": spec.as_dict(),
        "columns": ["IN_BYTES", "OUT_BYTES", "FLOW_DURATION_MILLISECONDS", *(NAMES if spec.enriched else ())],
        "thresholds": thresholds,
        "training": training,
    }
    # as it will be read: JSON has no tuples, and text for keys
    config = json.loads(json.dumps(config))
    # thresholds are part of a model
    config["seal"] = seal(config)
    contiguous = {k: np.ascontiguousarray(v) for k, v in tensors.items()}
    write_whole(folder / "model.safetensors", save(contiguous))
    write_whole(folder / "metrics.json", (json.dumps(metrics, indent=2, sort_keys=True) + "\n").encode())
    write_whole(folder / "README.md", card.replace("{hash}", sha[:12]).encode())
    write_whole(folder / "config.json", (json.dumps(config, indent=2, sort_keys=True) + "\n").encode())
    return Artifact(folder, name, sha[:12], spec, contiguous, config)


def load_artifact(path: str | Path) -> Artifact:
    """Read a model folder, and check all of it: executors index by what is in it and check nothing.

    Raises
    ------
    ArtifactError
        If a file is missing or not what it claims to be, the format is another version's, the tensors
        are not those that ``config.json`` was written with, or values make no sense.
    """
    folder = Path(path)
    told, weights = folder / "config.json", folder / "model.safetensors"
    try:
        config = read_config(told, FORMAT)
    except FileNotFoundError as error:
        raise ArtifactError(f"{folder} is not a model folder: {error.filename} is missing") from None
    except NotADirectoryError:
        raise ArtifactError(f"{folder} is a file; a model is a folder with model.safetensors in it") from None
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{told} cannot be read: {error}") from None
    if config["seal"] != seal(config):
        raise ArtifactError(
            f"{told} is damaged or was edited: its contents do not fit its seal; for another "
            "threshold use --threshold or --alert_rate"
        )
    spec = read_spec(told, config)
    try:
        tensors = read_tensors(weights, spec)
    except FileNotFoundError as error:
        raise ArtifactError(f"{folder} is not a model folder: {error.filename} is missing") from None
    except OSError as error:
        raise ArtifactError(f"{weights} cannot be read: {error}") from None
    except MemoryError:
        raise ArtifactError(f"{weights} does not fit into the memory") from None
    except ValueError as error:
        raise ArtifactError(f"{weights} is damaged, or another model's than config.json: {error}") from None
    sha = digest(tensors, spec)
    if sha != config["sha256"]:
        raise ArtifactError(
            f"{folder} is damaged or was edited: its tensors hash to {sha[:12]}, config.json says "
            f"{config['sha256'][:12]}"
        )
    flaw = value_flaw(spec, tensors)
    if flaw is not None:
        raise ArtifactError(f"{weights} makes no sense: {flaw}")
    return Artifact(folder, config["name"], sha[:12], spec, tensors, config)


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file of a model folder: it is there whole, old or new, after a power cut as well."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        # else the name may be on the disk before the contents are
        os.fsync(file.fileno())
    os.replace(part, path)
