# SPDX-License-Identifier: Apache-2.0
"""What a report holds of the boards that a test used."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from belay.errors import PyboardException

if TYPE_CHECKING:
    import pytest

    from belay.testing.held import HeldBoard

__all__ = ["add_evidence", "board_exceptions", "log_file", "write_log"]

_LONGEST = 120
"""Most characters of a file's name before its end: file systems take 255 bytes."""


def add_evidence(
    report: pytest.TestReport, boards: list[HeldBoard], error: BaseException | None
) -> None:
    """Put into the report of a failed test what is known of its boards.

    Args:
        report: pytest's; what is added is in its text, in JUnit's file, and comes through xdist.
        boards: that the test has, or had.
        error: what the test has raised.
    """
    add = getattr(report.longrepr, "addsection", None)
    if add is None:
        return
    for exception in board_exceptions(error):
        add("traceback of the board", str(exception.args[0]).rstrip())
    for held in boards:
        name = f" {held.slot.name}" if len(boards) > 1 else ""
        add(f"facts of the board{name}", held.facts())
        add(f"device log{name}", str(held.log) or "(the board has printed nothing)")
        if transcript := held.transcript():
            add(f"transcript{name}, the last 4 KB", transcript)


def board_exceptions(error: BaseException | None) -> Iterator[PyboardException]:
    """The board's exceptions among an exception and its causes."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        original = getattr(error, "original", error)
        if isinstance(original, PyboardException):
            yield original
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def log_file(folder: Path, nodeid: str) -> Path:
    """The log file of a test: its id, as far as file names allow."""
    name = re.sub(r"[^\w.\-\[\]=+]+", "_", nodeid.replace("::", "."))
    if len(name) > _LONGEST or name != nodeid.replace("::", "."):
        mark = hashlib.sha256(nodeid.encode()).hexdigest()[:8]
        name = f"{name[:_LONGEST]}-{mark}"
    return folder / f"{name}.log"


def write_log(
    folder: Path, nodeid: str, boards: list[HeldBoard], outcomes: list[tuple[str, str, str]]
) -> None:
    """Write the log file of a test.

    Args:
        folder: in which one; made where it is not there.
        nodeid: the test.
        boards: that it had.
        outcomes: of each phase its name, its outcome and what was said of it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[Any] = [nodeid]
    parts += [f"{when}: {outcome}" for when, outcome, _ in outcomes]
    for held in boards:
        parts += ["", held.facts(), "", "-- device log", str(held.log)]
        parts += ["", "-- transcript", held.transcript()]
    parts += [f"\n-- {when}\n{text}" for when, _, text in outcomes if text]
    log_file(folder, nodeid).write_text("\n".join(map(str, parts)) + "\n", encoding="utf-8")
