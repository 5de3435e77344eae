# SPDX-License-Identifier: Apache-2.0
"""Checked by mypy, never run: the decorator keeps a function's types."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import belay

if TYPE_CHECKING:
    from typing_extensions import assert_type

    class Sensor(belay.Device):
        pass

    def check(device: belay.Device) -> None:
        @device.task
        def area(width: int, height: int = 2, *, unit: str = "mm") -> float:
            return width * height

        @device.task(timeout=2)
        def name() -> str:
            return "belay"

        assert_type(area(3, height=4, unit="cm"), float)
        assert_type(name(), str)
        area("3")  # type: ignore[arg-type]
        area(3, hight=4)  # type: ignore[call-arg]
        name(1)  # type: ignore[call-arg]
        device("1 + 1", stream_out=None, timeout=3)
        device("1 + 1", stream_out=5)  # type: ignore[arg-type]
        with belay.Device(Path("/dev/ttyACM0"), 9600, reset=False) as other:
            assert_type(other, belay.Device)
            assert_type(other.implementation.version, tuple[int, ...])
        with Sensor("virtual:") as sensor:
            assert_type(sensor, Sensor)
