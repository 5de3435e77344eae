# SPDX-License-Identifier: Apache-2.0
"""I2C buses of the simulated board, and what a part has to be able to do to hang on one.

A bus knows conditions and bytes, no levels and no time: a byte is there at once, nobody stretches
the clock and nobody else talks. The board's side of it is ``modules/_i2c.py``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from .proxies import HostModule, Value

__all__ = ["Bus", "Buses", "Device"]

_FIRST, _BEYOND = 0x08, 0x78  # what a scan asks; the other addresses are reserved
_NO_ACK = -1


class Device(ABC):
    """A part on an I2C bus.

    Attributes:
        address: 7 bits, as programs write it.
    """

    address: int

    def start(self, reading: bool) -> bool:
        """Its address was sent, for reading or for writing, after a start or a repeated start.

        Returns:
            Whether it acknowledges. A part that is busy may not.
        """
        return True

    @abstractmethod
    def write(self, data: bytes) -> int:
        """Take bytes from the controller; a transfer may come in several calls.

        Returns:
            How many it acknowledged. The controller sends no more after the first that it did not.
        """

    @abstractmethod
    def read(self, count: int) -> bytes:
        """Give exactly so many bytes; a transfer may come in several calls."""

    def stop(self) -> None:  # noqa: B027  (most parts need not know)
        """The transfer, which may have been several with repeated starts, is over."""


class Bus:
    """One pair of wires with pull-ups, and what hangs on it.

    Attributes:
        devices: by address.
    """

    def __init__(self) -> None:
        self.devices: dict[int, Device] = {}
        self._addressed: list[Device] = []  # since the last stop; the last of them is spoken to
        self._listening: Device | None = None
        self._reading = False
        self._expects_address = False

    def attach(self, device: Device) -> None:
        """Hang a part on the bus.

        Raises:
            ValueError: another part has this address.
        """
        if self.devices.setdefault(device.address, device) is not device:
            raise ValueError(f"there is a device at 0x{device.address:02x} already")

    # ---- conditions and bytes, as SoftI2C has them

    def start(self) -> None:
        """A start condition: what follows is an address."""
        self._expects_address = True
        self._listening = None

    def stop(self) -> None:
        """A stop condition: nobody is spoken to any more."""
        self._expects_address = False
        self._listening = None
        for device in self._addressed:
            device.stop()
        self._addressed.clear()

    def write(self, data: bytes) -> int:
        """Put bytes on the wires, an address first after a start; returns how many were ACKed."""
        acknowledged = 0
        if data and self._expects_address:
            self._expects_address = False
            if not self._address(data[0] >> 1, bool(data[0] & 1)):
                return 0
            acknowledged, data = 1, data[1:]
        if data and self._listening is not None and not self._reading:
            acknowledged += self._listening.write(data)
        return acknowledged

    def read(self, count: int) -> bytes:
        """Take bytes from the wires; ones, where nobody pulls them down."""
        if self._listening is None or not self._reading:
            return b"\xff" * count
        return self._listening.read(count)

    def _address(self, address: int, reading: bool) -> bool:
        device = self.devices.get(address)
        if device is None or not device.start(reading):
            return False
        if device not in self._addressed:
            self._addressed.append(device)
        self._listening, self._reading = device, reading
        return True

    # ---- whole transfers

    def transfer(self, address: int, data: bytes | None, count: int, stop: bool) -> int | bytes:
        """Write, or read, or write and then read after a repeated start.

        Args:
            address: 7 bits.
            data: what to write; None for no write at all.
            count: bytes to read; negative for no read at all.
            stop: end with a stop condition. Without an ACK of the address there always is one.

        Returns:
            The bytes that were read; or, where none were, how many of ``data`` were acknowledged;
            or -1 when the address was not.
        """
        answer: int | bytes = 0
        for reading in (False, True):
            if (count < 0) if reading else (data is None):
                continue
            self.start()
            if not self.write(bytes([address << 1 | reading])):
                self.stop()
                return _NO_ACK
            if reading:
                answer = self.read(count)
            else:
                assert data is not None
                answer = self.write(data)
                if answer < len(data):
                    break
        if stop:
            self.stop()
        return answer

    def scan(self) -> bytes:
        """The addresses that are acknowledged, of those that are not reserved."""
        return bytes(
            address
            for address in range(_FIRST, _BEYOND)
            if self.transfer(address, b"", -1, True) == 0
        )


class Buses:
    """All pairs of pins of a board that programs talk I2C on.

    Args:
        furnish: called whenever a bus is asked for: the first time, it hangs the parts there.
            Most boards never talk I2C and start without.
    """

    def __init__(self, furnish: Callable[[], None] = lambda: None) -> None:
        self._buses: dict[tuple[int, int], Bus] = {}
        self._furnish = furnish

    def at(self, scl: int, sda: int) -> Bus:
        """The bus on this pair of pins; where nothing was attached, an empty one."""
        self._furnish()
        return self._buses.setdefault((scl, sda), Bus())

    def release(self) -> None:
        """The board was reset: what it was sending is over. The parts keep their state."""
        for bus in self._buses.values():
            bus.stop()

    # ---- the program's side, as functions of the module _board; bytes cross as hex digits

    def module(self) -> HostModule:
        """What ``machine.I2C`` and ``machine.SoftI2C`` need of the host."""
        return {
            "i2c_transfer": self._transfer,
            "i2c_scan": lambda scl, sda: self.at(scl, sda).scan().hex(),
            "i2c_start": lambda scl, sda: self.at(scl, sda).start(),
            "i2c_stop": lambda scl, sda: self.at(scl, sda).stop(),
            "i2c_write": lambda scl, sda, text: self.at(scl, sda).write(bytes.fromhex(text)),
            "i2c_read": lambda scl, sda, count: self.at(scl, sda).read(count).hex(),
        }

    def _transfer(
        self, scl: int, sda: int, address: int, text: str | None, count: int, stop: bool
    ) -> Value:
        data = None if text is None else bytes.fromhex(text)
        answer = self.at(scl, sda).transfer(address, data, count, stop)
        return answer if isinstance(answer, int) else answer.hex()
