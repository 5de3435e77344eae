# SPDX-License-Identifier: Apache-2.0
"""Which boards a command is for, and one piece of work on each of them.

One board is worked on in the main thread, so that Ctrl-C, prompts and output are as in any
program. Several are worked on at once, a thread each, and every line says whose it is.
"""

from __future__ import annotations

import json as json_format
import math
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from belay.cli.options import Split
from belay.cli.usage import UsageError
from belay.errors import BelayException
from belay.output import STDOUT, TextSink

if TYPE_CHECKING:
    from belay.device import Device

__all__ = ["Board", "Target", "connected", "dump", "each_board", "one_board", "reads_like_a_board"]

ALL = "all"
"""What stands for every board that has a name, or else for every one on USB."""

_PATIENCE = 5.0
"""Seconds that boards have to stop in after Ctrl-C."""

_SILENCE = 3.0
"""Seconds of waiting for a board after which people are told what is waited for."""

_TICK = 1.0
"""Seconds."""

_ADDRESS = re.compile(
    r"""
      [A-Za-z][A-Za-z0-9+.]+ : (?! [\\] | $ ) .*   # a scheme with something behind it
    | virtual: | \{ .* \} | /dev/.+ | (\\\\\.\\)? COM\d+ (\?.*)?
    | \d+ (\.\d+){3} (:\d+)?
    """,
    re.VERBOSE | re.IGNORECASE,
)


class Target(NamedTuple):
    """A board that a command is for.

    Attributes:
        name: as the user calls it.
        address: what :class:`belay.Device` takes.
    """

    name: str
    address: str


@dataclass
class Board:
    """A board that a command works on.

    Attributes:
        name: as the user calls it.
        device: connected to it.
        out: takes text for stdout: what the board prints, and what the command says.
        alone: it is the only one.
        status: the exit status, where all went well; the work may set it.
        stop: set while the work only shows what the board does, until the user has seen enough:
            what ends that, from another thread. Ctrl-C is then no failure.
    """

    name: str
    device: Device
    out: TextSink
    alone: bool = True
    status: int = 0
    stop: Callable[[], None] | None = None

    def print(self, *values: object) -> None:
        """As ``print``, on :attr:`out`."""
        self.out.write(" ".join(map(str, values)) + "\n")


Work = Callable[[Board], Any]
Show = Callable[[Board, Any], None]


def each_board(
    split: Split,
    work: Work,
    show: Show | None = None,
    *,
    json: bool = False,
    reset: bool = False,
    **options: Any,
) -> int:
    """Do one piece of work on every board that was asked for.

    Args:
        split: what was typed.
        work: does it, and returns what it found out. Called in a thread of its own where there
            are several boards.
        show: prints that for people, with :meth:`Board.print`; None: there is nothing to show.
        json: print it as JSON instead: as it is for one board; for several an object that has
            it by the names of the boards.
        reset: soft-reset the boards first.
        options: for :class:`belay.Device`.

    Returns:
        The exit status: the largest one.

    Raises:
        BelayException: it failed, on the one board that there is.
        KeyboardInterrupt: the user stopped it.
    """
    targets = targets_of(split)
    options["reset"] = reset
    if split.options.password is not None:
        options["password"] = split.options.password
    show = None if json else show
    if len(targets) == 1:
        with connected(targets[0], **options) as board:
            try:
                found = work(board)
            except KeyboardInterrupt:
                if board.stop is None:
                    raise
                return board.status
            if show is not None:
                show(board, found)
        if json:
            print(dump(found))
        return board.status
    return _on_several(targets, work, show, options, json=json)


@contextmanager
def one_board(split: Split, **options: Any) -> Iterator[Board]:
    """The one board that was asked for, for a command that cannot work on several.

    Args:
        split: what was typed.
        options: for :class:`belay.Device`; ``reset=False`` by default.

    Raises:
        UsageError: there are several.
    """
    targets = targets_of(split)
    if len(targets) > 1:
        names = ", ".join(target.name for target in targets)
        raise UsageError(f"this works on one board at a time, not on {len(targets)}: {names}")
    if split.options.password is not None:
        options["password"] = split.options.password
    with connected(targets[0], **options) as board:
        yield board


@contextmanager
def connected(target: Target, **options: Any) -> Iterator[Board]:
    """Attach to a board for a while; it is not reset, and keeps what is in its memory.

    Args:
        target: which.
        options: for :class:`belay.Device`.
    """
    from belay.device import Device

    with _said_to_wait_for(target):
        device = Device(target.address, **{"reset": False, **options})
    with device:
        yield Board(target.name, device, STDOUT)


@contextmanager
def _said_to_wait_for(target: Target) -> Iterator[None]:
    """Where a person waits and nothing happens, say what for."""

    def say() -> None:
        print(f"belay: waiting for {target.name} to answer; Ctrl-C stops", file=sys.stderr)

    timer = threading.Timer(_SILENCE, say)
    timer.daemon = True
    asks = target.address.startswith(("ws://", "wss://"))  # for a password, in the same terminal
    if sys.stderr.isatty() and not asks:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def dump(value: Any) -> str:
    """A value as JSON; what JSON has no form for becomes its ``repr``."""
    return json_format.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key if isinstance(key, str) else repr(key): _plain(value[key]) for key in value}
    if isinstance(value, (list, tuple, set, frozenset, range)):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, (str, int)):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else repr(value)


# -------------------------------------------------------------------------------- which boards


def reads_like_a_board(word: str) -> bool:
    """Whether a word is the address of a board, or the name of one that is configured."""
    if _ADDRESS.fullmatch(word) is not None:
        return True
    from belay.transports.boards import configured

    return word in configured()


def targets_of(split: Split) -> list[Target]:
    """The boards that were asked for; at least one.

    That is PORT, or what ``-t`` says; else what :func:`belay.transports.boards.resolve` takes
    without a name.

    Raises:
        UsageError: both say which.
        AddressError: an address cannot be understood, or no board has that name.
        DeviceNotFoundError, InsufficientSpecifierError: no one board could be meant.
    """
    from belay.transports.boards import resolve, resolve_all

    asked: Sequence[str | None] = split.options.target
    if split.port:
        if asked:
            raise UsageError(f"PORT ({split.port}) and -t ({asked[0]}) both say which board")
        asked = [split.port]
    found = []
    for word in asked or [None]:
        found += resolve_all() if word == ALL else [resolve(word)]
    return [Target(each.label, each.address) for each in dict.fromkeys(found)]


# -------------------------------------------------------------------------------- several boards


class _Lines:
    """What one of several boards prints: by whole lines, each with its name in front."""

    _turn = threading.Lock()

    def __init__(self, label: str) -> None:
        self.label = label
        self._text = ""

    def write(self, text: str) -> None:
        self._text += text.replace("\r\n", "\n")
        lines = self._text.split("\n")
        self._text = lines.pop()
        self._show(lines)

    def end(self) -> None:
        """The last line, which nothing has ended."""
        if self._text:
            self._show([self._text])
        self._text = ""

    def _show(self, lines: Sequence[str]) -> None:
        with self._turn:
            for line in lines:
                sys.stdout.write(f"{self.label}{line}\n")
            sys.stdout.flush()


@dataclass
class _Worker:
    """One of several boards, and how it fares."""

    target: Target
    lines: _Lines
    board: Board | None = None
    found: Any = None
    error: BaseException | None = None
    over: threading.Event = field(default_factory=threading.Event)
    stopped: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """End what it does, as Ctrl-C does; :attr:`stopped` where it only showed something."""
        self.cancelled.set()  # what is not connected yet does not begin
        if self.board is not None and self.board.stop is not None:
            self.stopped = True
            self.board.stop()
        elif self.board is not None:
            self.board.device.interrupt()

    def run(self, work: Work, show: Show | None, options: dict[str, Any]) -> None:
        try:
            with connected(self.target, **options) as board:
                self.board, board.out, board.alone = board, self.lines, False
                if self.cancelled.is_set():
                    return
                self.found = work(board)
                if show is not None:
                    show(board, self.found)
        except BaseException as error:
            if not self.stopped:
                self.error = error
        finally:
            self.lines.end()
            self.over.set()


def _on_several(
    targets: Sequence[Target],
    work: Work,
    show: Show | None,
    options: dict[str, Any],
    *,
    json: bool,
) -> int:
    width = max(len(target.name) for target in targets) + 2
    workers = [_Worker(each, _Lines(f"[{each.name}]".ljust(width) + " ")) for each in targets]
    for worker in workers:
        name = f"belay {worker.target.name}"
        arguments = (work, show, dict(options))
        threading.Thread(target=worker.run, args=arguments, name=name, daemon=True).start()
    _see_through(workers)
    status = max(worker.board.status if worker.board else 0 for worker in workers)
    for worker in workers:
        if isinstance(worker.error, BelayException):
            from belay.cli import explain

            status = max(status, explain(worker.error, worker.lines.label))
        elif worker.error is not None:
            raise worker.error
    if json:
        print(dump({w.target.name: w.found for w in workers if w.error is None}))
    return status


def _see_through(workers: Sequence[_Worker]) -> None:
    """Wait for all of them. Ctrl-C stops all of them."""
    try:
        for worker in workers:
            while not worker.over.wait(_TICK):  # without a limit, Windows would not see Ctrl-C
                pass
    except KeyboardInterrupt:
        running = [worker for worker in workers if not worker.over.is_set()]
        for worker in running:
            worker.stop()
        until = time.monotonic() + _PATIENCE
        for worker in running:
            while not worker.over.wait(_TICK) and time.monotonic() < until:
                worker.stop()  # again: a call that was just beginning has not seen it
        if not all(worker.stopped for worker in running):
            raise
