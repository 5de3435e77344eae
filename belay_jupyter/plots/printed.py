# SPDX-License-Identifier: Apache-2.0
"""Tuples that a program prints, as Mu's plotter takes them: ``print((x, y, z))``."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any

__all__ = ["PrintedTuples", "tuple_in"]


def tuple_in(line: str) -> tuple[float, ...] | None:
    """The numbers of a line that is a tuple of numbers and nothing else; None for any other."""
    line = line.strip()
    if not (line.startswith("(") and line.endswith(")")) or len(line) > 2000:
        return None
    texts = [text.strip() for text in line[1:-1].removesuffix(",").split(",")]
    if len(texts) == 1 and not line.endswith(",)"):
        return None  # (1) is a number in parentheses; Mu needs the comma too
    found = [_number(text) for text in texts]
    numbers = tuple(number for number in found if number is not None)
    return numbers if numbers and len(numbers) == len(texts) else None


def _number(text: str) -> float | None:
    if text in ("nan", "inf", "-inf"):  # as boards print them
        return float(text)
    if text == "None":
        return math.nan
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return float(value) if isinstance(value, (int, float)) else None


class PrintedTuples:
    """Takes what a program prints: lines that are tuples of numbers here, the rest there.

    Args:
        take: called with each tuple.
        rest: takes all other text, as it arrives, but for a line's beginning that may yet become
            a tuple.
        echo: the tuples go there too.
    """

    def __init__(
        self, take: Callable[[tuple[float, ...]], Any], rest: Any, *, echo: bool = False
    ) -> None:
        self._take = take
        self._rest = rest
        self._echo = echo
        self._begun = ""
        self._plain = False  # whether the line that has begun has been handed on already

    def write(self, text: str) -> None:
        """Take some text."""
        out = []
        for part in text.splitlines(keepends=True):
            self._begun += part
            whole = part.endswith(("\n", "\r"))
            if not self._plain and (numbers := tuple_in(self._begun) if whole else None):
                self._take(numbers)
                if self._echo:
                    out.append(self._begun)
                self._begun = ""
            elif whole or self._plain or not self._begun.lstrip().startswith("("):
                out.append(self._begun)
                self._plain = not whole
                self._begun = ""
        if out:
            self._rest.write("".join(out))

    def close(self) -> None:
        """The program has ended: the rest of its last line too."""
        if (numbers := None if self._plain else tuple_in(self._begun)) is not None:
            self._take(numbers)
            if not self._echo:
                self._begun = ""
        if self._begun:
            self._rest.write(self._begun)
        self._begun = ""
