r"""A function to run on this machine, in namespaces or in Docker.

Launch --> endpoints() --> Emulator    in Linux namespaces, if this machine allows them
                       \-> Container   in Docker, if it was asked for or nothing else works
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    concurrency: int = 1  # environments at most, if it is served
    http: bool = False  # served as a function URL does


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
            f"{count} out of {folder}, to files that the function does not see: "
            f"{', '.join(lost[:_NAMED])}{more}; put a copy of the files into the folder"
        )


def endpoint(launch: Launch, progress: Progress = SILENT) -> Endpoint:
    """The place to run the function, not started yet. Raises Failure if there is none."""
    return endpoints(launch, progress)(launch.function, progress, port=launch.port)


def endpoints(launch: Launch, progress: Progress = SILENT) -> Callable[..., Endpoint]:
    """The way to make such places: called with the function and a `Progress` for each.

    Notes about the function and the machine are given here, once. Raises Failure if there is none.
    """
    refused = None if launch.docker else refusal()
    _tell_links(launch.function.folder, progress)
    if not launch.docker and refused is None:
        if not namespaces.hides_processes():
            progress.note(
                "the function can see and end the processes around it, since this container "
                "allows no namespace for processes"
            )

        def emulator(function: LocalFunction, progress: Progress, **more: Any) -> Endpoint:
            return Emulator(function, progress=progress, **more)

        return emulator
    from faultlayer_cli.running import container, docker_engine  # which import much

    try:
        engines = [docker_engine.connect(progress)]  # for the first; each has one of its own
    except Failure as failure:
        raise Failure(f"{refused}; and {failure}") if refused else failure from None
    if refused:
        reason = refused.partition(": ")[0]
        progress.note(f"runs in Docker, in {launch.image}, since {reason}")

    def in_docker(function: LocalFunction, progress: Progress, **more: Any) -> Endpoint:
        engine = engines.pop() if engines else docker_engine.connect(progress)
        return container.Container(engine, launch.image, function, progress=progress, **more)

    return in_docker
