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


def test_the_guide() -> None:
    assert len(snippets("device.md")) >= 9
    run_page("device.md")


def test_the_guide_names_every_exception_of_this_layer() -> None:
    text = (DOCS / "device.md").read_text("utf-8") + (DOCS / "addresses.md").read_text("utf-8")
    elsewhere = {
        "AuthenticationError",
        "ForeignBelayError",
        "NoMatchingExecuterError",
        "SpecialFunctionNameError",
    }
    kinds = {name for name in belay.__all__ if name.endswith(("Error", "Exception", "Lost"))}
    assert not [name for name in kinds - elsewhere if f"`{name}`" not in text and name not in text]


def table(page: str) -> list[str]:
    """The code spans in the first column of a page's tables."""
    text = (DOCS / page).read_text(encoding="utf-8")
    cells = re.findall(r"^\| ([^|]*`[^|]*) \|", text, re.MULTILINE)
    return [span for cell in cells for span in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize("address", table("addresses.md"))
def test_the_addresses_are_addresses(address: str) -> None:
    parsed = parse_address(address.replace("port", "99"))
    assert parse_address(str(parsed)) == parsed


def test_all_address_forms_are_on_the_page() -> None:
    text = (DOCS / "addresses.md").read_text(encoding="utf-8")
    for form in FORMS:
        assert form.example.partition("?")[0] in text
        for option in re.findall(r"(\w+)=", form.meaning):
            assert f"{option}=" in text
