# SPDX-License-Identifier: Apache-2.0
"""``%belay_plot``: what a board measures, as a plot that grows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, magics_class
from IPython.display import display

from belay.errors import BelayException
from belay_jupyter import boards
from belay_jupyter.cells import RunningCells
from belay_jupyter.options import (
    argument,
    line_cell_magic,
    magic_arguments,
    no_var_expand,
    parse,
    split,
    target_option,
    unquoted,
)

if TYPE_CHECKING:
    from belay_jupyter.plots.figure import LivePlot

__all__ = ["PlotMagics"]

_VALUE = r"""(?:"[^"]*"|'[^']*'|\S+)"""
_OPTION = rf"--echo|--(?:every|seconds|window|topic|labels|title|target)(?:=|\s+){_VALUE}|-t\s+\S+"
_TAIL = re.compile(rf"(?:\s+(?:{_OPTION}))+\s*\Z")
"""Options behind an expression."""
_TARGET = re.compile(r"\s-t\s+(\S+)")


@magics_class
class PlotMagics(Magics):
    """Plots of what boards measure.

    Args:
        shell: the IPython to add the magics to.
        cells: knows where in the notebook a cell's text stands.
    """

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell, cells: RunningCells) -> None:
        super().__init__(shell)
        self._boards = boards.of(shell)
        self._cells = cells

    @no_var_expand
    @magic_arguments()
    @argument("--every", type=float, default=0.1, metavar="S", help="Seconds between two values.")
    @argument("--seconds", type=float, metavar="S", help="End after so long; usually: never.")
    @argument("--window", type=float, default=10.0, metavar="S", help="Seconds seen at once.")
    @argument("--topic", default="", metavar="NAME", help="Plot what the board emits on a topic.")
    @argument("--labels", default="", metavar="A,B", help="Names of the channels.")
    @argument("--title", default="", metavar="TEXT", help="Above the plot; quote what has spaces.")
    @argument("--echo", action="store_true", help="Show the printed tuples as text, too.")
    @target_option
    @line_cell_magic
    def belay_plot(self, line: str, cell: str | None = None) -> Any:
        """Plot what a board measures.

        %belay_plot EXPRESSION asks an idle board for its value again and again; a tuple gives a
        line for each item. %%belay_plot runs the cell on the board and plots the tuples of numbers
        that it prints, such as print((x, y)), as Mu does. The value is the plot: .stop(), .save().
        """
        if cell is None:
            options, expression = split(self.belay_plot, self._options_first(line))
        else:
            options, expression = parse(self.belay_plot, line), ""
        if cell is None and not expression and not options.topic:
            raise UsageError("%belay_plot: what? Such as: %belay_plot adc.read_u16() --every 0.1")
        if cell is not None:
            self._plot_cell(options, cell)
            return None
        try:
            return self._plot(options, expression)
        except (BelayException, TypeError, ValueError) as error:
            self._boards.renderer.as_message(error)
            raise

    def _options_first(self, line: str) -> str:
        """The line with the options in front that stand behind the expression."""
        tail = _TAIL.search(line)
        if tail is None:
            return line
        # "x -t" is a difference, unless a board is called so.
        there = {boards.ALL, *self._boards.names()}
        named = {name for names in _TARGET.findall(tail[0]) for name in names.split(",")}
        return f"{tail[0]} {line[: tail.start()]}".lstrip() if named <= there else line

    def _wishes(self, options: Any) -> dict[str, Any]:
        return {
            "labels": [name for name in unquoted(options.labels).split(",") if name],
            "every": options.every,
            "seconds": options.seconds,
            "window": options.window,
            "title": unquoted(options.title),
        }

    def _plot(self, options: Any, expression: str) -> LivePlot:
        from belay_jupyter.plots import figure

        chosen = self._boards.chosen(options.target)
        given: list[Any] = []
        for board in chosen:
            named = f"{board.name} " if len(chosen) > 1 else ""
            if options.topic:
                topic = unquoted(options.topic)
                given.append({named + topic: board.device.events(topic, maxlen=100_000)})
            if expression:
                given.append(figure.of_expression(board.device, expression, options.every, named))
        return figure.make(given, lambda: chosen[0].device, **self._wishes(options))

    def _plot_cell(self, options: Any, cell: str) -> None:
        from belay.output import STDOUT
        from belay_jupyter.background import wait_for_turn
        from belay_jupyter.plots import figure
        from belay_jupyter.plots.printed import PrintedTuples
        from belay_jupyter.plots.sources import Given
        from belay_jupyter.running import run_on_board

        if not cell.strip():
            raise UsageError("%%belay_plot: the cell is empty. Write a program that prints tuples.")
        try:
            (board,) = self._boards.chosen(options.target)[:1]
            printed = Given("printed", board.device.clock)
            plot = figure.make([printed], lambda: board.device, **self._wishes(options))
        except (BelayException, ValueError) as error:
            self._boards.renderer.as_message(error)
            raise
        display(plot)
        text = PrintedTuples(printed.take, STDOUT, echo=options.echo)
        try:
            wait_for_turn([board])
            source = self._cells.source(cell, in_line=False)
            run_on_board(board, source, result=False, stream_out=text)
        finally:
            text.close()
            plot.stop()
