"""`faultlayer wrap-package`: repackage the deployment zip of an OS-only runtime."""

from __future__ import annotations

from pathlib import Path

import click

from faultlayer_cli.commands.options import examples
from faultlayer_cli.errors import Mistake
from faultlayer_cli.layers.wrap_package import doubled, unwrap, wrap, write
from faultlayer_cli.terminal import ask, say


@click.command("wrap-package", epilog=examples("faultlayer wrap-package function.zip wrapped.zip"))
@click.argument("source", metavar="IN.ZIP", type=click.Path(exists=True, dir_okay=False))
@click.argument("target", metavar="OUT.ZIP", type=click.Path(dir_okay=False, writable=True))
@click.option("--unwrap", "undo", is_flag=True, help="give the original package back")
@click.option("--yes", "-y", is_flag=True, help="overwrite IN.ZIP without asking")
def wrap_package(source: str, target: str, undo: bool, yes: bool) -> None:
    """Repackage a zip of an OS-only runtime for the layer.

    OS-only runtimes (provided.*) ignore AWS_LAMBDA_EXEC_WRAPPER. In OUT.ZIP the function's
    bootstrap starts through the layer's wrapper; without the layer it starts as before.
    """
    package, made = Path(source), Path(target)
    data = package.read_bytes()
    try:
        result = (unwrap if undo else wrap)(data)
        twice = doubled(data)
    except Mistake as error:
        raise Mistake(f"{source}: {error}") from None
    for name in twice:
        say(f"{source}: has {name} twice; AWS decides which one counts")
    if made.exists() and made.samefile(package) and not yes:
        say(f"OUT.ZIP is IN.ZIP: this overwrites {source}")
        if ask("Type yes to go on:") != "yes":
            raise Mistake("not confirmed; nothing was written; allowed: yes, or --yes")
    try:
        write(made, result)
    except OSError as error:
        raise Mistake(f"{target} cannot be written: {error.strerror}") from None
    say(f"{target}: {'unwrapped' if undo else 'wrapped'}, {len(result)} bytes")
