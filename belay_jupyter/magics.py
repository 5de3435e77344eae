# SPDX-License-Identifier: Apache-2.0
"""The magics: ``%belay_connect``, ``%belay_disconnect`` and ``%%device``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

from IPython.core import magic as decorators
from IPython.core import magic_arguments as untyped
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, magics_class

from belay.errors import BelayException, PyboardException, UnsupportedValueError
from belay_jupyter import boards
from belay_jupyter.boards import Board
from belay_jupyter.cells import RunningCells
from belay_jupyter.running import run_on_board

__all__ = ["BelayMagics"]

F = TypeVar("F", bound=Callable[..., Any])


class _Decorator(Protocol):
    def __call__(self, function: F, /) -> F: ...


# IPython has no types for these, or wrong ones.
line_magic = cast(_Decorator, decorators.line_magic)
cell_magic = cast(_Decorator, decorators.cell_magic)
no_var_expand = cast(_Decorator, decorators.no_var_expand)
magic_arguments: Callable[[], _Decorator] = untyped.magic_arguments
argument: Callable[..., _Decorator] = untyped.argument
parse_argstring: Callable[[Callable[..., Any], str], Any] = untyped.parse_argstring


@magics_class
class BelayMagics(Magics):
    """MicroPython and CircuitPython boards in a notebook.

    Args:
        shell: the IPython to add the magics to.

    Attributes:
        boards: the boards that are connected.
    """

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.boards = boards.of(shell)
        self._cells = RunningCells(shell)
        self._renderer = self.boards.renderer

    def load(self) -> None:
        """Add everything to IPython that this extension adds."""
        self.shell.register_magics(self)
        self._cells.watch()
        self._renderer.install()

    def unload(self) -> None:
        """Take all of it away again, and close the boards."""
        boards.forget(self.shell)
        self._renderer.uninstall()
        self._cells.unwatch()
        manager = self.shell.magics_manager
        for kind, named in self.magics.items():
            for name in named:
                found = manager.magics[kind].get(name)
                if getattr(found, "__self__", None) is self:  # not one that replaced ours
                    del manager.magics[kind][name]
        manager.registry.pop(type(self).__name__, None)
        configurables: list[Any] = self.shell.configurables
        if self in configurables:
            configurables.remove(self)

    # ---------------------------------------------------------------------------- magics

    @magic_arguments()
    @argument(
        "address",
        nargs="*",
        metavar="ADDRESS",
        help="""Where the board is: a serial port (/dev/ttyACM0, COM5), socket://host:port,
        rfc2217://host:port, 'exec:command line' (last, after the options), or 'virtual:' for a
        MicroPython that runs on this computer. Without one, the environment variable BELAY_DEVICE
        is taken.""",
    )
    @argument(
        "--reset",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="""Soft-reset the board first, which clears its memory. Without, what it runs is
        stopped and its memory stays as it is.""",
    )
    @line_magic
    def belay_connect(self, line: str) -> None:
        """Connect a board; the one that was connected before is closed.

        %%device cells then run on it.
        """
        # The command line may hold options of its own: they are not ours.
        ours, is_program, command = line.partition("exec:")
        options = parse_argstring(self.belay_connect, ours.rstrip("'\""))
        words = [*options.address, is_program + command] if is_program else options.address
        address = " ".join(words).strip("'\" ")
        try:
            board = self.boards.connect(address, reset=options.reset)
        except PyboardException as error:  # by boot.py or main.py, while the board was reset
            self._renderer.as_board_error(error)
            raise
        except (BelayException, KeyboardInterrupt) as error:
            self._renderer.as_message(error)
            raise
        _say(f"Connected to {board.description}")

    @magic_arguments()
    @line_magic
    def belay_disconnect(self, line: str) -> None:
        """Close the board, so that other programs can use its port. Its memory stays as it is."""
        parse_argstring(self.belay_disconnect, line)
        board = self.boards.close()
        _say(f"Closed {board.device.address}" if board else "No board was connected.")

    @no_var_expand
    @magic_arguments()
    @argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="Stop the board when the cell has not ended by then. Without, it may take any time.",
    )
    @argument(
        "--no-result",
        action="store_true",
        help="Leave the last expression's value on the board (a semicolon behind it does too).",
    )
    @cell_magic
    def device(self, line: str, cell: str) -> Any:
        """Run the cell on the board.

        What it prints appears as it comes. The value of the last expression is the cell's
        result, Out[n]. An exception fails the cell and points at its line. Interrupting the
        kernel stops the board.
        """
        options = parse_argstring(self.device, line)
        if not cell.strip():
            raise UsageError("%%device: the cell is empty. Write a program for the board below it.")
        board = self._current()
        source = self._cells.source(cell)
        try:
            return run_on_board(
                board, source, result=not options.no_result, timeout=options.timeout
            )
        except UnsupportedValueError as error:
            # The cell did what it should: a result that is no value (a Pin, say) is no failure.
            _say(_kept(error))

    # ---------------------------------------------------------------------------- inside

    def _current(self) -> Board:
        try:
            return self.boards.current
        except BelayException as error:
            self._renderer.as_message(error)
            raise


def _kept(error: UnsupportedValueError) -> str:
    where = "" if error.path in ("", "result") else f" (at {error.path})"
    return (
        f"The cell ran. Its last value stays on the board: {error.type_name or 'it'}{where} cannot "
        "travel to the notebook. A semicolon at the end of the line asks for no value."
    )


def _say(text: str) -> None:
    """A message of ours: on stderr, for stdout is the board's."""
    print(text, file=sys.stderr)
