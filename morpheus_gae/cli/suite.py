"""``morpheus-gae evaluate --suite``: detectors side by side on many sets and protocols."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morpheus_gae.cli.figures import spare_inputs, write_figures, write_text
from morpheus_gae.cli.options import echo
from morpheus_gae.errors import InputError, UsageError

if TYPE_CHECKING:
    from morpheus_gae.evaluate.studies.learning import Take
    from morpheus_gae.evaluate.studies.suite import SuitePlan
    from morpheus_gae.executors.base import Executor
    from morpheus_gae.flows.exporters.mapping import PresetLike
    from morpheus_gae.flows.frame import Flows


def listed(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Split names from repeatable, comma-separated options, without duplicates."""
    parts = (part.strip() for text in texts for part in text.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def plan_of(
    protocols: tuple[str, ...],
    detectors: tuple[str, ...],
    streams: tuple[str, ...],
    **rest: Any,
) -> SuitePlan:
    """Create the plan from the options.

    Raises
    ------
    UsageError
        If a name is unknown.
    """
    from morpheus_gae.evaluate.data.streams import STREAMS
    from morpheus_gae.evaluate.detectors import known, named
    from morpheus_gae.evaluate.studies.protocols import parse
    from morpheus_gae.evaluate.studies.suite import SuitePlan

    wanted = listed(detectors)
    every = known() if "all" in wanted else tuple(dict.fromkeys(named(d) for d in wanted))
    unknown = sorted(set(listed(streams)) - set(STREAMS))
    if unknown or not listed(streams):
        raise UsageError(f"unknown streams {unknown}: choose of {', '.join(STREAMS)}")
    asked = parse(listed(protocols))
    if not asked:
        raise UsageError("no protocol: give --protocol as_is, or another one")
    return SuitePlan(asked, every, listed(streams), learns=_learns, **rest)


def _learns(executor: Executor, rate: float) -> Take:
    """Create what ``run --learn --alert_rate RATE`` uses on the windows of a stream."""
    from morpheus_gae.engine.learning import Learning
    from morpheus_gae.engine.observe.metrics import Metrics
    from morpheus_gae.engine.settings import Settings

    settings = Settings().overridden({"learn": True, "alert_rate": rate})
    return Learning(executor, settings, Metrics(), lambda line: None).take


def measure(
    inputs: tuple[str, ...],
    plan: SuitePlan,
    *,
    preset: PresetLike,
    keep: str | None,
    json_file: str | None,
    markdown: str | None,
    plots: str | None,
) -> None:
    """Run a plan over files and folders; print the page and write the requested outputs.

    Raises
    ------
    InputError
        If nothing could be measured; other failures are reported and left out.
    """
    from tqdm import tqdm

    from morpheus_gae.evaluate.studies.suite import Watch, run_suite
    from morpheus_gae.evaluate.studies.suite_tables import page

    drawn: list[Path] = []
    watch = Watch()
    if plots is not None:
        # report a missing library before the work
        from morpheus_gae.evaluate.studies.suite_plots import draw_suite

        watch.scored = _drawer(Path(plots), drawn)
    about = {
        "suite": list(inputs),
        "streams": list(plan.streams),
        "epochs": plan.epochs,
        "graph_size": plan.graph_size,
        "executor": plan.executor,
        "model": plan.model,
    }
    spare_inputs([json_file, markdown], inputs)
    bad: dict[str, dict[str, int]] = {}
    sets = _sets(inputs, preset, bad)
    terminal = sys.stderr.isatty()
    with tqdm(total=plan.steps(len(sets)), disable=not terminal, desc="evaluate", dynamic_ncols=True) as bar:
        begun: list[str] = []

        def step(text: str) -> None:
            bar.update(1 if begun else 0)
            bar.set_postfix_str(text)
            begun.append(text)

        def failed(text: str) -> None:
            bar.clear()
            echo(text, err=True)

        def save(found: dict[str, Any]) -> None:
            """Save the results so far after each set: a suite may take hours, and be interrupted."""
            found["bad_records"] = bad
            if markdown is not None:
                write_text(markdown, page(found))
            if json_file is not None:
                write_figures(json_file, {**about, **found})

        watch.step, watch.skip, watch.failed, watch.so_far = step, bar.update, failed, save
        found = run_suite(sets, plan, keep=None if keep is None else Path(keep), watch=watch)
        bar.update(1 if begun else 0)
    for name, reasons in bad.items():
        for reason, count in sorted(reasons.items()):
            echo(f"{name}: left out {count:,} bad records: {reason}", err=True)
    echo(page(found))
    if plots is not None:
        drawn += draw_suite(plots, found)
        echo(f"{len(drawn):,} plots -> {plots}", err=True)
    if not found["runs"]:
        raise InputError(f"nothing could be measured on {len(sets):,} sets")


def _sets(
    inputs: tuple[str, ...], preset: PresetLike, bad: dict[str, dict[str, int]]
) -> dict[str, Callable[[], Flows]]:
    """Return the reader of each file, by a unique name."""
    from morpheus_gae.flows.files.inputs import STDIN, expand

    paths = list(dict.fromkeys(expand(list(inputs))))
    if STDIN in paths:
        raise UsageError("--suite reads files more than once: write stdin to a file first")
    stems = Counter(_stem(path) for path in paths)
    sets: dict[str, Callable[[], Flows]] = {}
    for path in paths:
        name = _stem(path)
        if stems[name] > 1:
            name = f"{Path(path).absolute().parent.name}-{Path(path).name}"
        while name in sets:
            name += "-"
        sets[name] = _reader(path, name, preset, bad)
    return sets


def _stem(path: str) -> str:
    return Path(path).name.partition(".")[0] or Path(path).name


def _reader(path: str, name: str, preset: PresetLike, bad: dict[str, dict[str, int]]) -> Callable[[], Flows]:
    def read() -> Flows:
        from dataclasses import replace

        import numpy as np

        from morpheus_gae.evaluate.score import read_labelled
        from morpheus_gae.flows.frame import concat

        counted: Counter[str] = Counter()
        parts = list(read_labelled([path], counted, lambda flows: None, preset))
        if not parts:
            raise InputError(f"{path}: no well-formed flow; bad records: {dict(counted) or 'none'}")
        if counted:
            bad[name] = dict(counted)
        flows = concat(parts)
        return replace(flows, rows=np.arange(len(flows), dtype=np.int64))

    return read


def _drawer(folder: Path, drawn: list[Path]) -> Callable[..., None]:
    from morpheus_gae.evaluate.detectors import RULES
    from morpheus_gae.evaluate.plots import draw
    from morpheus_gae.evaluate.studies.suite_plots import filename

    def scored(run: Mapping[str, Any], labels: Any, surprise: Any, thresholds: Mapping[str, float]) -> None:
        if run["detector"] in RULES:
            return
        where = [run[key] for key in ("set", "protocol", "stream", "attackers", "detector")]
        into = folder / filename(*where).removesuffix(".png")
        drawn.extend(draw(into, labels, surprise, thresholds, ", ".join(where)))

    return scored
