"""Train: the loop, read top to bottom.

flows -> prepared arrays -> flow types (EM) -> gradient steps over windows -> calibration -> artifact.
Labels are never read.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from morpheus_gae.errors import MissingExtraError, UsageError
from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.windows import windows
from morpheus_gae.model.artifact import Artifact, digest, save_artifact
from morpheus_gae.model.memory import host_keys, pair_keys
from morpheus_gae.model.names import check_name, printable
from morpheus_gae.model.spec import ModelSpec
from morpheus_gae.model.spec import preset as preset_of

try:
    import torch
except ImportError:
    raise MissingExtraError("torch", "train", "training") from None

from morpheus_gae.executors.torch_executor import TorchExecutor, Union
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.gae import GAE
from morpheus_gae.train import calibrate, card, checkpoint
from morpheus_gae.train.counters import FOLDS, Counters, moments
from morpheus_gae.train.flow_types import fit_flow_types
from morpheus_gae.train.loss import edge_loss, memory_loss
from morpheus_gae.train.prepare import Prepared, prepare

EM_ROUNDS = 25
VALIDATION_WINDOWS = 40


@dataclass(frozen=True)
class TrainOptions:
    """How to train.

    Attributes
    ----------
    epochs
        At most so many passes over the windows.
    window
        Flows of a training window. By default 1,000; for a spec with an edge decoder, whose host
        embeddings are all it has, up to 20,000 (a fortieth of the flows): nearer to the windows it scores.
    windows_per_epoch
        At most so many windows an epoch (drawn afresh each time), so that time does not grow without
        bound with the stream.
    patience
        Epochs without a better validation loss before training stops.
    validation
        Share of the flows, the latest, held back for early stopping and calibration.
    graph_size
        Flows of a window when scoring; calibration scores validation flows in windows of this size.
    seed
        Of everything random.
    """

    epochs: int = 25
    window: int | None = None
    windows_per_epoch: int = 800
    patience: int = 8
    validation: float = 0.25
    graph_size: int = 200_000
    learning_rate: float = 4e-3
    seed: int = 0

    @property
    def step(self) -> int:
        """Flows of a training window, once it is settled."""
        assert self.window is not None
        return self.window


def train_model(
    flows: Flows,
    out: str | Path,
    *,
    preset: str = "default",
    spec: ModelSpec | None = None,
    seed: int = 0,
    epochs: int | None = None,
    options: TrainOptions | None = None,
    name: str | None = None,
    progress: bool = False,
    resume: bool = True,
    trained_on: str = "",
) -> Artifact:
    """Train one model and write its artifact.

    Parameters
    ----------
    flows
        Unlabelled or benign flows in time order; labels, if present, are not looked at.
    out
        Folder of the artifact. A checkpoint is kept in it until training ends.
    preset, spec
        Which parts the model has: a preset's name, or a spec of one's own.
    seed, epochs
        Shorthands for the options of the same name.
    options
        Everything else.
    name
        Of the model; the folder's name if None.
    progress
        Show a progress bar on stderr.
    resume
        Go on from the folder's checkpoint if it is of this very run (same data, spec and options).
    trained_on
        Words for the card: where the flows came from.

    Raises
    ------
    UsageError
        If no model may have that name.
    InputError
        If there are too few flows.
    MissingExtraError
        If scikit-learn is not installed.
    """
    spec = spec or preset_of(preset)
    options = options or TrainOptions()
    values = {**asdict(options), "seed": seed if seed else options.seed}
    if epochs is not None:
        values["epochs"] = epochs
    if values["window"] is None:
        values["window"] = min(20_000, max(len(flows) // 40, 1000)) if spec.edge_decoder else 1000
    options = TrainOptions(**values)
    if options.epochs < 1 or options.step < 100:
        raise UsageError(f"epochs must be >= 1 and window >= 100, got {options.epochs} and {options.window}")
    out = Path(out)
    name = check_name(name, out)
    began = time.perf_counter()
    with one_thread():
        return _train(flows, out, spec, options, name, progress, resume, printable(trained_on), began)


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread: several add in varying order, and training windows are too small to gain."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _train(
    flows: Flows,
    out: Path,
    spec: ModelSpec,
    options: TrainOptions,
    name: str,
    progress: bool,
    resume: bool,
    trained_on: str,
    began: float,
) -> Artifact:
    torch.manual_seed(options.seed)
    data = prepare(flows, options.validation)
    bar = tqdm(total=options.epochs, disable=not progress, unit="epoch", desc="train", dynamic_ncols=True)
    bar.set_postfix_str("flow types")
    out.mkdir(parents=True, exist_ok=True)
    if not resume:
        checkpoint.remove(out)
    net, counters = start(spec, data, options)
    run = fingerprint(flows, spec, options)
    best, history = fit(net, data, counters, options, bar, out, run)
    net.load_state_dict(best)
    bar.set_postfix_str("calibrating")

    tensors = gather(net, data, counters, options.seed)
    draft = Artifact(out, name, "", spec, tensors, {"thresholds": {}, "training": {}})
    held_back = flows.slice(data.train, len(flows))
    surprise = calibrate_all(draft, held_back, options.graph_size)
    bar.close()
    limits = calibrate.thresholds(surprise)
    facts: dict[str, Any] = {
        "flows": data.train,
        "validation_flows": len(held_back),
        "hosts": int((counters.by_out[0][:, 0] + counters.by_in[0][:, 0] > 0).sum()),
        "pairs": int((counters.by_pair[0][:, 0] > 0).sum()),
        "duration_missing": float(flows.duration_missing.mean()),
        "epochs": len(history),
        "options": asdict(options),
        "seconds": round(time.perf_counter() - began, 1),
        "trained_on": trained_on,
    }
    metrics = {"history": history, "validation_surprise_mean": float(surprise.mean())}
    artifact = save_artifact(
        out,
        name=name,
        spec=spec,
        tensors=tensors,
        thresholds=limits,
        training=facts,
        metrics=metrics,
        card=card.render(name, spec, facts, limits, history),
    )
    checkpoint.remove(out)
    return artifact


def start(spec: ModelSpec, data: Prepared, options: TrainOptions) -> tuple[GAE, Counters]:
    """The module with its first weights, and the counters of the training flows."""
    n, g = data.train, data.graph
    sizes = data.sizes
    groups = tuple(int(k.max()) + 1 for k in data.groups)
    net = GAE(spec, (sizes[0], groups[0], sizes[1], groups[1], sizes[2]))
    x = data.f[:n, :3]
    k = max(spec.flow_types, 1)
    responsibilities = np.zeros((n, k), np.float32)
    if spec.flow_types:
        minimum = x <= x.min(0) + 1e-6
        types = fit_flow_types(
            x, minimum, data.bins[:n], data.groups, sizes, g.pair[:n].astype(np.int64), k,
            seed=options.seed, rounds=EM_ROUNDS,
        )  # fmt: skip
        responsibilities = types.responsibilities
        with torch.no_grad():
            net.table1.copy_(types.table1)
            net.table2.copy_(types.table2)
            net.table3.copy_(types.table3)
    counters = Counters(
        x=data.f[:, :3],
        src=g.src.astype(np.int64),
        dst=g.dst.astype(np.int64),
        pair=g.pair.astype(np.int64),
        fold=data.fold,
        hosts=g.hosts,
        pair_src=g.pair_src.astype(np.int64),
        pair_dst=g.pair_dst.astype(np.int64),
        responsibilities=responsibilities,
    )
    return net, counters


def loss_of(
    net: GAE,
    data: Prepared,
    counters: Counters,
    rows: slice,
    without: str | int | None,
    rng: np.random.Generator,
) -> torch.Tensor:
    """The window's loss under the model's spec."""
    if net.spec.edge_decoder:
        return edge_loss(net, data, rows, rng)
    return memory_loss(net, data, counters, rows, without, rng)


def fit(
    net: GAE,
    data: Prepared,
    counters: Counters,
    options: TrainOptions,
    bar: Any,
    folder: Path | None,
    run: str,
) -> tuple[dict[str, torch.Tensor], list[dict[str, float]]]:
    """Gradient steps over windows until the validation loss stops falling."""
    starts = np.arange(0, max(data.train - options.step // 2, 1), options.step)
    per_epoch = min(starts.shape[0], options.windows_per_epoch)
    tables = [p for name, p in net.named_parameters() if name.startswith("table")]
    rest = [p for name, p in net.named_parameters() if not name.startswith("table")]
    rate = options.learning_rate
    groups: list[dict[str, Any]] = [{"params": rest, "lr": rate, "weight_decay": 1e-3}]
    if tables:
        groups.append({"params": tables, "lr": 5 * rate, "weight_decay": 0.0})
    optimiser = torch.optim.AdamW(groups)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [g["lr"] for g in groups], total_steps=per_epoch * options.epochs + 1
    )
    state = checkpoint.State(best={}, best_loss=np.inf, since=0, epoch=0, history=[])
    if folder is not None:
        checkpoint.load(folder, run, net, optimiser, schedule, state)
    bar.update(state.epoch)
    while state.epoch < options.epochs and state.since < options.patience:
        # each epoch draws from its own generator, so a resumed run repeats exactly
        rng = np.random.default_rng([options.seed, state.epoch])
        torch.manual_seed(options.seed * 1_000_003 + state.epoch)
        net.train()
        losses = []
        for i in rng.permutation(starts)[:per_epoch]:
            rows = slice(int(i), min(int(i) + options.step, data.train))
            without = "window" if rng.random() < 0.5 else int(data.fold[rows.start])
            loss = loss_of(net, data, counters, rows, without, rng)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
        held = validation_loss(net, data, counters, options)
        state.epoch += 1
        state.since += 1
        state.history.append({"epoch": state.epoch, "loss": float(np.mean(losses)), "validation": held})
        if held < state.best_loss - 1e-4:
            state.best = {k: v.detach().clone() for k, v in net.state_dict().items()}
            state.best_loss, state.since = held, 0
        bar.update(1)
        bar.set_postfix(loss=f"{state.history[-1]['loss']:.3f}", validation=f"{held:.3f}")
        if folder is not None:
            checkpoint.save(folder, run, net, optimiser, schedule, state)
    return state.best or net.state_dict(), state.history


@torch.no_grad()
def validation_loss(net: GAE, data: Prepared, counters: Counters, options: TrainOptions) -> float:
    """Mean loss of evenly spaced validation windows, the same negatives every time."""
    net.eval()
    e = data.f.shape[0]
    starts = np.arange(data.train, max(e - options.step // 2, data.train + 1), options.step)
    starts = starts[:: max(starts.shape[0] // VALIDATION_WINDOWS, 1)]
    rng = np.random.default_rng([options.seed, 1 << 30])
    losses = [
        float(loss_of(net, data, counters, slice(int(i), min(int(i) + options.step, e)), None, rng))
        for i in starts
    ]
    return float(np.mean(losses))


def gather(net: GAE, data: Prepared, counters: Counters, seed: int) -> dict[str, npt.NDArray[Any]]:
    """Everything an executor needs, as arrays by name."""
    tensors: dict[str, npt.NDArray[Any]] = {
        f"net.{k}": v.detach().numpy().copy() for k, v in net.state_dict().items()
    }
    tensors["scale.mean"], tensors["scale.std"] = data.mean, data.scale
    if net.spec.flow_types:
        for i, edges in enumerate(data.edges):
            tensors[f"bins.edges{i}"] = edges
        for i, group in enumerate(data.groups):
            tensors[f"bins.group{i}"] = group.astype(np.int32)
    if net.spec.memory:
        salt = int(np.random.default_rng([seed, 7]).integers(1 << 63))
        keys = host_keys(data.graph.host_hi, data.graph.host_lo, salt)
        out, into = moments(counters.by_out[0]), moments(counters.by_in[0])
        hosts = np.flatnonzero(out[:, 0] + into[:, 0] > 0)
        hosts = hosts[np.argsort(keys[hosts])]
        pair = moments(counters.by_pair[0])
        code = pair_keys(keys[counters.pair_src], keys[counters.pair_dst])
        pairs = np.flatnonzero(pair[:, 0] > 0)
        pairs = pairs[np.argsort(code[pairs])]
        tensors["memory.salt"] = np.array([salt], np.uint64)
        tensors["memory.host_key"] = keys[hosts]
        tensors["memory.host_out"], tensors["memory.host_in"] = out[hosts], into[hosts]
        tensors["memory.pair_key"], tensors["memory.pair"] = code[pairs], pair[pairs]
        tensors["memory.pair_types"] = np.minimum(counters.types[0][pairs], 6e4).astype(np.float16)
    return tensors


def calibrate_all(draft: Artifact, held_back: Flows, graph_size: int) -> npt.NDArray[np.float32]:
    """Fit the draft's calibration on held-back flows, adding it to the tensors; their surprise."""
    executor = TorchExecutor(draft)
    spec = draft.spec
    graphs = [
        build_graph(w, octets=spec.octets, tolerance=spec.tolerance, max_sweeps=spec.max_sweeps)
        for w in windows([held_back], graph_size)
    ]
    if not spec.edge_decoder:
        with torch.inference_mode():
            raw = [(executor.heads(Union([g])), g.pair) for g in graphs]
        pair = np.concatenate([h.pair[p] for h, p in raw if h.pair is not None]) if spec.memory else None
        flow = np.concatenate([h.flow for h, _ in raw if h.flow is not None]) if spec.flow_types else None
        draft.tensors.update(calibrate.fit_parts(pair, flow))
    surprise = np.concatenate([executor.score(g).surprise for g in graphs])
    draft.tensors.update(calibrate.quantiles(surprise))
    return surprise


def fingerprint(flows: Flows, spec: ModelSpec, options: TrainOptions) -> str:
    """Names a run by its data, spec and options: a checkpoint of another run is not resumed."""
    arrays = {
        "attributes": flows.attributes,
        "missing": flows.duration_missing,
        "src": flows.src_lo ^ flows.src_hi,
        "dst": flows.dst_lo ^ flows.dst_hi,
    }
    return hashlib.sha256(f"{digest(arrays, spec)}{asdict(options)}{FOLDS}".encode()).hexdigest()
