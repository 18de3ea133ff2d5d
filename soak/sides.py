"""The soak's two sides, each in a process of its own.

They end with the process that started them.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any

_FORK = multiprocessing.get_context("fork")


class Side:
    """An object in another process: `ask` calls a method or reads."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._ours, theirs = _FORK.Pipe()
        self._process = _FORK.Process(target=_serve, args=(make, theirs, os.getpid()), daemon=True)
        self._process.start()
        theirs.close()

    def tell(self, name: str, *given: Any) -> None:
        self._ours.send((name, given))

    def hear(self, timeout: float | None = None) -> Any:
        """The answer to the last message; None if it is late."""
        return self._ours.recv() if self._ours.poll(timeout) else None

    def ask(self, name: str, *given: Any) -> Any:
        self.tell(name, *given)
        return self._ours.recv()

    def stop(self) -> None:
        self._process.terminate()
        self._process.join(60)
        self._process.kill()


def _serve(make: Callable[[], Any], pipe: Any, parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    thing = make()
    while True:
        while not pipe.poll(1.0):
            if os.getppid() != parent:
                os._exit(1)
        name, given = pipe.recv()
        found = getattr(thing, name)
        pipe.send(found(*given) if callable(found) else found)
