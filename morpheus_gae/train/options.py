"""Options of a training run."""

from __future__ import annotations

from dataclasses import dataclass

from morpheus_gae.errors import UsageError

HELD_EVERY = 5
FEWEST = 50


@dataclass(frozen=True)
class TrainOptions:
    """How to train.

    Attributes
    ----------
    epochs
        At most so many passes over the windows.
    window
        Flows of a training window. By default 1,000, fewer for less than 20,000 flows; for a
        spec with an edge decoder, whose host embeddings are all it has, up to 20,000 (a fortieth of the
        flows): nearer to the windows it scores.
    windows_per_epoch
        At most so many windows an epoch (drawn afresh each time), so that time does not grow without
        bound with the stream.
    patience
        Epochs without a better validation loss before training stops.
    graph_size
        Flows of a window when scoring; calibration scores in windows of this size.
    contamination
        Share of the training flows, the strangest, that thresholds and calibration leave out; None: as many
        as stand apart from the rest.
    seed
        Of everything random.
    """

    epochs: int = 25
    window: int | None = None
    windows_per_epoch: int = 800
    patience: int = 8
    graph_size: int = 200_000
    contamination: float | None = None
    learning_rate: float = 4e-3
    seed: int = 0

    @property
    def step(self) -> int:
        """Flows of a training window, once it is settled."""
        assert self.window is not None
        return self.window


def settled_window(window: int | None, flows: int, edge_decoder: bool) -> int:
    """Flows of a training window.

    Parameters
    ----------
    window
        As asked for.
    flows
        To learn from.
    edge_decoder
        Whether the spec has one.
    """
    if window is None:
        window = min(20_000, max(flows // 40, 1000)) if edge_decoder else 1000
        # several stretches of a small capture are held out, not one
        window = min(window, max(flows // (4 * HELD_EVERY), FEWEST))
    return min(window, max(flows // HELD_EVERY, 1))


def check_options(options: TrainOptions) -> None:
    """Refuse what makes no sense.

    Raises
    ------
    UsageError
        Says which option.
    """
    if options.epochs < 1:
        raise UsageError(f"epochs must be >= 1, got {options.epochs}")
    if options.window is not None and options.window < 100:
        raise UsageError(f"window must be >= 100, got {options.window}")
    if options.contamination is not None and not 0 <= options.contamination < 0.5:
        raise UsageError(f"contamination must be at least 0 and below 0.5, got {options.contamination}")
