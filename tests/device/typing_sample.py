# SPDX-License-Identifier: Apache-2.0
"""Checked by mypy, never run: the decorator keeps a function's types."""

# ruff: noqa: N805 - functions of the board take no self

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import belay

if TYPE_CHECKING:
    from typing_extensions import assert_type

    class Led(metaclass=belay.DeviceMeta):
        @belay.Device.task
        def led(state: bool) -> None: ...

    class Sensor(belay.Device, Led, name="sensor"):
        @belay.Device.setup(autoinit=True)
        def prepare() -> None: ...

        @belay.Device.task
        def read(pin: int, *, times: int = 1) -> float:
            return pin * 1.5

        @belay.Device.task(implementation="micropython", return_time=True)
        def stamped() -> int:
            return 1

        @belay.Device.task(prefetch=10)
        def items(n: int) -> Iterator[str]:
            yield "x"

        @belay.Device.task
        async def later(n: int) -> str:
            return "x"

        @belay.Device.thread(record=False)
        def blink(ms: int) -> None: ...

        @belay.Device.teardown(ignore_errors=True)
        def finish() -> None: ...

    def check_class(sensor: Sensor) -> None:
        assert_type(sensor.read(3, times=2), float)
        assert_type(sensor.stamped(), tuple[int, datetime])
        assert_type(sensor.items(3), Iterator[str])
        assert_type(sensor.later(3), str)
        sensor.blink(3)
        sensor.finish()
        sensor.led(True)
        sensor.read("3")  # type: ignore[arg-type]
        sensor.blink()  # type: ignore[call-arg]
        sensor.task.read(3)
        assert_type(list(belay.Device.keys()), list[str])
        assert_type(len(Sensor), int)
        belay.Device.task(autoinit=True)  # type: ignore[call-overload]
        sensor.task(implementation="micropython")  # type: ignore[call-overload]

    def check(device: belay.Device) -> None:
        @device.task
        def area(width: int, height: int = 2, *, unit: str = "mm") -> float:
            return width * height

        @device.task(timeout=2)
        def name() -> str:
            return "belay"

        @device.task(return_time=True)
        def timed(x: int) -> str:
            return str(x)

        @device.task
        async def later(x: int) -> bytes:
            return bytes(x)

        @device.task(timeout=1)
        async def later_too(x: int) -> bytes:
            return bytes(x)

        @device.setup
        def begin(pin: int, level: int = 0) -> None: ...

        @device.setup(ignore_errors=True)
        def begin_too(pin: int) -> None: ...

        @device.thread
        def blink(ms: int) -> int:
            return ms

        @device.teardown(timeout=1.5)
        def off() -> None: ...

        assert_type(area(3, height=4, unit="cm"), float)
        assert_type(timed(3), tuple[str, datetime])
        assert_type(later(3), bytes)
        assert_type(later_too(3), bytes)
        begin(3, level=1)
        begin_too("3")  # type: ignore[arg-type]
        blink(3)
        off()
        device.setup(autoinit=True)  # type: ignore[call-overload]
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
