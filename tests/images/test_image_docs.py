"""docs/images.md shows the Dockerfiles that the tests build."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "images.md"


@pytest.mark.parametrize("name", ["recipe", "own_entrypoint"])
def test_the_page_shows_the_examples_dockerfile(name, request):
    dockerfile = re.sub(r"^#.*\n", "", request.getfixturevalue(name), flags=re.MULTILINE)
    assert f"```dockerfile\n{dockerfile}```" in PAGE.read_text()


def test_the_commands_of_the_page_leave_nothing_to_commit():
    ignored = (PAGE.parents[1] / "examples" / "image" / ".gitignore").read_text().split()
    assert "cp -a dist/x86_64 examples/image/faultlayer " in PAGE.read_text()
    assert ignored == ["/faultlayer/"]
