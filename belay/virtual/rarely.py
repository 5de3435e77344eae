# SPDX-License-Identifier: Apache-2.0
"""Functions of the module ``_board`` that most programs never call: loaded when one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .control import Commands
    from .peripherals import Bench
    from .proxies import HostModule

__all__ = ["commands", "functions"]


def functions(bench: Bench) -> HostModule:
    """What UARTs, SPI, 1-Wire, the radio and rows of lights need of the host."""

    def of(get: Callable[[], Any], name: str) -> Callable[..., Any]:
        return lambda *values: getattr(get(), name)(*values)

    def wlan(name: str) -> Callable[..., Any]:
        return lambda *values: bench.air.module()[name](*values)

    def wire(name: str) -> Callable[..., Any]:
        return lambda pin, *values: getattr(bench.onewire.at(pin), name)(*values)

    uarts = ["open", "close", "write", "any", "read", "busy_ms", "irq"]
    radio = ["active", "scan", "connect", "disconnect", "status", "rssi"]
    return {
        **{f"uart_{name}": of(lambda: bench.uarts, name) for name in uarts},
        **{f"wlan_{name}": wlan(f"wlan_{name}") for name in radio},
        **{f"ow_{n}": wire(n) for n in ("reset", "write", "read", "write_bit", "read_bit")},
        "spi_exchange": lambda *values: bench.spi.exchange(*values),
        "dht_read": lambda pin: bench.lines.measure(pin),
        "bitstream": lambda pin, text: bench.lines.bits(pin, bytes.fromhex(text)),
    }


def commands(bench: Bench) -> Commands:
    """What the outside can do with these."""

    def later(room: str, name: str) -> Callable[..., Any]:
        return lambda **values: getattr(bench, room).commands()[name](**values)

    table = {
        "uarts": ("uart.read", "uart.write"),
        "air": ("wifi.list", "wifi.set", "wifi.remove"),
        "peers": ("wire.open", "wire.join"),
        "lines": ("lights.read",),
        "parts": (
            *("part.list", "part.get", "part.set", "part.do", "part.picture", "part.add"),
            *("scene.add", "bench.look"),
        ),
    }
    return {name: later(room, name) for room, names in table.items() for name in names}
