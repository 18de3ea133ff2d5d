r"""A function to run on this machine, in namespaces or in Docker.

Launch --> endpoint() --> Emulator    in Linux namespaces, if this machine allows them
                      \-> Container   in Docker, if it was asked for or nothing else works
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from faultlayer_cli.errors import Failure
from faultlayer_cli.progress import SILENT, Progress
from faultlayer_cli.running import links, namespaces
from faultlayer_cli.running.emulator import Emulator, Endpoint
from faultlayer_cli.running.local_function import LocalFunction

_NAMED = 5  # links that a note names


@dataclass(frozen=True)
class Launch:
    """A function, and how it is to run."""

    function: LocalFunction
    image: str
    port: int | None = None  # None: any free one
    docker: bool = False


def refusal() -> str | None:
    """Why the layer cannot be mounted on this machine; None if it can."""
    if sys.platform != "linux":
        return f"the emulator needs Linux, and this is {sys.platform}"
    try:
        namespaces.unshare_command()
    except Failure as failure:
        return str(failure)
    return None


def _tell_links(folder: Path, progress: Progress) -> None:
    """Name the links in the folder that a function cannot follow."""
    lost = links.leading_out(folder)
    if lost:
        count = "1 link leads" if len(lost) == 1 else f"{len(lost)} links lead"
        more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        progress.note(
            f"{count} out of {folder}, and the function does not see where: "
            f"{', '.join(lost[:_NAMED])}{more}; put a copy of the files into the folder"
        )


def endpoint(launch: Launch, progress: Progress = SILENT) -> Endpoint:
    """The place to run the function, not started yet. Raises Failure if there is none."""
    refused = None if launch.docker else refusal()
    _tell_links(launch.function.folder, progress)
    if not launch.docker and refused is None:
        if not namespaces.hides_processes():
            progress.note(
                "the function can see and end the processes around it, since this container "
                "allows no namespace for processes"
            )
        return Emulator(launch.function, port=launch.port, progress=progress)
    from faultlayer_cli.running import container, docker_engine  # which import much

    try:
        engine = docker_engine.connect(progress)
    except Failure as failure:
        raise Failure(f"{refused}; and {failure}") if refused else failure from None
    if refused:
        reason = refused.partition(": ")[0]
        progress.note(f"runs in Docker, in {launch.image}, since {reason}")
    return container.Container(
        engine, launch.image, launch.function, port=launch.port, progress=progress
    )
