# SPDX-License-Identifier: Apache-2.0
"""``%belay_dashboard`` and ``%belay_console``: boards beside the notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, magics_class
from IPython.display import display

from belay.errors import BelayException
from belay_jupyter import boards
from belay_jupyter.options import argument, line_magic, magic_arguments, parse, unquoted

if TYPE_CHECKING:
    from belay_jupyter.boards import Board
    from belay_jupyter.consoles.shown import Console
    from belay_jupyter.panels.shown import Dashboard

__all__ = ["DashboardMagics"]


@magics_class
class DashboardMagics(Magics):
    """Boards to look after, and their prompts.

    Args:
        shell: the IPython to add the magics to.
    """

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._boards = boards.of(shell)
        self._dashboards: list[Dashboard] = []
        self._consoles: dict[str, Console] = {}

    @magic_arguments()
    @argument("names", nargs="*", metavar="NAME", help="Boards. Without: the current one.")
    @argument("--all", action="store_true", help="All boards that are connected.")
    @argument("--every", type=float, default=1.0, metavar="S", help="Seconds between two polls.")
    @line_magic
    def belay_dashboard(self, line: str) -> None:
        """Show boards to look after: link, firmware, memory, files, globals, log, resets.

        Boards are asked while they are idle; a cell that runs keeps its turn.
        """
        from belay_jupyter.panels.shown import Dashboard

        options = parse(self.belay_dashboard, line)
        names = [boards.ALL] if options.all else [unquoted(name) for name in options.names]
        try:
            chosen = self._boards.chosen(",".join(names))
            dashboard = Dashboard([(board, self._boards) for board in chosen], options.every)
        except (BelayException, ValueError) as error:
            self._boards.renderer.as_message(error)
            raise
        self._dashboards.append(dashboard)
        display(dashboard)

    @magic_arguments()
    @argument("name", nargs="?", default="", metavar="NAME", help="Without: the current board.")
    @line_magic
    def belay_console(self, line: str) -> None:
        """Show the board's own prompt as a terminal. Cells work on while it is open.

        Keys go to the board: Ctrl-C interrupts, Ctrl-D soft-resets, Ctrl-E pastes, Tab completes.
        """
        from belay_jupyter.consoles.shown import Console

        name = unquoted(parse(self.belay_console, line).name)
        try:
            board: Board = self._boards.get(name)
            if (old := self._consoles.pop(board.name, None)) is not None:
                old.close()
            console = self._consoles[board.name] = Console(board, self._boards)
        except BelayException as error:
            self._boards.renderer.as_message(error)
            raise
        display(console)

    def stop(self) -> None:
        """Let them stay as they are."""
        for dashboard in self._dashboards:
            dashboard.stop()
        for console in self._consoles.values():
            console.close()
        self._dashboards.clear()
        self._consoles.clear()
