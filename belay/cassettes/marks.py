# SPDX-License-Identifier: Apache-2.0
"""Lines with a mark in front that says what they are; a dot behind it says that they go on."""

from __future__ import annotations

from belay.cassettes.lines import NotOurs

__all__ = ["groups", "marked"]


def marked(mark: str, lines: list[str]) -> list[str]:
    """Lines that belong together."""
    first, *rest = lines or [""]
    return [f"{mark} {first}".rstrip(), *(f"{mark}.{line}" for line in rest)]


def groups(lines: list[str]) -> list[tuple[str, list[str]]]:
    """Lines by their marks; printed lines are one group.

    Raises:
        NotOurs: a line has no mark, or goes on with nothing.
    """
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        mark, dot, rest = line[:1], line[1:2], line[2:]
        if mark not in "|-+>*?<=!#" or dot not in " ." or not mark:
            raise NotOurs(f"{line!r} is no line of a block")
        if found and found[-1][0] == mark and (dot == "." or mark == ">"):
            found[-1][1].append(rest)
        elif dot == ".":
            raise NotOurs(f"{line!r} goes on with nothing")
        else:
            found.append((mark, [rest]))
    return found
