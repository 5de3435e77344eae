# SPDX-License-Identifier: Apache-2.0
"""Text in columns, and sizes as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from belay.sync.plan import shown

__all__ = ["aligned", "readable"]

_UNITS = ("K", "M", "G", "T")


def aligned(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """Rows as lines with columns two spaces apart; a column that is empty everywhere is left out.

    What a device says of itself gives a terminal no orders.

    Args:
        rows: the first one has the headings, which do not make a column count as filled.
        right: which columns stand at the right.
    """
    rows = [[shown(text) for text in row] for row in rows]
    filled = [n for n in range(len(rows[0])) if any(row[n] for row in rows[1:])]
    widths = {n: max(len(row[n]) for row in rows) for n in filled}
    return [
        "  ".join(
            row[n].rjust(widths[n]) if n in right else row[n].ljust(widths[n]) for n in filled
        ).rstrip()
        for row in rows
    ]


def readable(size: int) -> str:
    """A number of bytes, such as ``512`` or ``1.5K``; units are powers of 1024."""
    if size < 1024:
        return str(size)
    amount = float(size)
    unit = ""
    for unit in _UNITS:  # noqa: B007 - the last one is taken for what is larger still
        amount /= 1024
        if amount < 1023.5:
            break
    return f"{amount:.1f}{unit}" if amount < 9.95 else f"{amount:.0f}{unit}"
