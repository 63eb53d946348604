"""Fit: gradient steps over training windows until windows that took no part get no better.

Every fifth window, over the whole time, is never stepped on: early stopping does not hang on one stretch
of time, and a model without memory has flows all over the time that it did not learn from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.errors import MissingExtraError
from morpheus_gae.model.spec import ModelSpec

try:
    import torch
except ImportError:
    raise MissingExtraError("torch", "train", "training") from None

from morpheus_gae.model.enriched import FIRST_TABLE
from morpheus_gae.model.gae import GAE
from morpheus_gae.train import checkpoint
from morpheus_gae.train.counters import FOLDS, Counters
from morpheus_gae.train.flow_types import Shares, fit_flow_types, remembered_types
from morpheus_gae.train.loss import edge_loss, memory_loss
from morpheus_gae.train.options import HELD_EVERY, TrainOptions
from morpheus_gae.train.parent import Parent
from morpheus_gae.train.prefixes import ByPrefix
from morpheus_gae.train.prepare import Prepared
from morpheus_gae.train.spool import Spool, let_go

F32 = npt.NDArray[np.float32]
EM_ROUNDS = 25
VALIDATION_WINDOWS = 40


def start(
    spec: ModelSpec, data: Prepared, options: TrainOptions, spool: Spool, parent: Parent | None = None
) -> tuple[GAE, Counters]:
    """The module with its first weights, the parent's if there is one, and the counters of the flows."""
    g = data.graph
    sizes = data.sizes
    groups = tuple(int(k.max()) + 1 for k in data.groups)
    shapes = () if data.extra is None else data.extra.layout.shapes
    net = GAE(spec, (sizes[0], groups[0], sizes[1], groups[1], sizes[2]), shapes)
    responsibilities: F32 | Shares = np.broadcast_to(np.zeros(1, np.float32), (g.flows, 1))
    fitted = ~held_out(g.flows, options.step)
    if parent is not None:
        net.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in parent.artifact.weights().items()})
    if spec.flow_types and parent is not None:
        with torch.no_grad():
            t1, t2, t3 = (t.exp() for t in net.log_tables())
            known = Shares(
                data.bins, g.pair, torch.from_numpy(parent.types_of(g)), (t1, t2, t3),
                (torch.from_numpy(data.groups[0]), torch.from_numpy(data.groups[1])),
                data.extra, None if data.extra is None else net.log_extra(),
            )  # fmt: skip
        responsibilities = remembered_types(known, fitted)
    elif spec.flow_types:
        types = fit_flow_types(
            data.f, data.bins, data.groups, sizes, g.pair, g.pairs, max(spec.flow_types, 1),
            fitted=fitted, seed=options.seed, rounds=EM_ROUNDS, extra=data.extra,
        )  # fmt: skip
        responsibilities = types.responsibilities
        with torch.no_grad():
            net.table1.copy_(types.table1)
            net.table2.copy_(types.table2)
            net.table3.copy_(types.table3)
            for i, table in enumerate(types.extra):
                net.get_parameter(f"table{FIRST_TABLE + i}").copy_(table)
    counters = Counters(
        f=data.f,
        pair=g.pair,
        fold=data.fold,
        hosts=g.hosts,
        pair_src=g.pair_src.astype(np.int64),
        pair_dst=g.pair_dst.astype(np.int64),
        responsibilities=responsibilities,
        spool=spool,
    )
    if parent is not None and spec.memory:
        parent.add_to(counters, g)
    if spec.prefixes:
        counters.by_prefix = ByPrefix(counters, g.host_hi, g.host_lo, FOLDS)
    return net, counters


def window_starts(flows: int, step: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First flows of the windows that are stepped on, and of those that are held out."""
    starts = np.arange(0, max(flows - step // 2, 1), step)
    held = np.arange(starts.shape[0]) % HELD_EVERY == HELD_EVERY // 2
    return starts[~held], starts[held]


def held_out(flows: int, step: int) -> npt.NDArray[np.bool_]:
    """Bool [E]: the flows of held-out windows."""
    out = np.zeros(flows, np.bool_)
    for i in window_starts(flows, step)[1].tolist():
        out[i : i + step] = True
    return out


def loss_of(
    net: GAE,
    data: Prepared,
    counters: Counters,
    rows: slice,
    without: str | int,
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
    warm: bool = False,
) -> tuple[dict[str, torch.Tensor], list[dict[str, float]]]:
    """Gradient steps over windows until the validation loss stops falling.

    ``warm`` weights stay if no epoch makes them better.
    """
    e = data.f.shape[0]
    starts, _ = window_starts(e, options.step)
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
    if warm:
        state.best = {k: v.detach().clone() for k, v in net.state_dict().items()}
        state.best_loss = validation_loss(net, data, counters, options)
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
            rows = slice(int(i), min(int(i) + options.step, e))
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
        let_go()
    return state.best or net.state_dict(), state.history


@torch.no_grad()
def validation_loss(net: GAE, data: Prepared, counters: Counters, options: TrainOptions) -> float:
    """Mean loss of evenly spaced held-out windows, without their fifth of the time in memory; the same
    negatives every time.
    """
    net.eval()
    e = data.f.shape[0]
    _, starts = window_starts(e, options.step)
    starts = starts[:: max(starts.shape[0] // VALIDATION_WINDOWS, 1)]
    rng = np.random.default_rng([options.seed, 1 << 30])
    losses = []
    for i in starts.tolist():
        rows = slice(i, min(i + options.step, e))
        losses.append(float(loss_of(net, data, counters, rows, int(data.fold[i]), rng)))
    return float(np.mean(losses))
