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

_PATIENCE = 5.0
"""Seconds to wait for the first time that it is on."""

_LIGHTS = re.compile(r"LED|RGB|NEO|PIXEL", re.IGNORECASE)
_NAMES = ("_belay_light", "_belay_pins", "_belay_on", "_belay_name")


def light_names(device: Device) -> list[str]:
    """Names of pins that sound like lights; empty where the board names none."""
    _load(device)
    try:
        names = device("_belay_pins()")
    except BelayException:  # a board without pins
        return []
    finally:
        _forget(device)
    return sorted((n for n in names if _LIGHTS.search(n)), key=lambda n: (n != "LED", n))


def _load(device: Device) -> None:
    device.run_cell(load("blinking"), filename="<blinking>", result=False)


def _forget(device: Device) -> None:
    device(f"for _belay_name in {_NAMES!r}: globals().pop(_belay_name, None)", record=False)


class Light:
    """Blinks inside a ``with`` block, or has an :attr:`error` there; is off after it.

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
        self._begun = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._blink, name="belay blink", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._begun.wait(_PATIENCE)
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
            _load(device)
            device(f"_belay_on = _belay_light({self._pin!r}, {self._pixel})", record=False)
            on = True
            while True:
                device(f"_belay_on({on})")
                self._begun.set()
                on = not on
                if self._over.wait(_HALF_PERIOD):
                    break
            device("_belay_on(False)")
            device("_belay_on(None)")
        except BelayException as failed:
            self.error = failed
        finally:
            try:
                _forget(device)
            except BelayException as failed:
                self.error = self.error or failed
            self._begun.set()
