"""``morpheus-gae completion``: shell completion of both command lines."""

from __future__ import annotations

import click

from morpheus_gae.cli.options import Command, echo

PROGRAMS = {"morpheus-gae": "morpheus_gae.cli.gae", "morpheus": "morpheus_gae.cli.morpheus"}


HELP = """Print a script that completes commands, options and values, for morpheus-gae and morpheus.

\b
bash:  eval "$(morpheus-gae completion bash)"       in ~/.bashrc
zsh:   eval "$(morpheus-gae completion zsh)"        in ~/.zshrc, after compinit
fish:  morpheus-gae completion fish | source        in ~/.config/fish/config.fish
"""


@click.command(cls=Command, help=HELP)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script of a shell."""
    from importlib import import_module

    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    for program, module in PROGRAMS.items():
        variable = f"_{program.replace('-', '_').upper()}_COMPLETE"
        script = kind(import_module(module).main, {}, program, variable)
        # not source(), which runs bash to get its version
        echo(script.source_template % script.source_vars())
