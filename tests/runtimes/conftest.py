"""Real runtime clients of five languages under the real emulator, with the layer at /opt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

import machine
from faultlayer_cli.errors import Failure
from faultlayer_cli.running import interpreter, namespaces
from faultlayer_cli.running.emulator import Emulator
from faultlayer_cli.running.local_function import LocalFunction
from faultlayer_cli.terminal import TERMINAL
from rie.support import Function
from runtimes import builds, matrix
from runtimes.languages import LANGUAGES, Language


@dataclass
class Example:
    """An example that is built, and how to start it."""

    language: Language
    folder: Path
    stack: ExitStack

    def start(self, **variables: str) -> Function:
        env: dict[str, str | None] = {
            "AWS_EXECUTION_ENV": None,
            "FUNCTION_PYTHON": interpreter.found().path,
            **variables,
        }
        emulator = Emulator(
            LocalFunction(self.folder, self.language.handler, env, timeout=20, memory=256),
            bootstrap=self.language.bootstrap,
            progress=TERMINAL,
        )
        return Function(self.stack.enter_context(emulator))


@pytest.fixture(scope="session", params=LANGUAGES, ids=lambda language: language.name)
def built(request: pytest.FixtureRequest) -> tuple[Language, Path]:
    """The language's example, built; skipped where its toolchain is missing."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    terminal = request.config.pluginmanager.getplugin("terminalreporter")

    def say(line: str) -> None:
        if capture is None or terminal is None:
            print(line, flush=True)
            return
        with capture.global_and_fixture_disabled():
            terminal.write_line(line)

    language: Language = request.param
    try:
        namespaces.unshare_command()
        return language, builds.build(language, say)
    except (Failure, builds.Unavailable) as error:
        machine.lacks(f"{language.title}: {error}")


@pytest.fixture
def example(built: tuple[Language, Path]) -> Iterator[Example]:
    """The example, to start as often as a test likes; all is stopped at the end of the test."""
    with ExitStack() as stack:
        yield Example(*built, stack)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A language's tests run in one worker, which builds its example while others work."""
    for item in items:
        if found := matrix.parameters(item):
            item.add_marker("whole")
            item.add_marker(pytest.mark.xdist_group(f"runtimes-{found['built'].name}"))
