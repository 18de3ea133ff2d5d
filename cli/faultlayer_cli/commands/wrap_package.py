"""`faultlayer wrap-package`: repackage the deployment zip of an OS-only runtime."""

from __future__ import annotations

from pathlib import Path

import click

from faultlayer_cli.errors import Mistake
from faultlayer_cli.layers.wrap_package import unwrap, wrap, write
from faultlayer_cli.terminal import say


@click.command("wrap-package")
@click.argument("source", metavar="IN.ZIP", type=click.Path(exists=True, dir_okay=False))
@click.argument("target", metavar="OUT.ZIP", type=click.Path(dir_okay=False, writable=True))
@click.option("--unwrap", "undo", is_flag=True, help="give the original package back")
def wrap_package(source: str, target: str, undo: bool) -> None:
    """Repackage a deployment zip of an OS-only runtime (provided.*).

    Such runtimes ignore AWS_LAMBDA_EXEC_WRAPPER. In OUT.ZIP the function's bootstrap starts
    through the layer's wrapper; without the layer it starts as before.
    """
    try:
        data = (unwrap if undo else wrap)(Path(source).read_bytes())
    except Mistake as error:
        raise Mistake(f"{source}: {error}") from None
    write(Path(target), data)
    say(f"{target}: {'unwrapped' if undo else 'wrapped'}, {len(data)} bytes")
