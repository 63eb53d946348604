"""Train: the loop, read top to bottom.

flows -> prepared arrays -> flow types (EM) -> gradient steps over windows -> calibration -> artifact.
Labels are never read.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from morpheus_gae.errors import InputError, MissingExtraError, UsageError
from morpheus_gae.flows.frame import Flows
from morpheus_gae.model.artifact import Artifact, save_artifact
from morpheus_gae.model.names import check_name, printable
from morpheus_gae.model.spec import ModelSpec
from morpheus_gae.model.spec import preset as preset_of

try:
    import torch
except ImportError:
    raise MissingExtraError("torch", "train", "training") from None

from morpheus_gae.graph.build import build_graph
from morpheus_gae.train import calibrate, card, checkpoint, evidence
from morpheus_gae.train.contamination import strangest, suspects
from morpheus_gae.train.counters import FOLDS
from morpheus_gae.train.cross import cross_scores
from morpheus_gae.train.enriched import spooled
from morpheus_gae.train.feedback import apply_feedback
from morpheus_gae.train.fit import fit, held_out, start
from morpheus_gae.train.gather import gather, memory_of
from morpheus_gae.train.incidents import incidents
from morpheus_gae.train.once import Strangest
from morpheus_gae.train.options import TrainOptions, check_options, settled_window
from morpheus_gae.train.parent import Parent
from morpheus_gae.train.passes import kept_graph
from morpheus_gae.train.prepare import prepare
from morpheus_gae.train.spool import Spool, blocks
from morpheus_gae.train.weights import Weights, fitted_spec

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.suppress.feedback import Told

MIN_FLOWS = 200
FEWEST_COUNTED = 10


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
    tell: Callable[[pa.Table], None] | None = None,
    parent: Parent | None = None,
    feedback: Sequence[Told] = (),
    weights: Weights | None = None,
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
    tell
        Called with what was found in the training flows, see ``incidents.incidents``.
    parent
        Model to go on from: the spec is its own.
    feedback
        What analysts said: flows that are attacks are not learnt from, those that are benign are not set
        aside as bursts.
    weights
        Of earlier runs: those of the same weights are not fitted again.

    Raises
    ------
    UsageError
        If no model may have that name.
    InputError
        If there are too few flows.
    MissingExtraError
        If scikit-learn is not installed.
    """
    spec = parent.artifact.spec if parent is not None else spec or preset_of(preset)
    options = options or TrainOptions()
    options = replace(
        options, seed=seed if seed else options.seed, epochs=options.epochs if epochs is None else epochs
    )
    check_options(options)
    out = Path(out)
    name = check_name(name, out)
    began = time.perf_counter()
    with one_thread():
        return _train(
            flows, out, spec, options, name, progress, resume, printable(trained_on), tell, began, parent,
            feedback,
            weights or Weights(),
        )  # fmt: skip


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
    tell: Callable[[pa.Table], None] | None,
    began: float,
    parent: Parent | None,
    feedback: Sequence[Told],
    weights: Weights,
) -> Artifact:
    e = len(flows)
    if e < MIN_FLOWS:
        raise InputError(f"training needs at least {MIN_FLOWS} well-formed flows, found {e}")
    torch.manual_seed(options.seed)
    bar = tqdm(total=options.epochs, disable=not progress, unit="epoch", desc="train", dynamic_ncols=True)
    bar.set_postfix_str("hosts and pairs")
    spool = Spool(out)
    fold = fifths(e)
    graph = build_graph(flows)
    if spec.enriched:
        graph = replace(graph, extra=spooled(flows.table, spool))
    known = None if parent is None else parent.known(graph)
    bar.set_postfix_str("what comes back")
    found = suspects(flows, graph, options.contamination, known)
    told = apply_feedback(feedback, flows, graph) if feedback else None
    if told is not None:
        found = told.adjusted(found)
    kept = found.of < 0
    bar.set_postfix_str("bins")
    data = prepare(kept_graph(graph, kept, spool), fold[kept], spool, parent)
    window = settled_window(options.window, int(kept.sum()), spec.edge_decoder)
    options = replace(options, window=window)
    bar.set_postfix_str("flow types")
    out.mkdir(parents=True, exist_ok=True)
    if not resume:
        checkpoint.remove(out)
    net, counters = start(spec, data, options, spool, parent)
    run = fingerprint(flows, kept, fitted_spec(spec), options, graph.extra, parent)
    warm = parent is not None
    best, history = weights.of(run, lambda: fit(net, data, counters, options, bar, out, run, warm))
    net.load_state_dict(best)
    bar.set_postfix_str("memory")
    tensors = gather(net, data, counters, options.seed, parent)

    def others(without: int) -> dict[str, Any]:
        return memory_of(data, counters, options.seed, without, parent, spec.partners)

    def draft(without: int | None) -> Artifact:
        bar.set_postfix_str("scoring" if without is None else f"scoring, fifth {without + 1} of {FOLDS}")
        memory = {} if without is None else others(without)
        return Artifact(out, name, "", spec, {**tensors, **memory}, {"thresholds": {}, "training": {}})

    raw = cross_scores(draft, spec, flows, fold, options.graph_size)
    bar.set_postfix_str("calibrating")
    # what the weights were fitted to is neither in a held-out window nor in a burst
    fresh = ~kept
    fresh[kept] = held_out(data.f.shape[0], window)
    # without a memory to leave out, a flow is new to the model only if the weights do not know it
    counted = kept if spec.memory else kept & fresh
    calibrated = calibrate.calibrate_heads(raw, counted, fresh)
    if options.contamination:
        room = int(options.contamination * e) - int(e - kept.sum())
        found = strangest(calibrated.surprise, flows, graph, found, room)
        found = found if told is None else told.adjusted(found)
        counted = counted & (found.of < 0)
        if (counted & fresh).sum() < FEWEST_COUNTED:
            raise UsageError(
                f"contamination {options.contamination:g} leaves too few flows for thresholds: give less"
            )
        calibrated = calibrate.calibrate_heads(raw, counted, fresh)
    surprise = calibrated.surprise
    del raw
    tensors.update(calibrated.tensors)
    if spec.evidence:
        bar.set_postfix_str("evidence")
        before = None if parent is None else parent.shown(tensors)
        more, surprise = evidence.settle(
            flows,
            surprise,
            fold,
            counted,
            kept,
            tensors,
            options.graph_size,
            before,
            others if spec.activity else None,
        )
        tensors.update(more)
    once = Strangest(surprise, counted, fold, graph)
    tensors.update(calibrate.quantiles(surprise[counted], once))
    limits = calibrate.thresholds(surprise[counted], once)
    if tell is not None:
        tell(incidents(flows, graph, found.of, surprise, kept, None if told is None else told.attack))
    bar.close()
    facts: dict[str, Any] = {
        "flows": int(kept.sum()),
        "left_out": int(e - kept.sum()),
        "set_aside": int((found.of >= 0).sum()),
        "incidents": found.count,
        "validation_flows": int(counted.sum()),
        "hosts": tensors["memory.host_key"].shape[0] if spec.memory else data.graph.hosts,
        "pairs": tensors["memory.pair_key"].shape[0] if spec.memory else data.graph.pairs,
        "duration_missing": float(flows.duration_missing.mean()),
        "epochs": len(history),
        "options": asdict(options),
        "seconds": round(time.perf_counter() - began, 1),
        "trained_on": trained_on,
    }
    if told is not None:
        facts["feedback"] = told.facts()
    if parent is not None:
        facts |= {"parent": parent.told, "kept": parent.keep}
    metrics = {"history": history, "validation_surprise_mean": float(surprise[counted].mean())}
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


def fifths(flows: int) -> npt.NDArray[np.uint8]:
    """uint8 [E] fifth of the time, or of the order, that each flow lies in."""
    out = np.empty(flows, np.uint8)
    for part in blocks(flows):
        out[part] = np.arange(part.start, part.stop, dtype=np.int64) * FOLDS // flows
    return out


def fingerprint(
    flows: Flows,
    kept: npt.NDArray[np.bool_],
    spec: ModelSpec,
    options: TrainOptions,
    extra: npt.NDArray[np.int32] | None = None,
    parent: Parent | None = None,
) -> str:
    """Names a run by its data, spec and options: a checkpoint of another run is not resumed.

    ``kept``, bool [E], are the flows that are learnt from: they depend on the times.
    """
    run = hashlib.sha256(f"{spec.as_dict()}{asdict(options)}{FOLDS}".encode())
    if parent is not None:
        run.update(f"{parent.told}{parent.keep}".encode())
    columns = [kept, flows.attributes, flows.duration_missing, *([] if extra is None else [extra])]
    ends = (flows.src_lo, flows.src_hi), (flows.dst_lo, flows.dst_hi)
    for part in blocks(len(flows)):
        for column in (*(c[part] for c in columns), *(lo[part] ^ hi[part] for lo, hi in ends)):
            run.update(np.ascontiguousarray(column).reshape(-1).view(np.uint8).data)
    return run.hexdigest()
