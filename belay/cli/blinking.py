# SPDX-License-Identifier: Apache-2.0
"""A light of a board that blinks while somebody looks for it."""

from __future__ import annotations

import re
import threading
from types import TracebackType
from typing import TYPE_CHECKING

from belay.errors import BelayException
from belay.session.onboard import load

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11 on

    from belay.device import Device

__all__ = ["Light", "light_names"]

_HALF_PERIOD = 0.5
"""Seconds that it is on, and off."""

_LIGHTS = re.compile(r"LED|RGB|NEO|PIXEL", re.IGNORECASE)
_NAMES = ("_belay_light", "_belay_pins", "_belay_on")


def light_names(device: Device) -> list[str]:
    """Names of pins that sound like lights; empty where the board names none."""
    device.run_cell(load("blinking"), filename="<blinking>", result=False)
    try:
        names = device("_belay_pins()")
    except BelayException:  # a board without pins
        return []
    return sorted((n for n in names if _LIGHTS.search(n)), key=lambda n: (n != "LED", n))


class Light:
    """Blinks inside a ``with`` block; is off after it. Needs :func:`light_names` before.

    Args:
        device: the board.
        pin: number or name.
        pixel: it is a NeoPixel.

    Attributes:
        error: why it does not blink.
    """

    def __init__(self, device: Device, pin: str, *, pixel: bool) -> None:
        self.error: BelayException | None = None
        self._device = device
        self._pin: int | str = int(pin) if pin.isdecimal() else pin
        self._pixel = pixel
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._blink, name="belay blink", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _blink(self) -> None:
        device = self._device
        try:
            device(f"_belay_on = _belay_light({self._pin!r}, {self._pixel})", record=False)
            on = True
            while True:
                device(f"_belay_on({on})")
                on = not on
                if self._over.wait(_HALF_PERIOD):
                    break
            device("_belay_on(False)")
        except BelayException as failed:
            self.error = failed
        finally:
            for name in _NAMES:
                self._forget(name)

    def _forget(self, name: str) -> None:
        try:
            self._device(f"globals().pop({name!r}, None) and None")
        except BelayException as failed:
            self.error = self.error or failed
