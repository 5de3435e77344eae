# SPDX-License-Identifier: Apache-2.0
"""Errors as a notebook shows them: the board's frames in IPython's style.

IPython asks an exception for ``_render_traceback_()`` before it renders one itself. What a
``%%device`` cell raises gets this method on the object; ``PyboardException`` gets it on the class
while the extension is loaded, for tasks that are called from ordinary Python cells.
"""

from __future__ import annotations

import linecache
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from belay.errors import PyboardException
from belay.source.linemap import BoardFrame

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["TracebackRenderer", "message_of"]

HOOK = "_render_traceback_"

_CONTEXT = 2  # lines before and after, as in IPython
_WIDTH = 75
_MOST_FRAMES = 24
_RED, _CYAN, _GREEN, _BOLD, _PLAIN = "\x1b[31m", "\x1b[36m", "\x1b[32m", "\x1b[1m", "\x1b[0m"


def message_of(error: PyboardException) -> str:
    """What the board said behind the frames: the exception's type and message."""
    text = str(error.args[0])
    if error.frames:
        shown = ["Traceback (most recent call last):", *map(str, error.frames)]
        text = text.removeprefix("\n".join(shown))
    return text.strip("\n")


class TracebackRenderer:
    """Renders errors for one IPython.

    Args:
        shell: whose colours and cell numbers to use.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell

    # ---------------------------------------------------------------------------- registering

    def install(self) -> None:
        """Render every PyboardException, also of tasks that ordinary cells call."""
        renderer = self

        def render(error: PyboardException) -> list[str]:
            return renderer.host_and_board(error)

        setattr(PyboardException, HOOK, render)

    def uninstall(self) -> None:
        """Undo :meth:`install`."""
        if HOOK in vars(PyboardException):
            delattr(PyboardException, HOOK)

    def as_board_error(self, error: BaseException) -> None:
        """Let IPython show only what happened on the board."""
        setattr(error, HOOK, lambda: self.board(error))

    def as_message(self, error: BaseException, hint: str = "") -> None:
        """Let IPython show only the message, in red, and a hint."""
        setattr(error, HOOK, lambda: self.message(error, hint))

    def as_several(self, error: BaseException, failed: Mapping[str, BaseException]) -> None:
        """Let IPython show what happened on each of several boards, by their names."""
        setattr(error, HOOK, lambda: self.several(error, failed))

    # ---------------------------------------------------------------------------- rendering

    def several(self, error: BaseException, failed: Mapping[str, BaseException]) -> list[str]:
        """What each board has to say, and a line that sums it up."""
        lines = []
        for name, one in failed.items():
            hook = getattr(one, HOOK, None)
            shown = hook() if hook is not None else self.message(one)
            lines += [self._paint(f"On {name}:", _BOLD), *shown, ""]
        told = getattr(error, "message", "") or str(error)
        return [*lines, f"{self._paint(type(error).__name__, _RED)}: {told}"]

    def message(self, error: BaseException, hint: str = "") -> list[str]:
        """The type and the message, without a traceback."""
        name = type(error).__name__
        text = str(error)
        first, *more = f"{name}: {text}".splitlines() if text else [name]
        return [self._paint(first, _RED), *more, *([hint] if hint else [])]

    def board(self, error: BaseException) -> list[str]:
        """The board's frames, and what was raised there or stopped it."""
        told = error if isinstance(error, PyboardException) else error.__cause__
        frames = told.frames if isinstance(told, PyboardException) else ()
        if isinstance(error, PyboardException):
            name, last = error.type or type(error).__name__, message_of(error)
        elif isinstance(error, KeyboardInterrupt):
            name = "KeyboardInterrupt"
            last = f"{name}: {str(error) or 'the board was stopped'}"
        else:
            name = type(error).__name__
            last = f"{name}: {error}"
        return [*self._head(name), *self._frames(frames), self._last(last)]

    def host_and_board(self, error: PyboardException) -> list[str]:
        """The host's frames down to the call, then the board's."""
        host = [self._host_frame(*place) for place in _host_places(error.__traceback__)]
        return [
            *self._context(error),
            *self._head(error.type or type(error).__name__),
            *self._frames(host),
            *([self._paint("On the board:", _BOLD) + "\n"] if host and error.frames else []),
            *self._frames(error.frames),
            self._last(message_of(error)),
        ]

    def _context(self, error: BaseException) -> list[str]:
        """What was being handled when the board raised, as IPython would show it."""
        earlier = error.__cause__
        link = "The above exception was the direct cause of the following exception:"
        if earlier is None and not error.__suppress_context__:
            earlier = error.__context__
            link = "During handling of the above exception, another exception occurred:"
        if earlier is None:
            return []
        own = getattr(earlier, HOOK, None)
        shown: list[str]
        if own is not None:
            shown = own()
        else:
            shown = self._shell.InteractiveTB.structured_traceback(
                type(earlier), earlier, earlier.__traceback__
            )
        return [*shown, f"\n{link}\n"]

    def _head(self, name: str) -> list[str]:
        rest = "Traceback (most recent call last)"
        return [
            self._paint("-" * _WIDTH, _RED),
            self._paint(name, _RED) + rest.rjust(_WIDTH - len(name)),
        ]

    def _last(self, text: str) -> str:
        name, colon, rest = text.partition(":")
        rest = rest.rstrip()
        return self._paint(name, _RED) + (f"{colon}{rest}" if rest else "")

    def _frames(self, frames: Sequence[BoardFrame]) -> Iterator[str]:
        for item in shorten(frames):
            yield item if isinstance(item, str) else self._frame(item)

    def _frame(self, frame: BoardFrame) -> str:
        inside = f", in {frame.name}" if frame.name != "<module>" else ""
        label = frame.label or self._cell_label(frame.filename)
        if label:
            place = self._paint(label, _CYAN) + self._paint(f", line {frame.line}", _GREEN)
        elif frame.source:
            place = self._paint(f"File {_short(frame.filename)}:{frame.line}", _GREEN)
        else:
            place = self._paint(f"File {frame.filename} on the board, line {frame.line}", _GREEN)
        return "\n".join([place + inside, *self._lines(frame), ""])

    def _lines(self, frame: BoardFrame) -> Iterator[str]:
        """The line and those around it, with an arrow, as IPython has them."""
        lines = linecache.getlines(frame.filename)
        if not frame.source:
            return
        index = frame.line - 1
        if not 0 <= index < len(lines) or lines[index].strip() != frame.source:
            yield self._arrow(frame.line, frame.source)  # the file has changed since
            return
        for at in range(max(0, index - _CONTEXT), min(len(lines), index + _CONTEXT + 1)):
            text = lines[at].rstrip("\n")
            if at == index:
                yield self._arrow(frame.line, text)
            else:
                yield f"{self._paint(f'{at + 1:>7}', _GREEN)} {text}".rstrip()

    def _arrow(self, number: int, text: str) -> str:
        digits = str(number)
        arrow = "-" * max(0, 5 - len(digits)) + "> "
        return f"{self._paint(arrow + digits, _GREEN + _BOLD)} {self._paint(text, _BOLD)}"

    def _cell_label(self, filename: str) -> str:
        """``Cell In[3]`` for the name that IPython gave to an ordinary cell."""
        name = self._shell.compile.format_code_name(filename)
        return " ".join(name) if name else ""

    def _host_frame(self, filename: str, line: int, name: str) -> BoardFrame:
        return BoardFrame(filename, line, name, linecache.getline(filename, line).strip())

    def _paint(self, text: str, colour: str) -> str:
        if str(self._shell.colors).lower() == "nocolor":
            return text
        return f"{colour}{text}{_PLAIN}"


def shorten(frames: Sequence[BoardFrame]) -> Iterator[BoardFrame | str]:
    """Leave out what a recursion repeats, and the middle of what is still too long."""
    shown: list[BoardFrame | str] = []
    index = 0
    while index < len(frames):
        frame = frames[index]
        end = index
        while end < len(frames) and frames[end] == frame:
            end += 1
        shown.append(frame)
        if end - index > 2:
            shown.append(f"    [... the same frame {end - index - 2} times more]\n")
        if end - index > 1:
            shown.append(frame)
        index = end
    if len(shown) > _MOST_FRAMES:
        half = _MOST_FRAMES // 2
        left_out = len(shown) - 2 * half
        shown[half:-half] = [f"    [... {left_out} more frames]\n"]
    return iter(shown)


def _host_places(traceback: TracebackType | None) -> Iterator[tuple[str, int, str]]:
    """The frames of the user's own code: not IPython's, and nothing below the call of a task."""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        package = str(traceback.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        if package in ("belay", "belay_jupyter"):
            return
        if package not in ("IPython", "ipykernel"):
            yield code.co_filename, traceback.tb_lineno, code.co_name
        traceback = traceback.tb_next


def _short(filename: str) -> str:
    """The path with ``~`` for the home folder, as IPython writes it."""
    home = str(Path.home())
    if filename.startswith(home + os.sep):
        return "~" + filename[len(home) :]
    return filename
