# SPDX-License-Identifier: Apache-2.0
"""UARTs of the simulated board: characters that take their time on the wires between pins."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from .control import CommandError, Commands, Json
from .pins import MODE_ALT, MODE_IN, PULL_NONE, PULL_UP, Pin, Port
from .timers import EVENT_UART

if TYPE_CHECKING:
    from .peripherals import Bench

__all__ = ["Uart", "Uarts"]

_TOLERANCE = 0.04  # of the baud rate; beyond it, a receiver samples the wrong bits
_KEPT = 65536
RX_IDLE, TX_IDLE = 0x40, 0x20


class Uart:
    """One UART that a program has opened.

    Attributes:
        tx, rx: numbers of its pins.
        baud: bits per second.
        bits: on the wire for each character, with start, parity and stop bits.
        room: characters that wait to be read at most; more are lost.
        lost: how many were.
        trigger: what the program wants to hear of.
    """

    def __init__(self, tx: int, rx: int, baud: int, bits: float, room: int) -> None:
        self.tx, self.rx, self.baud, self.bits, self.room = tx, rx, baud, bits, room
        self.lost = self.trigger = 0
        self.sent_until = 0
        self._arriving: deque[tuple[int, int]] = deque()  # (nanoseconds, character)
        self._here = bytearray()

    def receive(self, data: bytes, starts: int) -> int:
        """Characters begin to arrive; returns when the last one will have."""
        one = self.nanoseconds
        if self._arriving:
            starts = max(starts, self._arriving[-1][0])
        for index, character in enumerate(data, 1):
            self._arriving.append((starts + round(index * one), character))
        return starts + round(len(data) * one)

    @property
    def nanoseconds(self) -> float:
        """The time of one character on the wire."""
        return 1e9 * self.bits / self.baud

    def waiting(self, now: int) -> int:
        """Characters that can be read."""
        while self._arriving and self._arriving[0][0] <= now:
            character = self._arriving.popleft()[1]
            if len(self._here) < self.room:
                self._here.append(character)
            else:
                self.lost += 1
        return len(self._here)

    def read(self, count: int, now: int) -> bytes:
        """Take so many characters at most; all for a negative count."""
        self.waiting(now)
        count = len(self._here) if count < 0 else count
        data = bytes(self._here[:count])
        del self._here[:count]
        return data


class Uarts:
    """The UARTs of one board, and who else sends and listens on its pins."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._open: dict[int, Uart] = {}
        self._sent: dict[int, bytearray] = {}
        self._listeners: dict[int, list[Callable[[bytes], None]]] = {}

    # ---- the wires

    def transmit(self, pin: Pin, data: bytes, baud: int, but: Port | None = None) -> None:
        """Characters go out on a pin, to whoever is on its wire."""
        now = self._bench.agenda.now_ns()
        net = pin.net
        members = {pin.number} if net is None else {member.number for member in net.pins}
        for number, uart in list(self._open.items()):
            if uart.rx in members:
                until = uart.receive(_as_heard(data, baud, uart.baud), now)
                if uart.trigger & RX_IDLE:
                    self._bench.agenda.plan((until - now) / 1e9, self._tell(number, RX_IDLE))
        for member in members:
            for listener in self._listeners.get(member, ()):
                listener(data)
        for port in [] if net is None else list(net.ports):
            if port is not but:
                port.heard(data, baud)

    def listen(self, pin: int, listener: Callable[[bytes], None]) -> None:
        """Hear what is sent on the wire of a pin, at any rate."""
        self._listeners.setdefault(pin, []).append(listener)

    def _tell(self, number: int, flags: int) -> Callable[[], None]:
        def tell() -> None:
            uart = self._open.get(number)
            if uart is not None and uart.trigger & flags:
                self._bench.agenda.post((EVENT_UART, number, flags))

        return tell

    # ---- the program's side; bytes cross as hex digits

    def open(self, number: int, tx: int, rx: int, baud: int, bits: float, room: int) -> None:
        """Begin to use a UART, or to use it in another way."""
        self._bench.furnished()
        self._open[number] = Uart(tx, rx, baud, bits, room)
        for pin, pull in ((tx, PULL_UP), (rx, PULL_NONE)):
            it = self._bench.pins[pin]
            it.mode, it.pull = MODE_ALT, pull
            it.settle()

    def close(self, number: int) -> None:
        """Give its pins back."""
        uart = self._open.pop(number, None)
        if uart is not None:
            for pin in (uart.tx, uart.rx):
                it = self._bench.pins[pin]
                it.mode, it.pull = MODE_IN, PULL_NONE
                it.settle()

    def write(self, number: int, text: str) -> int:
        """Send; returns how many characters."""
        data, uart = bytes.fromhex(text), self._open[number]
        now = self._bench.agenda.now_ns()
        uart.sent_until = max(uart.sent_until, now) + round(len(data) * uart.nanoseconds)
        kept = self._sent.setdefault(number, bytearray())
        kept += data
        del kept[:-_KEPT]
        self.transmit(self._bench.pins[uart.tx], data, uart.baud)
        if uart.trigger & TX_IDLE:
            self._bench.agenda.plan((uart.sent_until - now) / 1e9, self._tell(number, TX_IDLE))
        return len(data)

    def any(self, number: int) -> int:
        """How many characters can be read."""
        return self._open[number].waiting(self._bench.agenda.now_ns())

    def read(self, number: int, count: int) -> str:
        """Take characters that have arrived."""
        return self._open[number].read(count, self._bench.agenda.now_ns()).hex()

    def busy_ms(self, number: int) -> float:
        """Milliseconds until all has been sent."""
        return max(0, self._open[number].sent_until - self._bench.agenda.now_ns()) / 1e6

    def irq(self, number: int, trigger: int) -> None:
        """What the program wants to hear of."""
        self._open[number].trigger = trigger

    def release(self) -> None:
        """The board was reset."""
        for number in list(self._open):
            self.close(number)

    # ---- the outside

    def commands(self) -> Commands:
        """What the outside can do."""
        return {"uart.read": self._outside_read, "uart.write": self._outside_write}

    def _outside_read(self, uart: int) -> Json:
        data = bytes(self._sent.pop(uart, b""))
        return data.hex()

    def _outside_write(self, uart: int, data: str) -> int:
        it = self._open.get(uart)
        if it is None:
            raise CommandError(f"no program has opened UART({uart})")
        arrived = bytes.fromhex(data)
        until = it.receive(arrived, now := self._bench.agenda.now_ns())
        if it.trigger & RX_IDLE:
            self._bench.agenda.plan((until - now) / 1e9, self._tell(uart, RX_IDLE))
        return len(arrived)


def _as_heard(data: bytes, sent: int, expected: int) -> bytes:
    """What a receiver makes of characters that come at another rate."""
    if abs(sent - expected) <= _TOLERANCE * expected:
        return data
    return bytes((byte * 167 + 0x5B) & 0xFF | 0x80 for byte in data)
