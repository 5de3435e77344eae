# SPDX-License-Identifier: Apache-2.0
"""The magics."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, magics_class
from traitlets import Bool, Float, Integer, Unicode, observe

from belay.errors import BelayException, PyboardException, UnsupportedValueError
from belay_jupyter import auto, boards, tab
from belay_jupyter.benchmagics import BenchMagics
from belay_jupyter.boards import ALL, DEFAULT, Board
from belay_jupyter.cells import CellSource, RunningCells
from belay_jupyter.dashboardmagics import DashboardMagics
from belay_jupyter.filemagics import FileMagics
from belay_jupyter.options import (
    argument,
    cell_magic,
    line_cell_magic,
    line_magic,
    magic_arguments,
    needs_local_scope,
    no_var_expand,
    parse,
    split,
    target_option,
    unquoted,
)
from belay_jupyter.output import say
from belay_jupyter.plotmagics import PlotMagics
from belay_jupyter.recordings import recording
from belay_jupyter.showing import ProxyDisplay

__all__ = ["BelayMagics"]

_VARIABLE = re.compile(r"\$([^\W\d]\w*)|\{([^\W\d]\w*)\}")


@magics_class
class BelayMagics(Magics):
    """MicroPython and CircuitPython boards in a notebook.

    Args:
        shell: the IPython to add the magics to.

    Attributes:
        boards: the boards that are connected.
    """

    shell: InteractiveShell

    address = Unicode(
        "", help="Where the board is, for %belay_connect without one (and without BELAY_DEVICE)."
    ).tag(config=True)
    attempts = Integer(
        0, help="How often to connect again by itself when a link ends; negative for ever."
    ).tag(config=True)
    timeout = Float(
        None, allow_none=True, help="Seconds after which cells are interrupted; None lets them run."
    ).tag(config=True)
    views = Bool(
        True, help="Whether a proxy as the value of a cell shows its view, or a line of text."
    ).tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.boards = boards.of(shell)
        self.boards.address, self.boards.attempts = self.address, self.attempts
        self._auto = auto.of(shell)
        self._cells = RunningCells(shell)
        self._files = FileMagics(shell)
        self._bench = BenchMagics(shell)
        self._dashboards = DashboardMagics(shell)
        self._plots = PlotMagics(shell, self._cells)
        self._renderer = self.boards.renderer
        self._display = ProxyDisplay(shell)
        self._display.on = self.views

    @observe("address", "attempts")
    def _setting_changed(self, change: Any) -> None:
        setattr(self.boards, change.name, change.new)

    @observe("views")
    def _views_changed(self, change: Any) -> None:
        self._display.on = change.new

    # ---------------------------------------------------------------------------- extension

    def load(self) -> None:
        """Add everything to IPython that this extension adds."""
        self.shell.register_magics(self)
        self.shell.register_magics(self._files)
        self.shell.register_magics(self._bench)
        self.shell.register_magics(self._dashboards)
        self.shell.register_magics(self._plots)
        self._cells.watch()
        self._renderer.install()
        self._display.install()
        self.shell.input_transformers_cleanup.append(self._auto.transform)
        tab.install(self.shell)

    def unload(self) -> None:
        """Take all of it away again, and close the boards."""
        tab.uninstall(self.shell)
        self._dashboards.stop()
        transformers = self.shell.input_transformers_cleanup
        if self._auto.transform in transformers:
            transformers.remove(self._auto.transform)
        auto.forget(self.shell)
        boards.forget(self.shell)
        self._renderer.uninstall()
        self._display.uninstall()
        self._cells.unwatch()
        self._bench.stop()
        for ours in (self, self._files, self._bench, self._dashboards, self._plots):
            _unregister(self.shell, ours)

    # ---------------------------------------------------------------------------- connections

    @no_var_expand  # which would take the JSON of a USB device for an expression
    @magic_arguments()
    @argument(
        "address",
        nargs="*",
        metavar="ADDRESS",
        help="""Where the board is: a serial port (/dev/ttyACM0, COM5), socket://host:port,
        rfc2217://host:port, 'exec:command line' (last, after the options), or 'virtual:' for a
        MicroPython that runs on this computer. Without one: that of the environment variable
        BELAY_DEVICE, or the board on USB if there is only one.""",
    )
    @argument(
        "--name",
        default=DEFAULT,
        metavar="NAME",
        help="What to call it, for -t NAME. A board of this name is closed first.",
    )
    @argument(
        "--attempts",
        type=int,
        metavar="K",
        help="How often to connect again by itself when the link ends; -1 for ever. Usually 0.",
    )
    @argument(
        "--record",
        metavar="FILE",
        help="""Record all that is said to the board, until it is closed. Connecting to replay:FILE
        then does the same without the board.""",
    )
    @argument(
        "--secret",
        action="append",
        default=[],
        metavar="NAME",
        help="""A variable of the notebook, or of the environment, with a text that must not get
        into the recording. May be repeated.""",
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
        """Connect a board. Cells that name none then run on it."""
        # The command line may hold options of its own: they are not ours.
        ours, is_program, command = self._expanded(line).partition("exec:")
        if is_program and ours[-1:] in ("'", '"'):  # quotes around all of it
            ours, command = ours[:-1], command.rstrip().removesuffix(ours[-1])
        options = parse(self.belay_connect, ours)
        words = list(map(unquoted, options.address))
        try:
            board = self.boards.connect(
                " ".join([*words, is_program + command.strip()]).strip(),
                name=unquoted(options.name),
                reset=options.reset,
                attempts=options.attempts,
                record=recording(options.record, options.secret, self.shell.user_ns),
            )
        except PyboardException as error:  # by boot.py or main.py, while the board was reset
            self._renderer.as_board_error(error)
            raise
        except (BelayException, KeyboardInterrupt) as error:
            self._renderer.as_message(error)
            raise
        called = "" if board.name == DEFAULT else f" (-t {board.name})"
        say(f"Connected to {board.description}{called}")

    @magic_arguments()
    @argument("name", nargs="?", default="", metavar="NAME", help="Which one; or: all.")
    @line_magic
    def belay_disconnect(self, line: str) -> None:
        """Close a board, so that other programs can use its port. Its memory stays as it is."""
        name = unquoted(parse(self.belay_disconnect, line).name)
        names = self.boards.names() if name == ALL else [name]
        try:
            closed = [board for board in map(self.boards.close, names) if board is not None]
        except BelayException as error:  # a recording that was not played to its end
            self._renderer.as_message(error)
            raise
        for board in closed:
            say(f"Closed {board.device.address}")
        if not closed:
            there = ", ".join(self.boards.names())
            named = f"No board is called {name!r}; there are: {there}"
            say(named if there else "No board was connected.")

    @line_magic
    def belay_list(self, line: str) -> None:
        """List the boards that are connected, and those on USB that are not."""
        from belay_jupyter.reports import list_boards

        print(list_boards(self.boards))

    @magic_arguments()
    @target_option
    @line_magic
    def belay_info(self, line: str) -> None:
        """Tell what a board is: firmware, memory, files, uptime."""
        from belay_jupyter.background import wait_for_turn
        from belay_jupyter.reports import describe

        for board in self._chosen(parse(self.belay_info, line).target):
            with self._told(board):
                wait_for_turn([board])
                print(describe(board))

    @magic_arguments()
    @target_option
    @line_magic
    def belay_who(self, line: str) -> None:
        """List the global variables of a board, with their types and sizes."""
        from belay_jupyter.background import wait_for_turn
        from belay_jupyter.reports import globals_of

        chosen = self._chosen(parse(self.belay_who, line).target)
        for board in chosen:
            if len(chosen) > 1:
                print(f"[{board.name}]")
            with self._told(board):
                wait_for_turn([board])
                print(globals_of(board))

    @magic_arguments()
    @argument(
        "--hard",
        action="store_true",
        help="As its reset button does: the whole chip, with main.py. Needs a board that reacts.",
    )
    @target_option
    @line_magic
    def belay_reset(self, line: str) -> None:
        """Reset a board: its memory is empty then. Tasks of programs are sent to it again."""
        from belay_jupyter.resetting import hard_reset, soft_reset

        options = parse(self.belay_reset, line)
        for board in self._chosen(options.target):
            with self._told(board):
                (hard_reset if options.hard else soft_reset)(board)
            say(f"Reset {board.name} ({board.device.address})")

    @magic_arguments()
    @argument("state", nargs="?", choices=("on", "off"), help="Without: says which it is.")
    @target_option
    @line_magic
    def belay_auto(self, line: str) -> None:
        """Run every cell on the board, but for lines with % at its top and %%host cells."""
        options = parse(self.belay_auto, line)
        if options.state is not None:
            self._auto.on = options.state == "on"
            self._auto.target = options.target
        where = f"on {self._auto.target or 'the board'}" if self._auto.on else "on this computer"
        say(f"Cells that do not say where run {where}.")

    # ---------------------------------------------------------------------------- code

    @cell_magic
    def host(self, line: str, cell: str) -> None:
        """A cell for this computer, where cells otherwise run on the board. It has no options.

        A line with %%host alone is taken off before IPython looks for magics, so this is about
        help, Tab and mistakes.
        """
        raise UsageError(f"%%host: nothing may stand behind it, so not {line.strip()!r}")

    @no_var_expand
    @needs_local_scope
    @magic_arguments()
    @target_option
    @argument(
        "-i",
        action="append",
        default=[],
        metavar="NAME[=EXPR]",
        help="Set variables of the board first, from those of the notebook: -i a,b=max(c). Repeat "
        "it or use commas; quote what has spaces.",
    )
    @argument(
        "-o",
        action="append",
        default=[],
        metavar="NAME",
        help="Set variables of the notebook afterwards, from those of the board: -o x,y.",
    )
    @argument(
        "--proxy",
        action="store_true",
        help="Leave the result on the board, even if it could travel, and return a proxy for it.",
    )
    @argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="Stop the board when the cell has not ended by then. Without, it may take any time.",
    )
    @argument("--bg", action="store_true", help="Do not wait for it; what it prints appears here.")
    @argument(
        "--no-result",
        action="store_true",
        help="Leave the last expression's value on the board (a semicolon behind it does too).",
    )
    @line_cell_magic
    def device(
        self, line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None
    ) -> Any:
        """Run the cell, or the rest of the line, on the board.

        What it prints appears as it comes. The value of the last expression is the cell's
        result, Out[n]; what cannot travel stays on the board, and the result is a proxy for it.
        An exception fails the cell and points at its line. Interrupting the kernel stops the
        board.
        """
        options, code = self._read(self.device, line, cell)
        return self._launch(options, code, local_ns, in_line=cell is None)

    @no_var_expand
    @needs_local_scope
    @magic_arguments()
    @target_option
    @line_cell_magic
    def belay_time(
        self, line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None
    ) -> Any:
        """Run the cell, or the rest of the line, on a board; tell how long it took there.

        The time is that of the board's clock, without the way there and back. The heap is that
        before the cell and after it, each once the garbage has been collected.
        """
        options, code = self._read(self.belay_time, line, cell)
        defaults = {"i": [], "o": [], "proxy": False, "timeout": None, "bg": False}
        for name, value in defaults.items():
            setattr(options, name, value)
        options.no_result = False
        return self._launch(options, code, local_ns, in_line=cell is None, measured=True)

    # ---------------------------------------------------------------------------- inside

    def _expanded(self, line: str) -> str:
        """A line with the values of variables in place of ``$name`` and ``{name}``."""

        def value(match: re.Match[str]) -> str:
            return str(self.shell.user_ns.get(match[1] or match[2], match[0]))

        return _VARIABLE.sub(value, line)

    def _read(self, magic: Callable[..., Any], line: str, cell: str | None) -> tuple[Any, str]:
        """The options of a magic that runs code, and the code."""
        mark = "%" if cell is None else "%%"
        options, code = split(magic, line) if cell is None else (parse(magic, line), cell)
        if not code.strip():
            name = magic.__name__
            what = "the line" if cell is None else "the cell"
            where = "behind" if cell is None else "below"
            raise UsageError(
                f"{mark}{name}: {what} is empty. Write a program for the board {where} it."
            )
        return options, code

    def _launch(
        self,
        options: Any,
        code: str,
        local_ns: dict[str, Any] | None,
        *,
        in_line: bool,
        measured: bool = False,
    ) -> Any:
        from belay_jupyter.launching import Launch, launch
        from belay_jupyter.running import CellWish
        from belay_jupyter.transfer import TransferError, given_values, wanted_names

        source: CellSource = self._cells.source(code, in_line=in_line)
        try:
            namespace = {**self.shell.user_ns, **(local_ns or {})}
            wish = CellWish(
                result=not options.no_result,
                proxy=options.proxy,
                inputs=given_values(options.i, namespace),
                outputs=wanted_names(options.o),
                timeout=self.timeout if options.timeout is None else options.timeout,
                measured=measured,
            )
        except TransferError as error:
            self._renderer.as_message(error)
            raise
        chosen = self._chosen(options.target)
        together = ALL in options.target.split(",") or len(chosen) > 1
        what = Launch(source, wish, chosen, together, background=options.bg)
        try:
            return launch(self.shell, what)
        except UnsupportedValueError as error:
            self._renderer.as_message(error)
            raise

    def _chosen(self, target: str) -> list[Board]:
        try:
            return self.boards.chosen(target)
        except BelayException as error:
            self._renderer.as_message(error)
            raise

    def _told(self, board: Board) -> Any:
        from belay_jupyter.resetting import telling

        return telling(board)


def _unregister(shell: InteractiveShell, ours: Magics) -> None:
    """Take magics out of IPython again."""
    manager = shell.magics_manager
    for kind, named in ours.magics.items():
        for name in named:
            found = manager.magics[kind].get(name)
            if getattr(found, "__self__", None) is ours:  # not one that replaced ours
                del manager.magics[kind][name]
    manager.registry.pop(type(ours).__name__, None)
    configurables: list[Any] = shell.configurables
    if ours in configurables:
        configurables.remove(ours)
