# SPDX-License-Identifier: Apache-2.0
"""SPI: bytes there, bytes back."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from belay_jupyter import polling
from belay_jupyter.views.base import View, on_enter, table

if TYPE_CHECKING:
    from belay.proxies import ProxyObject

__all__ = ["SPIView", "as_hex", "bytes_of"]

_REMEMBERED = 8


class SPIView(View):
    """Bytes to send, in hex, and what came back while they went.

    Args:
        proxy: the bus.
        every: seconds between two looks; there is nothing to see without sending.
        select: a proxy of the pin that selects the device: low while bytes go. Without, it is as
            your program has left it.
    """

    def __init__(
        self, proxy: ProxyObject, every: float | None = None, *, select: ProxyObject | None = None
    ) -> None:
        self._select = select
        self.transfers: list[tuple[bytes, bytes]] = []
        super().__init__(proxy, every)

    def build(self) -> list[Any]:
        """A field, a button, and what went."""
        self._field = widgets.Text(
            description="send", placeholder="9f 00 00 00", style={"description_width": "40px"}
        )
        on_enter(self._field, self._send)
        button = widgets.Button(description="Transfer", icon="exchange", layout={"width": "auto"})
        button.on_click(lambda _: self._send())
        self._went = widgets.HTML()
        chip = "" if self._select is None else f"select: {self._select!r}"
        return [widgets.HBox([self._field, button, widgets.Label(chip)]), self._went]

    def question(self) -> polling.Question:
        """Whether it is there: looking at the bus would send something."""
        return polling.Question(polling.KIN, self.proxy)

    def static(self) -> str:
        """What went, the latest above."""
        rows = [(as_hex(there), as_hex(back)) for there, back in reversed(self.transfers)]
        return table(rows, ("sent", "received")) if rows else "nothing was sent yet"

    def _send(self) -> None:
        try:
            data = bytes_of(self._field.value)
        except ValueError as error:
            self.tell(str(error))
            return
        answer = self._ask(self.on_board("buses", "transfer_spi", data, self._select))
        if answer is not None:
            self.transfers = [*self.transfers, (data, answer.value)][-_REMEMBERED:]
            self._went.value = self.static()


def bytes_of(text: str) -> bytes:
    """Bytes written in hex, such as ``9f 00``, ``0x9f,0x00`` or ``9f00``.

    Raises:
        ValueError: they are not; the message says how.
    """
    parts = text.replace(",", " ").split()
    try:
        data = bytes.fromhex(" ".join(part.removeprefix("0x").removeprefix("0X") for part in parts))
    except ValueError:
        data = b""
    if not data:
        raise ValueError(f"{text!r} are no bytes; two hex digits each, such as: 9f 00 00")
    return data


def as_hex(data: bytes) -> str:
    """Bytes for people."""
    return f"<code>{escape(data.hex(' '))}</code>"
