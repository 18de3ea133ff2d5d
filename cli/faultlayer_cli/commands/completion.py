"""`faultlayer completion`: the script with which a shell completes commands, flags and choices."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from faultlayer_cli.commands.options import examples
from faultlayer_cli.terminal import put

_SHELLS = ("bash", "zsh", "fish")


@click.command(
    epilog=examples(
        'eval "$(faultlayer completion bash)"  # in ~/.bashrc; zsh: in ~/.zshrc, after compinit',
        "faultlayer completion fish > ~/.config/fish/completions/faultlayer.fish",
    )
)
@click.argument("shell", type=click.Choice(_SHELLS), metavar="|".join(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    The shell then completes commands, flags, choices and files. It asks this command for them,
    which calls nothing in AWS.
    """
    root = ctx.find_root()
    name = root.info_name or "faultlayer"
    script = get_completion_class(shell)
    assert script is not None
    put(*script(root.command, {}, name, f"_{name.upper()}_COMPLETE").source().split("\n"))
