"""`faultlayer demo`, which `make demo` calls."""

from __future__ import annotations

import click

from faultlayer_cli import interrupts
from faultlayer_cli.demo.scenes import run


@click.command(epilog="\b\nExample:\n  faultlayer demo")
def demo() -> None:
    """Show the three opening faults on an example function.

    Runs it under AWS's Lambda Runtime Interface Emulator, untouched and with each fault, and shows
    what its callers got. Needs Linux, and neither Docker nor root nor an AWS account.
    """
    with interrupts.raised():
        run()
