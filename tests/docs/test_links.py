"""Links between pages lead to files and headings that exist. Sphinx looks at the site's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pages
import pytest
from markdown_it import MarkdownIt

READ = (*pages.PAGES, *(pages.ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md")))


def tokens(page: Path) -> Iterator[tuple[str, str]]:
    """The links and pictures of a page, and its headings."""
    for token in MarkdownIt().enable("table").parse(page.read_text()):
        for child in token.children or ():
            if child.type == "link_open":
                yield "link", str(child.attrs["href"])
            elif child.type == "image":
                yield "link", str(child.attrs["src"])
    for line in re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE):
        yield "heading", line


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to headings."""
    found = set()
    for kind, text in tokens(page):
        if kind == "heading":
            words = re.sub(r"[^\w\- ]", "", text.lower())
            found.add(words.replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", READ, ids=lambda page: str(page.relative_to(pages.ROOT)))
def test_its_links_lead_somewhere(page):
    for kind, link in tokens(page):
        if kind == "heading" or re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), f"{link} is no file"
        if anchor:
            assert anchor in anchors(target), f"{link}: no such heading"


def test_the_readme_is_short():
    assert len((pages.ROOT / "README.md").read_text().splitlines()) <= 250


def test_every_page_has_a_place_in_the_site():
    listed = set()
    for index in (pages.ROOT / "docs").rglob("index.md"):
        for block in re.findall(r"```\{toctree\}\n(.*?)```", index.read_text(), re.DOTALL):
            names = [line for line in block.splitlines() if line and not line.startswith(":")]
            found = [re.sub(r".* <(.*)>", r"\1", name) for name in names]
            listed |= {index.parent / f"{name}.md" for name in found}
    there = {page for page in pages.PAGES if page.parent != pages.ROOT}
    assert there - listed == {pages.ROOT / "docs" / "index.md"}
