# SPDX-License-Identifier: Apache-2.0
"""What the pages show happens: every snippet runs, and prints what stands below it."""

from __future__ import annotations

import contextlib
import io
import linecache
import re
from pathlib import Path
from typing import Any

import pytest

import belay
from belay.transports.address import FORMS, parse_address

DOCS = Path(__file__).resolve().parents[2] / "docs"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def snippets(page: str) -> list[tuple[int, str, str]]:
    """The Python snippets of a page: line number, source, and the output shown below it."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found: list[tuple[int, str, str]] = []
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 2
        if match[1] == "python":
            found.append((line, match[2], ""))
        elif match[1] == "text":
            before, source, _ = found.pop()
            found.append((before, source, match[2]))
    return found


def run_page(page: str) -> None:
    """Run its snippets in order, as one program whose file is the page."""
    path = str(DOCS / page)
    names: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: names["device"].close() if "device" in names else None)
        for line, source, expected in snippets(page):
            # The page's own lines, so that tracebacks and linecache point into it.
            code = compile("\n" * (line - 1) + source, path, "exec")
            linecache.checkcache(path)
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(code, names)
            assert output.getvalue() == expected, f"{page}:{line}"


PAGES = {
    "addresses.md": 2,
    "device.md": 9,
    "executers.md": 10,
    "proxies.md": 6,
    "streams.md": 7,
    "time.md": 4,
    "connection.md": 3,
    "sync.md": 5,
    "files.md": 5,
    "circuitpython.md": 1,
    "record-replay.md": 3,
}
"""Pages whose snippets run, and how many they have at least."""


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_true(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if page == "record-replay.md":  # which writes files
        monkeypatch.chdir(tmp_path)
    belay.Device.clear()  # the register holds what other tests of this process have defined
    assert len(snippets(page)) >= PAGES[page]
    run_page(page)


def test_the_index_names_every_page() -> None:
    index = (DOCS / "index.md").read_text("utf-8")
    pages = {path.name for path in DOCS.glob("*.md")} - {"index.md"}
    assert sorted(page for page in pages if f"({page})" not in index) == []
    decisions = (DOCS / "decisions" / "README.md").read_text("utf-8")
    files = {path.name for path in (DOCS / "decisions").glob("0*.md")}
    assert sorted(file for file in files if f"({file})" not in decisions) == []


def test_the_guide_names_every_exception() -> None:
    text = (DOCS / "device.md").read_text("utf-8")
    kinds = {name for name in belay.__all__ if name.endswith(("Error", "Exception", "Lost"))}
    assert sorted(name for name in kinds if f"{name}`" not in text) == []


def table(page: str) -> list[str]:
    """The code spans in the first column of a page's tables."""
    text = (DOCS / page).read_text(encoding="utf-8")
    cells = re.findall(r"^\| ([^|]*`[^|]*) \|", text, re.MULTILINE)
    return [span for cell in cells for span in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize("address", table("addresses.md"))
def test_the_addresses_are_addresses(address: str) -> None:
    parsed = parse_address(re.sub(r":port\b", ":99", address))
    assert parse_address(str(parsed)) == parsed


def test_all_address_forms_are_on_the_page() -> None:
    text = (DOCS / "addresses.md").read_text(encoding="utf-8")
    for form in FORMS:
        assert form.example.partition("?")[0] in text
        for option in re.findall(r"(\w+)=", form.meaning):
            assert f"{option}=" in text
