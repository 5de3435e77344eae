# SPDX-License-Identifier: Apache-2.0
"""A prompt of this computer for code of the board.

Unlike in the board's own prompt, every statement is a call of a Device: folders that are mounted
are there, and tracebacks show files of this computer.
"""

from __future__ import annotations

import codeop
import contextlib
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from belay import errors

if TYPE_CHECKING:
    from belay.device import Device
    from belay.terminal.history import LineHistory

__all__ = ["run_console"]

_FIRST, _MORE = ">>> ", "... "


def run_console(
    device: Device,
    *,
    history: LineHistory | None = None,
    read: Callable[[str], str] = input,
) -> None:
    """Ask for statements and run them on the board, until the end of the input (Ctrl-D).

    Ctrl-C stops what runs on the board, or forgets a statement that is not complete.

    Args:
        device: the board.
        history: older lines for the arrow keys; takes what is typed.
        read: asks for a line; gets the prompt.

    Raises:
        ConnectionLost: the link ended.
    """
    console = _Console(device, history, read)
    going = True
    while going:
        try:
            going = console.step()
        except KeyboardInterrupt:
            print("\nKeyboardInterrupt")
            console.lines.clear()


class _Console:
    """A statement that is being typed.

    Attributes:
        lines: what there is of it.
    """

    def __init__(
        self, device: Device, history: LineHistory | None, read: Callable[[str], str]
    ) -> None:
        self.lines: list[str] = []
        self._device = device
        self._history = history
        self._read = read
        self._asking = bool(sys.stdin.isatty())
        if self._asking:
            _recall(history)

    def step(self) -> bool:
        """Ask for a line; run the statement if it is complete. False at the end of the input."""
        prompt = _MORE if self.lines else _FIRST
        try:
            line = self._read(prompt if self._asking else "")
        except EOFError:
            if self._asking:
                print()
            self._run()
            return False
        if self._history is not None and self._asking:
            self._history.add(line.lstrip() if self.lines else line)
        self.lines.append(line)
        source = "\n".join(self.lines)
        if not source.strip() or _complete(source):
            self._run()
        return True

    def _run(self) -> None:
        """Run what there is."""
        source = "\n".join(self.lines)
        self.lines.clear()
        if not source.strip():
            return
        try:
            shown = self._device.run_cell(source, filename="<stdin>", shown=True)
            if shown is not None:
                print(shown)
        except errors.ConnectionFailedError:
            raise
        except errors.BelayException as error:
            print(str(error).strip(), file=sys.stderr)


def _complete(source: str) -> bool:
    """Whether it is a whole statement, or one that no further line can mend."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the board will run it, and not this Python
            return codeop.compile_command(source, symbol="single") is not None
    except (SyntaxError, OverflowError, ValueError):
        return True


def _recall(history: LineHistory | None) -> None:
    """Let the arrow keys find older lines, where Python has them do so at all."""
    with contextlib.suppress(ImportError):  # Windows
        import readline as found

        readline: Any = found
        for line in history.lines if history is not None else ():
            readline.add_history(line)
