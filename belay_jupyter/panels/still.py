# SPDX-License-Identifier: Apache-2.0
"""A dashboard as it was, for readers without a kernel: HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from belay_jupyter.panels.panel import Panel

__all__ = ["html_of", "size_of", "summary_of"]

_MOST = 100
"""Files and globals that are listed."""

_USED, _REST = "#0072b2", "#80808040"


def size_of(count: int) -> str:
    """Bytes in words."""
    if count < 10_000:
        return f"{count:,} B"
    return f"{count / 1024:,.0f} KiB" if count < 10 * 1024**2 else f"{count / 1024**2:,.1f} MiB"


def summary_of(panel: Panel) -> list[tuple[str, str]]:
    """What is known of the board in few lines: names and texts."""
    rows = [("Board", panel.board.name), *panel.facts]
    if panel.samples:
        for name, (used, total) in zip(("Heap", "Flash"), panel.samples[-1][1:], strict=True):
            if total:
                rows.append((name, _use(used, total)))
    return rows


def html_of(panel: Panel) -> str:
    """All that is known of the board."""
    parts = [f"<h4>{escape(panel.board.name)}</h4>", _table((), panel.facts)]
    if panel.samples:
        for name, (used, total) in zip(("Heap", "Flash"), panel.samples[-1][1:], strict=True):
            if total:
                parts.append(_bar(name, used, total))
    files = [(path, "folder" if size < 0 else f"{size:,} B") for path, size in panel.files]
    parts += _section("Files", ("Path", "Size"), files)
    parts += _section("Globals", ("Name", "Type", "Size", "Value"), panel.globals)
    return "".join(parts)


def _section(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    more = len(rows) - _MOST
    return [
        f"<details><summary>{title} ({len(rows)})</summary>",
        _table(head, rows[:_MOST]),
        f"<p>and {more} more</p>" if more > 0 else "",
        "</details>",
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = [
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    ]
    return f"<table>{f'<tr>{top}</tr>' if top else ''}{''.join(lines)}</table>"


def _use(used: int, total: int) -> str:
    return f"{size_of(used)} of {size_of(total)} used ({used / total:.0%})"


def _bar(name: str, used: int, total: int) -> str:
    """How much of something is used, as a picture with its text."""
    width = round(min(max(used / total, 0.0), 1.0) * 200, 1)
    return (
        f'<div><svg xmlns="http://www.w3.org/2000/svg" width="200" height="12" role="img" '
        f'aria-label="{name}"><rect width="200" height="12" rx="3" fill="{_REST}"/>'
        f'<rect width="{width}" height="12" rx="3" fill="{_USED}"/></svg> '
        f"{name}: {_use(used, total)}</div>"
    )
