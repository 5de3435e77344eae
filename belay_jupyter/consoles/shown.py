# SPDX-License-Identifier: Apache-2.0
"""A board's prompt in the notebook: a terminal in the page, and the text that remains."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import anywidget
import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display

from belay.errors import FeatureUnavailableError
from belay_jupyter import polling
from belay_jupyter.consoles.prompt import BoardPrompt, greeting
from belay_jupyter.output import CellText
from belay_jupyter.pages import is_watched, shown

if TYPE_CHECKING:
    from belay.device import Device
    from belay_jupyter.boards import Board, Boards

__all__ = ["Console", "ConsoleWidget"]

_HERE = Path(__file__).parent

_KEPT = 200_000
"""Bytes of the screen that a page gets which is opened later."""

_LIFE = 0.5

_ESCAPES = re.compile(r"\x1b\[[\d;?]*[A-Za-z~]|\x1b.|[\x00-\x08\x0b-\x1f\x7f]")


class ConsoleWidget(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """The terminal in the browser. It gets xterm.js from the kernel: not in every notebook's file.

    Attributes:
        text: what stood there, shown where no kernel answers.
    """

    _esm = _HERE / "console.js"
    _css = _HERE / "console.css"

    text = traitlets.Unicode("").tag(sync=True)


class Console:
    """A board's own prompt. Made by :func:`belay_jupyter.console`.

    Args:
        board: which.
        boards: those that it is one of; None for a Device that ``%belay_connect`` has not made.

    Attributes:
        prompt: what stands between the page and the board.

    Raises:
        FeatureUnavailableError: the board is too small to share its prompt; or the package was
            built without the terminal.
    """

    def __init__(self, board: Board, boards: Boards | None) -> None:
        from belay.terminal.history import LineHistory, default_path

        if board.device._session.transport.is_recording:
            raise FeatureUnavailableError("a recording has no prompt to type at")
        if not board.device._session.agent:
            raise FeatureUnavailableError(
                "this board has no room for belay's agent, so its prompt cannot be shared with "
                "cells: use `belay terminal`, or device.terminal()"
            )
        _terminal()
        self._board, self._boards = board, boards
        self._lock = threading.Lock()
        self._screen = bytearray(greeting(board.description))
        self._place = uuid4().hex
        self._cell: CellText | None = None
        self._closed = False
        # Where nobody looks there is no widget either: its state would be kept in the notebook.
        self.widget = ConsoleWidget(text=self.text()) if is_watched() else None
        if self.widget is not None:
            self.widget.on_msg(self._asked)
        history = LineHistory(default_path())
        self.prompt = BoardPrompt(self._device, self._show, self._tell, history)
        board.console = self.prompt
        self._watch: polling.Watch | None = None
        self._leave: Callable[[], object] = lambda: None
        self._follow()
        if boards is not None:
            boards.on_connect.append(self._connected)

    def _device(self) -> Device:
        return self._board.device

    # ---------------------------------------------------------------------------- the link

    def _follow(self) -> None:
        """Notice when the board is closed or lost. It costs no message."""
        device = self._board.device

        def life(answer: polling.Answer) -> None:
            if answer.ended and device is self._board.device and not self._closed:
                self._tell("closed" if polling.is_closed(device) else "lost", answer.error)

        def back() -> None:
            if device is self._board.device and not self._closed:
                self._tell("idle", "")
                self._follow()

        self._leave()
        device.on_reconnect(back)
        self._leave = lambda: device._recovery.on_reconnect.remove(back)
        alive = polling.Question(polling.ALIVE, "")
        self._watch = polling.poller_of(device).watch(alive, life, _LIFE)

    def _connected(self, board: Board) -> None:
        if board.name != self._board.name or self._closed:
            return
        self._board = board
        board.console = self.prompt
        self._show(b"\r\n" + greeting(board.description))
        self._tell("idle", "")
        self._follow()

    # ---------------------------------------------------------------------------- the page

    def _show(self, data: bytes) -> None:
        with self._lock:
            self._screen += data
            del self._screen[: max(0, len(self._screen) - _KEPT)]
            self._send({"type": "output"}, [data])

    def _send(self, message: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        if self.widget is not None:
            self.widget.send(message, list(buffers))

    def _tell(self, state: str, why: str) -> None:
        self._send(self._state(state, why))

    def _state(self, state: str, why: str) -> dict[str, Any]:
        board = self._board
        where = f"{board.name} ({board.device.address})"
        return {"type": "state", "state": state, "why": why, "board": where}

    def _asked(self, widget: Any, message: Any, buffers: Any) -> None:
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "hello":
            with self._lock:
                screen = bytes(self._screen)
                code, style = _terminal()
                self._send({"type": "terminal"}, [code, style, screen])
            device = self._board.device
            ended = "closed" if device.closed or self._closed else self.prompt.state
            self._tell(ended, "")
        elif kind == "keys":
            self.prompt.type(str(message.get("data", "")).encode("utf-8", "replace"))
        elif kind == "bytes" and buffers:  # what is no text, such as reports of a mouse
            self.prompt.type(bytes(buffers[0]))

    # ---------------------------------------------------------------------------- in the notebook

    def text(self) -> str:
        """What stands on the screen and above it, without colours."""
        return _ESCAPES.sub("", self._screen.decode("utf-8", "replace").replace("\r\n", "\n"))

    def close(self) -> None:
        """Give the board back; what was said there remains as text."""
        if self._closed:
            return
        self._closed = True
        if self._boards is not None and self._connected in self._boards.on_connect:
            self._boards.on_connect.remove(self._connected)
        self._leave()
        if self._watch is not None:
            self._watch.stop()
        self.prompt.close()
        if self._board.console is self.prompt:
            self._board.console = None
        if self._cell is not None:
            self._cell.update(self._bundle(), self._place)
        if self.widget is not None:
            self.widget.close()

    def __repr__(self) -> str:
        return f"<Console of {self._board.name}: {self.prompt.state}>"

    def _bundle(self) -> dict[str, Any]:
        live = self.widget is not None and not self._closed
        bundle: dict[str, Any] = shown(self.widget) if live else {}
        bundle["text/plain"] = repr(self) if live else self.text()
        bundle["text/html"] = f"<pre>{escape(self.text())}</pre>"
        return bundle

    def _ipython_display_(self) -> None:
        shell = get_ipython()  # type: ignore[no-untyped-call, unused-ignore]
        if self._cell is None and shell is not None:
            self._cell = CellText(shell, "stdout")
        display(self._bundle(), raw=True, display_id=self._place)


def _terminal() -> tuple[bytes, bytes]:
    """The source of xterm.js and its style.

    Raises:
        FeatureUnavailableError: they are not there.
    """
    try:
        return (_HERE / "xterm.mjs").read_bytes(), (_HERE / "xterm.css").read_bytes()
    except OSError as error:
        raise FeatureUnavailableError(
            f"the terminal of the console is not in this installation ({error}). Try: pip install "
            "--force-reinstall belay-jupyter; in a source tree: pip install -e ."
        ) from None
