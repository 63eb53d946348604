"""``morpheus-gae``: simulate, train, evaluate and inspect; each command is imported when it is used."""

from __future__ import annotations

import click

from morpheus_gae import __version__
from morpheus_gae.cli.options import Root

COMMANDS = {
    "inspect": "morpheus_gae.cli.inspect:command",
    "simulate": "morpheus_gae.cli.simulate:command",
    "train": "morpheus_gae.cli.train:command",
    "incidents": "morpheus_gae.cli.incidents:command",
    "feedback": "morpheus_gae.cli.feedback:command",
    "report": "morpheus_gae.cli.report:command",
    "evaluate": "morpheus_gae.cli.evaluate:command",
    "study": "morpheus_gae.cli.study:command",
    "model": "morpheus_gae.cli.model:command",
    "benchmark": "morpheus_gae.cli.benchmark:command",
    "doctor": "morpheus_gae.cli.doctor:command",
    "gpu-check": "morpheus_gae.cli.gpu_check:command",
    "completion": "morpheus_gae.cli.completion:command",
}


@click.group(
    cls=Root,
    lazy=COMMANDS,
    beside="morpheus_gae.cli.morpheus:main",
    context_settings={"auto_envvar_prefix": "MORPHEUS_GAE"},
)
@click.version_option(__version__, prog_name="morpheus-gae")
def main() -> None:
    """NetFlow anomaly detection with a graph autoencoder.

    Train a model on your own traffic, measure it, look into it.
    To score flows use  morpheus run pipeline-gae.

    Example:  morpheus-gae train --input flows.parquet --model models/mine
    """


if __name__ == "__main__":
    main()
