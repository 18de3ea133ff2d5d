"""Real runtime clients of five languages under the real emulator, with the layer at /opt."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from faultlayer_cli.errors import Failure
from faultlayer_cli.running import downloads, namespaces
from faultlayer_cli.running.emulator import Emulator
from rie.support import Function
from runtimes import builds, matrix
from runtimes.languages import LANGUAGES, Language

_KEY = pytest.StashKey[matrix.Results]()


@dataclass
class Example:
    """An example that is built, and how to start it."""

    language: Language
    folder: Path
    stack: ExitStack

    def start(self, **variables: str) -> Function:
        env: dict[str, str | None] = {
            "AWS_EXECUTION_ENV": None,
            "FUNCTION_PYTHON": str(downloads.interpreter()),
            **variables,
        }
        emulator = Emulator(
            self.folder,
            self.language.handler,
            env=env,
            timeout=20,
            memory=256,
            bootstrap=self.language.bootstrap,
        )
        return Function(self.stack.enter_context(emulator))


def _missing(reason: str) -> None:
    """A test that cannot run here: skipped with the reason, and a failure on CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


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
        _missing(f"{language.title}: {error}")
        raise


@pytest.fixture
def example(built: tuple[Language, Path]) -> Iterator[Example]:
    """The example, to start as often as a test likes; all is stopped at the end of the test."""
    with ExitStack() as stack:
        yield Example(*built, stack)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_KEY] = matrix.Results()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    item.config.stash[_KEY].add(item, report)
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    config.stash[_KEY].tell(terminalreporter)
