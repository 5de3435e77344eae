# SPDX-License-Identifier: Apache-2.0
"""Tables of what was measured, for the terminal."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Table", "milliseconds", "plain", "ratio"]


class Table:
    """Rows of what, ours, the peers', the target, and whether it was reached.

    Args:
        peers: how the columns of the peers are called, by the names that :meth:`add` takes.
    """

    def __init__(self, **peers: str) -> None:
        self._peers = list(peers)
        self._head = ("what", "ours", *peers.values(), "reach", "")
        self.rows: list[tuple[str, ...]] = []

    def add(
        self,
        what: str,
        ours: float,
        show: Callable[[float], str],
        *,
        reach: str = "",
        reached: bool | None = None,
        **peers: float | None,
    ) -> None:
        """Add one row; `show` formats every number of it."""
        numbers = [peers.get(name) for name in self._peers]
        others = ("-" if number is None else show(number) for number in numbers)
        mark = "" if reached is None else ("yes" if reached else "NO")
        self.rows.append((what, show(ours), *others, reach, mark))

    def __str__(self) -> str:
        rows = [self._head, *self.rows]
        widths = [max(len(row[n]) for row in rows) for n in range(len(self._head))]
        left = (0, len(self._head) - 2)
        lines = [
            "  ".join(
                cell.ljust(width) if number in left else cell.rjust(width)
                for number, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def milliseconds(value: float) -> str:
    return f"{value:,.2f} ms" if value < 100 else f"{value:,.0f} ms"


def plain(value: float) -> str:
    return f"{value:,g}" if value == int(value) else f"{value:,.1f}"


def ratio(value: float) -> str:
    return f"{value:.2f} x"
