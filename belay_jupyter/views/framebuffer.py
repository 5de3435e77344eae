# SPDX-License-Identifier: Apache-2.0
"""What a display shows: framebuffers, and the drivers that are derived from them."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from belay_jupyter import polling
from belay_jupyter.views.base import View
from belay_jupyter.views.pixels import BITS, FORMATS, picture, size_of

if TYPE_CHECKING:
    from belay.proxies import ProxyObject

__all__ = ["FrameBufferView"]

_WIDE = 480
"""Pixels of a page that a picture takes at most, unless it has more itself."""

_KEEP_LOW = ("ssd1306", "sh1106", "sh1107", "ssd1309", "pcd8544", "uc1701")
"""Displays of one bit whose drivers keep 8 pixels below each other in a byte."""


class FrameBufferView(View):
    """A picture, with pixels that stay sharp.

    Args:
        proxy: a ``framebuf.FrameBuffer``, or an object of a class derived from it.
        every: seconds between two looks.
        width: in pixels; None asks the object's attribute.
        height: the same.
        format: how it keeps its pixels, by the name or number that ``framebuf`` has for it, or
            ``RGB565_SWAPPED``; None finds it out from the number of bytes, where that says it.
        buffer: a proxy of the bytes; None takes the object's ``buffer`` or ``buf``, or itself.

    Attributes:
        png: the picture, as it was last.
    """

    def __init__(
        self,
        proxy: ProxyObject,
        every: float | None = None,
        *,
        width: int | None = None,
        height: int | None = None,
        format: str | int | None = None,
        buffer: ProxyObject | None = None,
    ) -> None:
        if isinstance(format, int) and 0 <= format < len(FORMATS):
            format = FORMATS[format]
        if format is not None and format not in BITS:
            raise ValueError(f"format={format!r}: it is one of {', '.join(BITS)}")
        for name, size in (("width", width), ("height", height)):
            if size is not None and size < 1:
                raise ValueError(f"{name}={size!r}: it must be a number of pixels, such as 64")
        self._given = width, height, format
        self._buffer = buffer
        self.png = b""
        super().__init__(proxy, every)

    def build(self) -> list[Any]:
        """The picture."""
        self._picture = widgets.HTML()
        return [self._picture]

    def question(self) -> polling.Question:
        """Its bytes, and what it says of its size."""
        return self.on_board("panels", "look_picture", self._buffer)

    def shown(self, value: Any) -> None:
        """The picture; or what has to be passed so that there is one."""
        data, width, height, kinds = value
        width, height = self._given[0] or width, self._given[1] or height
        data = bytes(data)
        try:
            name = self._given[2] or found_format(len(data), width, height, kinds)
            self.png = picture(data, width, height, name)
        except ValueError as error:
            self._picture.value = ""
            self.tell(str(error))
            return
        alt = f"{width} x {height} pixels of {name}"
        image = base64.b64encode(self.png).decode()
        times = max(1, min(8, _WIDE // width))
        self._picture.value = (
            f'<img alt="{escape(alt)}" title="{escape(alt)}" width="{width * times}" '
            f'height="{height * times}" style="image-rendering: pixelated; max-width: none; '
            'border: 1px solid var(--jp-border-color1, #bdbdbd)" '
            f'src="data:image/png;base64,{image}">'
        )

    def static(self) -> str:
        """The picture."""
        return f"<div>{self._picture.value or self._message.value}</div>"


def found_format(length: int, width: int, height: int, kinds: list[str]) -> str:
    """The format in which so many bytes are so many pixels.

    Args:
        length: of the buffer.
        width: of the picture; 0 is not known.
        height: the same.
        kinds: the names of the object's type and of those that it is derived from.

    Raises:
        ValueError: it cannot be told; the message says what to pass.
    """
    if not width or not height:
        raise ValueError(
            f"a {kinds[0]} does not say how large it is ({length} bytes). Pass what it was made "
            "with: belay_jupyter.view(proxy, width=128, height=64, format='MONO_VLSB')"
        )
    fitting = [name for name in FORMATS if size_of(width, height, name) == length]
    if any(part in kind.lower() for kind in kinds for part in _KEEP_LOW):
        fitting = [name for name in fitting if name == "MONO_VLSB"] or fitting
    if len(fitting) != 1:
        could = f"could be {' or '.join(fitting)}" if fitting else "are none of the known formats"
        raise ValueError(
            f"{length} bytes for {width} x {height} pixels {could}; pass it: "
            f"belay_jupyter.view(proxy, format={fitting[0] if fitting else 'MONO_VLSB'!r})"
        )
    return fitting[0]
