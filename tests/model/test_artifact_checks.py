"""An artifact whose hash and seal are right and whose insides are not is refused, whatever is wrong."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.errors import ArtifactError
from morpheus_gae.executors.cpu.executor import CpuExecutor
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.artifact import Artifact, load_artifact
from morpheus_gae.model.artifact_checks import FOLD, columns, value_flaw
from morpheus_gae.model.artifact_schema import misfit, schema
from tests.model.make import DTYPES, SPECS, edit_tensors, sound, sound_tensors
from tests.support import make_flows

Array = np.ndarray
Change = Callable[[dict[str, Array]], dict[str, Array]]


def filled(a: Array, value: float) -> Array:
    out = a.copy()
    out.reshape(-1)[-1] = value
    return out


def other_type(a: Array) -> Array:
    return a.astype(np.float16 if a.dtype == np.float32 else np.float32)


SHAPES: dict[str, Callable[[Array], Array]] = {
    "other type": other_type,
    "wider type": lambda a: a.astype(np.complex64 if a.dtype == np.float64 else np.float64),
    "other integers": lambda a: a.astype(np.int64),
    "halved": lambda a: a[: a.shape[0] // 2],
    "one less": lambda a: a[:-1],
    "doubled": lambda a: np.concatenate([a, a]),
    "extra axis": lambda a: a[None],
    "zero length": lambda a: a[:0],
    "scalar": lambda a: a.reshape(-1)[0],
}
VALUES: dict[str, Callable[[Array], Array]] = {
    "NaN": lambda a: filled(a, np.nan),
    "all NaN": lambda a: np.full_like(a, np.nan),
    "infinity": lambda a: filled(a, -np.inf),
    "huge": lambda a: filled(a, 3e38 if a.dtype != np.float16 else -6e4),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sound")
    return {name: sound(folder / name, spec).path for name, spec in SPECS.items()}


def refused(folder: Path, tmp_path: Path, change: Change) -> str:
    """The one line that loading the changed model ends with."""
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    edit_tensors(copy, change)
    with pytest.raises(ArtifactError) as caught:
        load_artifact(copy)
    line = str(caught.value)
    assert line.isprintable()
    assert len(line) < 500
    return line


def described(tensors: dict[str, Array]) -> dict[str, tuple[str, tuple[int, ...]]]:
    names = {np.dtype(dtype): name for name, dtype in DTYPES.items()}
    return {n: (names.get(a.dtype, str(a.dtype)), a.shape) for n, a in tensors.items()}


@pytest.mark.parametrize("spec", list(SPECS))
def test_a_tensor_of_another_type_or_shape(spec: str) -> None:
    tensors = sound_tensors(SPECS[spec])
    assert misfit(described(tensors), SPECS[spec]) is None
    for name, tensor in tensors.items():
        for what, damage in SHAPES.items():
            changed = {**tensors, name: damage(tensor)}
            told = misfit(described(changed), SPECS[spec])
            if name in ("net.table2", "net.table3") and what in ("halved", "one less", "doubled"):
                # as many groups as they say; the bins' groups are others
                told = value_flaw(SPECS[spec], changed)
            assert told, (name, what)


@pytest.mark.parametrize("name", list(schema(SPECS["default"])))
def test_a_tensor_that_is_gone_or_halved(name: str, folders: dict[str, Path], tmp_path: Path) -> None:
    told = refused(folders["default"], tmp_path, lambda t: {n: a for n, a in t.items() if n != name})
    assert f"lacks '{name}'" in told
    told = refused(folders["default"], tmp_path, lambda t: {**t, name: t[name][: t[name].shape[0] // 2]})
    assert "model.safetensors is damaged, or another model's" in told or "of the 1 groups of" in told
    assert "'net.more'" in refused(folders["default"], tmp_path, lambda t: {**t, "net.more": t[name]})


@pytest.mark.parametrize("spec", list(SPECS))
def test_numbers_that_are_none(spec: str) -> None:
    tensors = sound_tensors(SPECS[spec])
    assert value_flaw(SPECS[spec], tensors) is None
    for name, tensor in tensors.items():
        for what, damage in VALUES.items() if tensor.dtype.kind == "f" else ():
            # a tail may be endless, and a counter may be anything
            if (name.endswith(".tail") and what == "infinity") or (".edges" in name and what == "huge"):
                continue
            assert value_flaw(SPECS[spec], {**tensors, name: damage(tensor)}), (name, what)


def test_numbers_that_are_none_are_told_by_loading(folders: dict[str, Path], tmp_path: Path) -> None:
    told = refused(folders["default"], tmp_path, without_numbers)
    assert "model.safetensors makes no sense" in told
    assert "holds NaN or infinity" in told


def swapped(a: Array) -> Array:
    return a[::-1].copy()


def tied(a: Array) -> Array:
    out = a.copy()
    out[1] = out[0]
    return out


@pytest.mark.parametrize(
    ("name", "damage", "words"),
    [
        ("memory.host_key", swapped, "ascend"),
        ("memory.pair_key", tied, "ascend"),
        ("memory.host_in", np.negative, "negative counts"),
        ("memory.pair", lambda a: a * [1, 1, 1, 1, 1, 1, -1], "negative deviations"),
        ("memory.pair", lambda a: a * [1, 99, 1, 1, 1, 1, 1], "beyond 16"),
        ("memory.pair_types", np.negative, "not negative"),
        ("memory.pair_types", lambda a: filled(a, -0.0), "not negative"),
        ("bins.edges0", swapped, "ascend"),
        ("bins.edges1", tied, "ascend"),
        ("bins.edges2", np.negative, "ascend"),
        ("bins.group0", lambda a: a + 1, "count from 0"),
        ("bins.group0", lambda a: a - 1, "count from 0"),
        ("bins.group1", lambda a: filled(a, 99), "count from 0"),
        ("bins.group1", lambda a: filled(a, -1), "count from 0"),
        ("bins.group1", swapped, "count from 0"),
        ("bins.group1", np.zeros_like, "count from 0"),
        ("calibration.pair.x", tied, "ascend"),
        ("calibration.flow.x", swapped, "ascend"),
        ("calibration.flow.x", lambda a: a * 1e-9, "wide"),
        ("calibration.flow.x", lambda a: a * 1e-5, "steeper"),
        ("calibration.fused.y", swapped, "ascend"),
        ("calibration.fused.y", lambda a: a - 9, "ascend, above 0"),
        ("calibration.fused.tail", lambda a: a * [0, 1], "tail"),
        ("calibration.fused.tail", lambda a: a * [1, -1], "tail"),
        ("calibration.fused.tail", lambda a: a * np.nan, "tail"),
        ("scale.std", np.zeros_like, "scale.std"),
        ("scale.std", np.negative, "scale.std"),
        ("scale.mean", lambda a: a * 1e3, "scale.mean"),
        ("quantiles.probability", swapped, "ascend"),
        ("quantiles.probability", lambda a: a * 2, "ascend"),
        ("quantiles.surprise", swapped, "ascend"),
        ("quantiles.surprise", np.negative, "ascend"),
        ("evidence.pair", np.negative, "evidence.pair must have means"),
        ("evidence.source", lambda a: a + 4, "evidence.source must have means"),
        ("evidence.prior", lambda a: a * [-1, 1, 1, 1], "evidence.prior must have means"),
        ("evidence.prior", lambda a: a * [1, 0, 1, 1], "weights"),
        ("evidence.prior", lambda a: a * [1, 1, -1, 1], "weights"),
        ("evidence.prior", lambda a: a * [1, 1, 1, 0], "window"),
        ("evidence.new.x", swapped, "ascend"),
        ("evidence.new.x", np.negative, "ascend"),
        ("evidence.new.x", lambda a: a * 0.1, "steeper"),
        ("evidence.new.y", swapped, "rise from 0"),
        ("evidence.new.y", lambda a: a * 2, "at most 3"),
        ("calibration.evidence.x", swapped, "ascend"),
        ("activity.prior", lambda a: a * [0.5, 1, 1, 1], "bursts from 1"),
        ("activity.prior", lambda a: a * [1, -1, 1, 1], "spreads from 0"),
        ("activity.prior", lambda a: a * [1, 1e12, 1, 1], "spreads from 0"),
        ("activity.prior", lambda a: a * [1, 1, -1, 1], "starts"),
        ("activity.prior", lambda a: a * [1, 1, 1, 2], "slopes"),
        ("activity.prior", lambda a: a * [1, 1, 1, -1], "slopes"),
        ("activity.prior", lambda a: a * np.nan, "NaN"),
        ("partners.prior", lambda a: a * [0.5, 1, 1, 1], "partners.prior must have bursts from 1"),
        ("partners.prior", lambda a: a * [1, 1, 1, 2], "partners.prior must have slopes"),
        ("partners.past", np.negative, "partners.past must be from 0"),
        ("partners.past", lambda a: a * 1e12, "partners.past must be from 0"),
        ("partners.past", lambda a: a * np.nan, "NaN"),
        ("partners.past", lambda a: a * np.inf, "infinity"),
        ("lift.share", lambda a: a * 2, "sum to 1"),
        ("lift.share", lambda a: a * (np.arange(a.size) > 0), "shares from"),
        ("lift.share", lambda a: a * np.nan, "NaN"),
        ("calibration.lift.x", swapped, "ascend"),
        ("net.tau", lambda a: a * 0 - 99, "net.tau"),
        ("net.existence.2.weight", lambda a: a * 1e12, "float32 ends"),
    ],
)
def test_values_that_would_lead_astray(name: str, damage: Callable[[Array], Array], words: str) -> None:
    tensors = sound_tensors(SPECS["meeting"])
    changed = damage(tensors[name]).astype(tensors[name].dtype)
    assert words in str(value_flaw(SPECS["meeting"], {**tensors, name: changed}))


def test_a_pool_without_direction() -> None:
    tensors = sound_tensors(SPECS["published"])
    changed = {**tensors, "net.unet.pool.1": np.zeros_like(tensors["net.unet.pool.1"])}
    assert "direction" in str(value_flaw(SPECS["published"], changed))


def test_an_endless_tail_is_one_that_training_can_write() -> None:
    tensors = sound_tensors(SPECS["default"])
    tensors["calibration.flow.tail"] = np.array([1.0, np.inf], np.float32)
    assert value_flaw(SPECS["default"], tensors) is None


@given(rows=st.integers(1, 3 * FOLD), width=st.integers(1, 8), seed=st.integers(0, 9))
def test_columns_are_those_of_numpy(rows: int, width: int, seed: int) -> None:
    table = np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)
    low, high = columns(table)
    np.testing.assert_array_equal(low, table.min(0))
    np.testing.assert_array_equal(high, table.max(0))
    table[seed % rows, 0] = np.nan
    with np.errstate(all="ignore"):
        assert np.isnan(columns(table)[0][0])


def without_numbers(tensors: dict[str, Array]) -> dict[str, Array]:
    return {n: a if a.dtype.kind != "f" else np.full_like(a, np.nan) for n, a in tensors.items()}


def halved(tensors: dict[str, Array]) -> dict[str, Array]:
    return {
        n: a[: a.shape[0] // 2] if n.startswith(("memory.pair", "net.")) else a for n, a in tensors.items()
    }


def without_hosts(tensors: dict[str, Array]) -> dict[str, Array]:
    return {n: a for n, a in tensors.items() if n != "memory.host_key"}


@pytest.mark.parametrize("change", [without_numbers, halved, without_hosts])
def test_the_command_says_one_line(change: Change, tmp_path: Path) -> None:
    sound(tmp_path / "m")
    edit_tensors(tmp_path / "m", change)
    flows = tmp_path / "flows.csv"
    flows.write_text(
        "IPV4_SRC_ADDR,IPV4_DST_ADDR,IN_BYTES,OUT_BYTES,FLOW_DURATION_MILLISECONDS\n10.0.0.1,10.0.0.2,60,40,1\n"
    )
    command = ["-m", "morpheus_gae.cli.morpheus", "run", "pipeline-gae"]
    done = subprocess.run(
        [sys.executable, *command, "--model", str(tmp_path / "m"), "--input", str(flows), "--output", "-"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: {tmp_path}/m/model.safetensors ")
    assert done.stderr.count("\n") == 1


@given(seed=st.integers(0, 1 << 32), spec=st.sampled_from(list(SPECS)))
@settings(max_examples=40)
def test_what_is_accepted_gives_finite_scores(seed: int, spec: str) -> None:
    rng = np.random.default_rng(seed)
    tensors = sound_tensors(SPECS[spec], seed)
    for name, tensor in tensors.items():
        if name.startswith("net."):
            tensors[name] = (tensor * 10 ** rng.uniform(-3, 3)).astype(np.float32)
    if value_flaw(SPECS[spec], tensors) is not None:
        return
    artifact = Artifact(Path("."), "toy", "", SPECS[spec], tensors, {"thresholds": {}})
    flows = make_flows(300, hosts=20, pairs=60, seed=seed)
    flows.attributes[:3] = [[0, 0, 0], [3e38, 3e38, 3e38], [1, 2, 3]]
    scores = CpuExecutor(artifact).score(build_graph(flows, octets=SPECS[spec].octets))
    for part in (scores.score, scores.surprise, scores.pair_part, scores.flow_part):
        assert np.isfinite(part).all()
        assert (part >= 0).all()
