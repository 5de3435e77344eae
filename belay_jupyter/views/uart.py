# SPDX-License-Identifier: Apache-2.0
"""UART: a small terminal."""

from __future__ import annotations

from bisect import insort
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from belay_jupyter import polling
from belay_jupyter.views.base import View, on_enter
from belay_jupyter.views.spi import bytes_of

if TYPE_CHECKING:
    from belay.proxies import ProxyObject

__all__ = ["UARTView", "readable"]

_MOST = 2048
"""Bytes that one look takes."""

_SEEN = 4000
"""Of the characters received, those that are shown."""

_ENDS = {"\\r\\n": b"\r\n", "\\n": b"\n", "\\r": b"\r", "nothing": b"", "hex": b""}


class UARTView(View):
    """What has arrived, and a line to send.

    Reading takes bytes away from the program on the board, so it is asked for: with *Read*, or with
    ``every=``, which reads again and again. All that was ever read is in :attr:`received`.

    Args:
        proxy: the UART.
        every: seconds between two reads; None reads with the button.
    """

    def __init__(self, proxy: ProxyObject, every: float | None = None) -> None:
        self._pieces: list[tuple[int, bytes]] = []
        self._listens = every is not None
        super().__init__(proxy, every)

    @property
    def received(self) -> bytes:
        """All bytes that were read, in order."""
        return b"".join(data for _, data in self._pieces)

    def build(self) -> list[Any]:
        """A screen, a line, and how it ends."""
        self._screen = widgets.HTML()
        self._line = widgets.Text(placeholder="a line to send", layout={"width": "260px"})
        on_enter(self._line, self._send)
        self._end_of_line = widgets.Dropdown(
            options=list(_ENDS), description="and", layout={"width": "130px"},
            style={"description_width": "30px"},
        )  # fmt: skip
        send = widgets.Button(description="Send", layout={"width": "auto"})
        send.on_click(lambda _: self._send())
        read = widgets.Button(description="Read", layout={"width": "auto"})
        read.on_click(lambda _: self._read())
        self._waiting = widgets.Label()
        bar = [self._line, self._end_of_line, send, read, self._waiting]
        return [self._screen, widgets.HBox(bar, layout={"flex_flow": "row wrap"})]

    def question(self) -> polling.Question:
        """How much waits; and it, if it is to be read."""
        return self.on_board("buses", "look_uart", _MOST if self._listens else 0)

    def _take(self, answer: polling.Answer) -> None:
        if isinstance(answer.value, tuple):
            number, data, _ = answer.value
            with self._showing:  # two threads may look; the board has numbered what it gave
                insort(self._pieces, (number, data)) if data else None
        super()._take(answer)

    def shown(self, value: Any) -> None:
        """What was received, and how much waits."""
        _, _, waiting = value
        self._screen.value = self._text()
        more = "" if self._listens else " on the board"
        self._waiting.value = f"{waiting} bytes wait{more}" if waiting else ""

    def static(self) -> str:
        """What was received."""
        return self._text()

    def _text(self) -> str:
        data = self.received
        text = escape(readable(data[-_SEEN:]))
        cut = f"({len(data) - _SEEN} bytes before; all are in view.received)\n"
        return (
            '<pre style="min-height: 3em; max-height: 20em; overflow: auto; padding: 4px 8px; '
            "margin: 0; border: 1px solid var(--jp-border-color1, #bdbdbd); "
            'background: var(--jp-layout-color1, #fff); color: var(--jp-content-font-color1, #000)"'
            f">{cut if len(data) > _SEEN else ''}{text}</pre>"
        )

    def _read(self) -> None:
        wanted = self.on_board("buses", "look_uart", _MOST)
        answers = polling.ask(self.proxy._belay_device, [wanted])
        if answers is None:
            self.tell("busy: the board runs something else; nothing was read")
        else:
            self._take(answers[0])

    def _send(self) -> None:
        text, end = self._line.value, self._end_of_line.value
        try:
            data = bytes_of(text) if end == "hex" else text.encode() + _ENDS[end]
        except ValueError as error:
            self.tell(str(error))
            return
        if data and self.act("write", data):
            self._line.value = ""


def readable(data: bytes) -> str:
    """Text as it is; what is none as ``\\x00``."""
    text = data.decode("utf-8", errors="backslashreplace").replace("\r\n", "\n")
    return "".join(
        one if one.isprintable() or one in "\n\t" else f"\\x{ord(one):02x}" for one in text
    )
