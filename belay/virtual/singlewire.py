# SPDX-License-Identifier: Apache-2.0
"""What hangs on one pin and has a timing of its own: rows of lights, sensors of the DHT family."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .control import Commands, Json

if TYPE_CHECKING:
    from .peripherals import Bench

__all__ = ["Lines"]

_MOST = 4096  # bytes of a row of lights that are kept


class Lines:
    """The single-wire parts of one board.

    Attributes:
        sensors: functions that give the 5 bytes of a measurement, by pin.
        bytes_sent: what was last sent to a row of lights, by pin.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.sensors: dict[int, Callable[[], bytes]] = {}
        self.bytes_sent: dict[int, bytes] = {}

    def measure(self, pin: int) -> str | None:
        """What a DHT sensor answers, in hex digits; None where there is none."""
        self._bench.furnished()
        sensor = self.sensors.get(pin)
        return None if sensor is None else sensor().hex()

    def bits(self, pin: int, data: bytes) -> None:
        """Bits for a row of lights: those behind the last light are lost, those before it show."""
        before = self.bytes_sent.get(pin, b"")
        self.bytes_sent[pin] = (data + before[len(data) :])[:_MOST]

    def colours(self, pin: int, bytes_per_light: int = 3) -> list[tuple[int, ...]]:
        """Red, green, blue (and white) of the lights on a pin, from their order on the wire."""
        data = self.bytes_sent.get(pin, b"")
        size = bytes_per_light
        lights = (data[at : at + size] for at in range(0, len(data) - size + 1, size))
        return [(light[1], light[0], *light[2:]) for light in lights]

    def commands(self) -> Commands:
        """What the outside can do."""
        return {"lights.read": self._read}

    def _read(self, pin: int, size: int = 3) -> Json:
        return self.colours(self._bench.pin(pin).number, size)
