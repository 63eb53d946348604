"""ModelSpec: which parts a model has, frozen when it is trained."""

from __future__ import annotations

import reprlib
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from morpheus_gae.errors import ArtifactError, UsageError
from morpheus_gae.model.names import name_flaw

SPEC_VERSION = 1
MEMORY_NUMBERS = 10
PROFILE_NUMBERS = 24
CLASS_FLAGS = 5
OCTET_NUMBERS = 8
EDGE_NUMBERS = 4
RANGES: dict[str, tuple[int, int]] = {
    "max_sweeps": (0, 10_000),
    "unet_depth": (0, 8),
    "flow_types": (0, 1024),
    "width": (1, 1024),
    "heads": (1, 64),
    "version": (SPEC_VERSION, SPEC_VERSION),
}
"""Least and greatest value of each whole number of a spec: what executors can number and hold."""


@dataclass(frozen=True)
class ModelSpec:
    """One member of the model family.

    Attributes
    ----------
    preset
        Name of the preset it came from.
    octets
        Host features hold address octets and their neighbour averages.
    tolerance, max_sweeps
        Neighbour averaging stops when no value moves by ``tolerance``, at the latest after ``max_sweeps``.
    attention
        GATv2 encoder over the window's pairs (Brody et al. 2022), both directions, ``heads`` heads each.
    unet_depth
        Levels of the Graph U-Net (Gao and Ji 2019) behind the encoder; 0 leaves it out.
    memory
        Host and pair memory of the training traffic, and the existence head that reads it.
    flow_types
        K of the mixture-of-flow-types likelihood; 0 leaves it out.
    edge_decoder
        Edge and global-edge decoder: logit of the edge from host embeddings, edge and window features.
    width, heads
        Width of the encoder per direction, and its attention heads.
    evidence
        Surprises travel over the window's graph: what else a flow's pair and source send raises its own.
    enriched
        The flow types also tell ports, protocol, packets, TCP flags and application (`model.enriched`).
    prefixes
        Hosts and pairs without history take that of their network prefixes.
    activity
        Pairs and hosts with more flows than is usual for them raise their flows' surprises.
    partners
        Hosts that meet more new partners than is usual for them raise the flows of their new pairs.
    lift
        How badly a flow fits its pair is also told beside how rare it is in all traffic.
    version
        Of this format.
    """

    preset: str = "default"
    octets: bool = False
    tolerance: float = 1e-3
    max_sweeps: int = 50
    attention: bool = False
    unet_depth: int = 0
    memory: bool = True
    flow_types: int = 32
    edge_decoder: bool = False
    width: int = 32
    heads: int = 2
    evidence: bool = False
    enriched: bool = False
    prefixes: bool = False
    activity: bool = False
    lift: bool = False
    partners: bool = False
    version: int = SPEC_VERSION

    def __post_init__(self) -> None:
        self._check_fields()
        if not (self.memory or self.flow_types or self.edge_decoder):
            raise UsageError("a model needs at least one of: memory, flow_types, edge_decoder")
        if self.flow_types and not self.memory:
            raise UsageError("flow_types read the pair memory: switch memory on as well")
        if self.enriched and not self.flow_types:
            raise UsageError(
                "enriched features are told by flow types: the model needs some (--preset default)"
            )
        if self.lift and not self.flow_types:
            raise UsageError("lift is told by flow types: the model needs some")
        if self.evidence and not self.memory:
            raise UsageError(
                "evidence is measured against the memory's pairs and hosts: switch memory on as well"
            )
        if self.prefixes and not self.memory:
            raise UsageError(
                "prefixes stand in for hosts that memory does not know: switch memory on as well"
            )
        if self.activity and not self.evidence:
            raise UsageError("activity is added where evidence is: switch evidence on as well")
        if self.partners and not self.activity:
            raise UsageError("partners are counted where flows are: switch activity on as well")
        if self.edge_decoder and self.memory:
            raise UsageError("edge_decoder scores alone: switch memory and flow_types off")
        if self.edge_decoder and not self.attention:
            raise UsageError("edge_decoder reads host embeddings: switch attention on as well")
        if self.unet_depth and not self.attention:
            raise UsageError("the Graph U-Net reads the attention encoder: switch attention on as well")

    def _check_fields(self) -> None:
        flaw = name_flaw(self.preset)
        if flaw is not None:
            raise UsageError(f"the name of the preset {flaw}")
        flags = ("octets", "attention", "memory", "edge_decoder", "evidence", "enriched", "prefixes")
        for name in (*flags, "activity", "lift", "partners"):
            if type(getattr(self, name)) is not bool:
                raise UsageError(f"{name} must be true or false")
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise UsageError(f"{name} must be a whole number from {low} to {high}")
        if type(self.tolerance) not in (int, float) or not 0 < self.tolerance <= 1:
            raise UsageError("tolerance must be a number above 0 and at most 1")
        if self.width % self.heads:
            raise UsageError(f"heads must divide the width: {self.heads} does not divide {self.width}")

    @property
    def host_numbers(self) -> int:
        """Width of a host's input: class flags, plus octets and their averages if the spec has them."""
        return CLASS_FLAGS + (2 * OCTET_NUMBERS if self.octets else 0)

    @property
    def embedding(self) -> int:
        """Width of a host embedding z: both directions of the encoder side by side."""
        return 2 * self.width

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; a part that came later only where there is one, so that hashes stay."""
        values = asdict(self)
        for part in ("evidence", "enriched", "prefixes", "activity", "lift", "partners"):
            if not values[part]:
                del values[part]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ModelSpec:
        """Rebuild a spec.

        Raises
        ------
        ArtifactError
            For another version, or fields that this version does not know.
        """
        if values.get("version") != SPEC_VERSION:
            found = reprlib.repr(values.get("version"))
            raise ArtifactError(f"the model spec has version {found}, this program reads {SPEC_VERSION}")
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ArtifactError(
                f"the model spec has unknown fields {reprlib.repr(unknown)}; known are {sorted(known)}"
            )
        try:
            return cls(**values)
        except (UsageError, TypeError) as error:
            raise ArtifactError(f"the model spec makes no sense: {error}") from None


PRESETS: dict[str, ModelSpec] = {
    "default": ModelSpec(evidence=True, prefixes=True, activity=True, lift=True, partners=True),
    "graph": ModelSpec(
        preset="graph", attention=True, evidence=True, prefixes=True, activity=True, lift=True, partners=True
    ),
    "published": ModelSpec(
        preset="published",
        octets=True,
        attention=True,
        unet_depth=3,
        memory=False,
        flow_types=0,
        edge_decoder=True,
    ),
}


def enriched(spec: ModelSpec) -> ModelSpec:
    """The spec with enriched features.

    Raises
    ------
    UsageError
        If it has no flow types, which tell them.
    """
    return replace(spec, enriched=True)


def preset(name: str) -> ModelSpec:
    """Look a preset up.

    Raises
    ------
    UsageError
        If there is none of that name; the message lists those there are.
    """
    try:
        return PRESETS[name]
    except KeyError:
        raise UsageError(f"unknown preset {name!r}: choose one of {', '.join(PRESETS)}") from None
