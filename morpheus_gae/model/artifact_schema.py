"""Schema: which tensors an artifact has, by name, with type and shape, as its spec says.

Executors index one tensor by what another holds, and compiled code checks no index: so a tensor that is not
exactly what the spec says is refused when the model is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from morpheus_gae.model.activity import KINDS, NUMBERS
from morpheus_gae.model.enriched import COLUMNS, FIRST_TABLE, GIVEN
from morpheus_gae.model.partners import ROLES
from morpheus_gae.model.spec import (
    CLASS_FLAGS,
    EDGE_NUMBERS,
    MEMORY_NUMBERS,
    PROFILE_NUMBERS,
    ModelSpec,
)

Size = int | str
"""A number, or the name of one that training decides: the same wherever the name stands."""

FREE: dict[str, tuple[int, int]] = {
    # rows are numbered with 32 bits
    "hosts": (1, 1 << 30),
    "pairs": (1, 1 << 30),
    **{f"edges{i}": (1, 4095) for i in range(3)},
    **{f"bins{i}": (2, 4096) for i in range(3)},
    **{f"groups{i}": (1, 64) for i in range(2)},
    **{f"knots of {part}": (1, 4096) for part in ("pair", "flow", "lift", "fused", "evidence")},
    "knots of new pairs": (2, 4096),
    # a number and the classes of an address fit into 32 bits
    "prefixes": (1, 1 << 25),
    "kins": (1, 1 << 30),
    "quantiles": (2, 1 << 16),
    **{f"edges of extra {i}": (1, 4095) for i in range(COLUMNS)},
    **{f"bins of extra {i}": (2, 4096) for i in range(COLUMNS)},
    **{f"codes of extra {i}": (1, 4096) for i in range(COLUMNS)},
}
"""Least and greatest value of each such number."""


class Kind(NamedTuple):
    """Type, as safetensors names it, and shape of one tensor."""

    dtype: str
    shape: tuple[Size, ...]


def schema(spec: ModelSpec) -> dict[str, Kind]:
    """Every tensor of an artifact."""
    out = {
        "scale.mean": Kind("F32", (3,)),
        "scale.std": Kind("F32", (3,)),
        "quantiles.probability": Kind("F64", ("quantiles",)),
        "quantiles.surprise": Kind("F32", ("quantiles",)),
    }
    if spec.memory:
        out |= {
            "memory.salt": Kind("U64", (1,)),
            "memory.host_key": Kind("U64", ("hosts",)),
            "memory.host_out": Kind("F32", ("hosts", 7)),
            "memory.host_in": Kind("F32", ("hosts", 7)),
            "memory.pair_key": Kind("U64", ("pairs",)),
            "memory.pair": Kind("F32", ("pairs", 7)),
            "memory.pair_types": Kind("F16", ("pairs", max(spec.flow_types, 1))),
        }
    if spec.prefixes:
        out |= {
            "prefix.key": Kind("U64", ("prefixes",)),
            "prefix.out": Kind("F32", ("prefixes", 7)),
            "prefix.in": Kind("F32", ("prefixes", 7)),
            "prefix.seen": Kind("F32", ("prefixes",)),
            "prefix.pair_key": Kind("U64", ("kins",)),
            "prefix.pair": Kind("F32", ("kins", 7)),
            "prefix.pair_seen": Kind("F32", ("kins",)),
            "prefix.pair_types": Kind("F16", ("kins", max(spec.flow_types, 1))),
        }
    if spec.evidence:
        out |= {
            "evidence.pair": Kind("F32", ("pairs",)),
            "evidence.source": Kind("F32", ("hosts",)),
            "evidence.prior": Kind("F32", (4,)),
            "evidence.new.x": Kind("F32", ("knots of new pairs",)),
            "evidence.new.y": Kind("F32", ("knots of new pairs",)),
        }
    if spec.activity:
        out["activity.prior"] = Kind("F32", (len(KINDS), len(NUMBERS)))
    if spec.partners:
        out |= {
            "partners.past": Kind("F32", ("hosts", len(ROLES))),
            "partners.prior": Kind("F32", (len(ROLES), len(NUMBERS))),
        }
    if not spec.edge_decoder:
        for part in maps(spec):
            knots = f"knots of {part}"
            out[f"calibration.{part}.x"] = out[f"calibration.{part}.y"] = Kind("F32", (knots,))
            out[f"calibration.{part}.tail"] = Kind("F32", (2,))
    if spec.flow_types:
        out |= {f"bins.edges{i}": Kind("F32", (f"edges{i}",)) for i in range(3)}
        out |= {f"bins.group{i}": Kind("I32", (f"bins{i}",)) for i in range(2)}
    if spec.lift:
        out["lift.share"] = Kind("F32", (spec.flow_types,))
    if spec.enriched:
        for i in range(COLUMNS):
            out[f"extra.edges{i}"] = Kind("I32", (f"edges of extra {i}",))
            out[f"extra.code{i}"] = Kind("I32", (f"bins of extra {i}",))
    out |= {f"net.{name}": Kind("F32", shape) for name, shape in _weights(spec)}
    return out


def maps(spec: ModelSpec) -> tuple[str, ...]:
    """Calibration maps of a model without an edge decoder, see ``Artifact.tail``."""
    lift, evidence = (("lift",) if spec.lift else ()), (("evidence",) if spec.evidence else ())
    return ("pair", "flow", *lift, "fused", *evidence)


def _weights(spec: ModelSpec) -> Iterator[tuple[str, tuple[Size, ...]]]:
    """Parameters of ``model.gae.GAE``."""
    width, z, k = spec.width, spec.embedding, spec.flow_types
    if spec.attention:
        yield from _linear("host", spec.host_numbers, width)
        for side in ("into", "out"):
            yield f"{side}.attend", (spec.heads, width // spec.heads)
            yield from _linear(f"{side}.left", width, width)
            yield f"{side}.right.weight", (width, width)
            yield f"{side}.edge.weight", (width, EDGE_NUMBERS + 1)
    if spec.unet_depth:
        for level in range(spec.unet_depth + 1):
            yield from _linear(f"unet.down.{level}", z, z)
        for level in range(spec.unet_depth):
            yield from _linear(f"unet.up.{level}", z, z)
            yield f"unet.pool.{level}", (z,)
        yield "unet.gain", (z,)
    if spec.memory:
        yield from _linear("existence.0", MEMORY_NUMBERS + 2 * CLASS_FLAGS, 64)
        yield from _linear("existence.2", 64, 64)
        yield from _linear("existence.4", 64, 1)
    if k:
        yield from _linear("context.0", PROFILE_NUMBERS + (3 * z if spec.attention else 0), 32)
        yield from _linear("context.2", 32, k)
        # a scalar, which is stored as an array of one
        yield "tau", (1,)
        yield "table1", ("bins0", k)
        yield "table2", ("groups0", "bins1", k)
        yield "table3", ("groups1", "bins2", k)
    if spec.enriched:
        for i, given in enumerate(GIVEN):
            groups: Size = 1 if given is None else f"groups{given}"
            yield f"table{FIRST_TABLE + i}", (groups, f"codes of extra {i}", k)
    if spec.edge_decoder:
        yield from _linear("pair", 3 * z, 64)
        yield from _linear("edge.0", EDGE_NUMBERS, 32)
        yield "edge.2.weight", (64, 32)
        yield from _linear("window.0", 2 * EDGE_NUMBERS, 64)
        yield "window.2.weight", (64, 64)
        yield from _linear("head", 64, 1)
        yield "skip.weight", (1, EDGE_NUMBERS)


def _linear(name: str, inputs: int, outputs: int) -> Iterator[tuple[str, tuple[Size, ...]]]:
    yield f"{name}.weight", (outputs, inputs)
    yield f"{name}.bias", (outputs,)


def misfit(found: Mapping[str, tuple[str, tuple[int, ...]]], spec: ModelSpec) -> str | None:
    """What is wrong with the types and shapes of a file's tensors, or None.

    Parameters
    ----------
    found
        Type (as safetensors names it) and shape of each tensor.
    spec
        Of the model.
    """
    wanted = schema(spec)
    missing, unknown = sorted(wanted.keys() - found), sorted(found.keys() - wanted.keys())
    if missing:
        return f"it lacks {_few(missing)}"
    if unknown:
        return f"it has {_few(unknown)}, which this model has no use for"
    sizes: dict[str, tuple[int, str]] = {}
    for name, kind in wanted.items():
        dtype, shape = found[name]
        if dtype != kind.dtype or len(shape) != len(kind.shape):
            return f"{name} is {_told(dtype, shape)}, must be {_told(*kind)}"
        for size, rule in zip(shape, kind.shape, strict=True):
            if isinstance(rule, int):
                if size != rule:
                    return f"{name} is {_told(dtype, shape)}, must be {_told(*kind)}"
                continue
            before, where = sizes.setdefault(rule, (size, name))
            if size != before:
                return f"{name} is {list(shape)}, which does not fit the {before} {rule} of {where}"
            low, high = FREE[rule]
            if not low <= size <= high:
                return f"{name} is {list(shape)}: {rule} must be {low} to {high}"
    named = [(f"edges{i}", f"bins{i}") for i in range(3)]
    named += [(f"edges of extra {i}", f"bins of extra {i}") for i in range(COLUMNS)]
    for one, other in named:
        if one in sizes and sizes[one][0] + 1 != sizes[other][0]:
            (edges, first), (bins, second) = sizes[one], sizes[other]
            return f"{first} has {edges} edges, which do not make the {bins} bins of {second}"
    return None


def _told(dtype: str, shape: tuple[Size, ...]) -> str:
    return f"{dtype} [{', '.join(map(str, shape))}]"


def _few(names: list[str]) -> str:
    told = ", ".join(f"{name!a:.60}" for name in names[:3])
    return told if len(names) <= 3 else f"{told} and {len(names) - 3} more"
