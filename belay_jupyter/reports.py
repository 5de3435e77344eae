# SPDX-License-Identifier: Apache-2.0
"""What the magics tell about boards, as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from belay_jupyter.boards import Board, Boards, how_to_connect

if TYPE_CHECKING:
    from belay.session.requests import Operation

__all__ = ["cost_of", "describe", "globals_of", "list_boards", "table"]


def table(rows: Iterable[Sequence[str]], head: Sequence[str] = ()) -> str:
    """Rows of text, in columns."""
    lines = [list(head), ["-" * len(title) for title in head]] if head else []
    lines += [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def list_boards(boards: Boards) -> str:
    """The connected boards, and those on USB that could be connected."""
    from belay.transports.usb import list_devices

    rows = []
    names = boards.names()
    for board in boards:
        running = board.background
        state = "" if running is None or running.done else f"{running.label} runs on it"
        mark = "*" if board.name == names[-1] else " "
        rows.append([mark, board.name, board.description, state])
    taken = {board.device.address for board in boards}
    others = [device for device in list_devices() if device.device not in taken]
    parts = []
    if rows:
        parts.append(table(rows) + "\n* is the one that cells run on that name none (-t NAME).")
    else:
        parts.append("No board is connected. To connect one: %belay_connect virtual:")
    if others:
        parts.append("On USB, and not connected:")
        parts += [f"  %belay_connect {device.device}   # {device.product}" for device in others]
    return "\n".join(parts)


def describe(board: Board) -> str:
    """What a board is, and how it is."""
    facts = _ask(board, 1)
    known = board.device.implementation
    version = ".".join(map(str, known.version))
    rows = [
        ["board", board.name],
        ["address", board.device.address],
        ["machine", str(facts.get("machine", known.platform))],
        ["firmware", f"{known.name} {version}, {known.platform}"],
    ]
    if known.arch:
        emitters = f", with {', '.join(known.emitters)} code" if known.emitters else ""
        rows.append(["architecture", known.arch + emitters])
    if "frequency" in facts:
        frequency = facts["frequency"]
        first = frequency[0] if isinstance(frequency, (tuple, list)) else frequency
        rows.append(["frequency", f"{first / 1e6:g} MHz"])
    if "id" in facts:
        rows.append(["unique id", facts["id"].hex()])
    if "free" in facts:
        rows.append(["heap", f"{facts['free']:,} B free, {facts.get('used', 0):,} B used"])
    if "files" in facts:
        size, fragment, blocks, free = facts["files"]
        rows.append(["files", f"{free * size:,} B free of {blocks * (fragment or size):,} B"])
    rows.append(["up for", _duration(facts["uptime"] * 1000)])
    return table(rows) + f"\nTo connect it again: {how_to_connect(board)}"


def globals_of(board: Board) -> str:
    """The board's global variables."""
    rows = _ask(board, 0)
    if not rows:
        return f"{board.name} has no variables yet."
    return table(rows, ("Name", "Type", "Size", "Value"))


def _ask(board: Board, what: int) -> Any:
    return board.device._perform(_measuring(what))


def _measuring(what: int) -> Operation:
    """An operation of belay/onboard/measuring.py."""
    from belay.session.requests import Operation

    return Operation(b"w", (what,), "measuring")


def cost_of(cost: tuple[int, int, int, int]) -> str:
    """What a cell cost, in one line."""
    microseconds, before, end, after = cost
    change = "no change" if after == before else f"{abs(after - before):,} B "
    change += "" if after == before else "less" if after < before else "more"
    garbage = max(0, after - end)
    return (
        f"{_duration(microseconds)} on the board; heap free before: {before:,} B, after: "
        f"{after:,} B ({change}), and {garbage:,} B of garbage"
    )


def _duration(microseconds: int) -> str:
    if microseconds < 1000:
        return f"{microseconds} us"
    if microseconds < 1_000_000:
        return f"{microseconds / 1000:.3f} ms"
    if microseconds < 120_000_000:
        return f"{microseconds / 1_000_000:.3f} s"
    seconds = microseconds // 1_000_000
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02} h"
