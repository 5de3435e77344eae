# SPDX-License-Identifier: Apache-2.0
"""``%belay_bench``: the outside of a virtual board in a notebook, seen and turned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, magics_class

from belay.errors import BelayException
from belay_jupyter import boards
from belay_jupyter.options import argument, line_magic, magic_arguments, parse, target_option

if TYPE_CHECKING:
    from belay_jupyter.bench import BenchView

__all__ = ["BenchMagics"]


@magics_class
class BenchMagics(Magics):
    """The bench that virtual boards lie on.

    Args:
        shell: the IPython to add the magics to.
    """

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._boards = boards.of(shell)
        self._views: dict[str, BenchView] = {}

    @magic_arguments()
    @argument(
        "--static", action="store_true", help="The picture alone: no sliders, and it stays as is."
    )
    @target_option
    @line_magic
    def belay_bench(self, line: str) -> None:
        """Show a virtual board with its pins, and sliders for what its sensors measure.

        The picture follows the board while the notebook is open, and stays in it as it was last.
        """
        from belay_jupyter.bench import BenchView

        options = parse(self.belay_bench, line)
        try:
            for board in self._boards.chosen(options.target):
                view = BenchView(board.device.board)
                if options.static:
                    view.show(live=False)
                    continue
                if (old := self._views.pop(board.name, None)) is not None:
                    old.stop()
                self._views[board.name] = view
                view.show(live=True)
        except BelayException as error:
            self._boards.renderer.as_message(error)
            raise

    def stop(self) -> None:
        """Let the pictures stay as they are."""
        for view in self._views.values():
            view.stop()
        self._views.clear()
