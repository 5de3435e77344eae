# SPDX-License-Identifier: Apache-2.0
"""Paths on the command line: a colon in front says that a path is the board's, as in mpremote."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from belay.cli.usage import UsageError

if TYPE_CHECKING:
    from belay.device import Device

__all__ = ["Place", "Resolver", "place_of"]


class Place(NamedTuple):
    """Where something is, as it was typed.

    Attributes:
        on_board: the board's, else this computer's.
        path: without the colon.
    """

    on_board: bool
    path: str

    @property
    def is_folder(self) -> bool:
        """Whether it is written as a folder: it ends with a slash, or is all of the board."""
        return self.path.endswith("/") or (self.on_board and not self.path)


def place_of(word: str) -> Place:
    """Tell whose path a word is.

    Raises:
        UsageError: it is empty, as a variable of the shell that is not set; Python would take
            that for the current folder.
    """
    if not word:
        raise UsageError("'' is no path")
    return Place(True, word[1:]) if word.startswith(":") else Place(False, word)


class Resolver:
    """Absolute paths of a board. It is asked for its current folder where that matters.

    Args:
        device: the board.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._current: str | None = None

    def __call__(self, typed: str) -> str:
        """The absolute path of what was typed, with or without a colon."""
        path = typed.removeprefix(":")
        if not typed or "\0" in path:  # empty: a variable of the shell that is not set
            raise UsageError(f"{typed!r} is no path")
        if not path.startswith("/"):
            if self._current is None:
                self._current = self._device("__import__('os').getcwd()") or "/"
            path = posixpath.join(self._current, path)
        return "/" + posixpath.normpath(path).lstrip("/")

    def all(self, typed: Sequence[str]) -> list[str]:
        """Absolute paths; the current folder where nothing was typed."""
        return [self(path) for path in typed or [":"]]
