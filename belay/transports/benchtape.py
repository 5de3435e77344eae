# SPDX-License-Identifier: Apache-2.0
"""The outside of a virtual board while its session is recorded, and when that is played.

What a program does to ``device.board`` is a list of commands with answers, as all else is. Each
question gets the answers that it got, in order.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, NoReturn

from belay.virtual.client import Board
from belay.virtual.pipe import BoardGoneError, CommandFailedError, Pipe

__all__ = ["played", "taped"]

Note = Callable[[str, tuple[Any, ...], bool, Any, float, float], object]
"""Takes a title, the rest of a question, whether it was answered, the answer, and two times."""

Find = Callable[[str, tuple[Any, ...]], Any]
"""Gives the next answer to a question: with ``ok`` and ``value``; None where there is none."""

_TITLE = "bench "
_ADDRESSES = {"port": 0, "key": ""}
"""Where one board finds another: of no use in a recording, and the key is a secret."""


def taped(board: Board, note: Note) -> Board:
    """The same outside; its commands are noted.

    Args:
        board: the outside.
        note: takes each command and its answer, on the thread that has given it.
    """
    return Board.on(board.address, _TapedPipe(board._pipe, note))


def played(address: str, find: Find, refuse: Callable[[str], NoReturn]) -> Board:
    """The outside of a board that is a recording.

    Args:
        address: of the recording.
        find: gives what was answered.
        refuse: raises what says that there is no more.
    """
    return Board.on(address, _PlayedPipe(address, find, refuse))


def _question(do: str, arguments: dict[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """The words for a command: no folder of this computer, no address of another board."""
    told = dict(arguments)
    if do == "scene.add":
        told["name"] = os.path.basename(str(told.get("name")))
    elif do == "wire.join":
        told |= _ADDRESSES
    return _TITLE + do, (told,) if told else ()


class _TapedPipe(Pipe):
    """Hands everything on to another pipe."""

    def __init__(self, end: Pipe, note: Note) -> None:  # it has no connection of its own
        self.name, self.end, self._note = end.name, end.end, note

    def call(self, do: str, /, timeout: float | None = 10.0, **arguments: Any) -> Any:
        question, sent = _question(do, arguments), time.monotonic()
        try:
            answer = self.end.call(do, timeout, **arguments)
        except CommandFailedError as error:
            self._note(*question, False, str(error), sent, time.monotonic())
            raise
        shown = {**answer, **_ADDRESSES} if do == "wire.open" else answer
        self._note(*question, True, shown, sent, time.monotonic())
        return answer

    def on(self, event: str, callback: Callable[[Any], None]) -> Callable[[], None]:
        return self.end.on(event, callback)

    def lend(self, name: str, function: Callable[[float], Any]) -> None:
        self.end.lend(name, function)

    def close(self) -> None:
        self.end.close()

    def unrecorded(self) -> Pipe:
        return self.end


class _PlayedPipe(Pipe):
    """Answers as it was answered; what the board tells by itself it does not tell again."""

    def __init__(self, name: str, find: Find, refuse: Callable[[str], NoReturn]) -> None:
        self.name, self._find, self._refuse = name, find, refuse
        self.end = self

    def call(self, do: str, /, timeout: float | None = 10.0, **arguments: Any) -> Any:
        title, rest = _question(do, arguments)
        found = self._find(title, rest)
        if found is None:
            self._refuse(" ".join([title, *map(str, rest)]))
        if not found.ok:
            raise CommandFailedError(found.value)
        return found.value

    def on(self, event: str, callback: Callable[[Any], None]) -> Callable[[], None]:
        return lambda: None

    def lend(self, name: str, function: Callable[[float], Any]) -> None:
        pass

    def close(self) -> None:
        pass

    def unrecorded(self) -> Pipe:
        raise BoardGoneError(f"{self.name} is a recording: there is nothing more to see.")
