# SPDX-License-Identifier: Apache-2.0
"""The outside of a running virtual board, for programs of the host: ``device.board``.

Everything here goes through the board's control pipe, beside its REPL: it works from any thread,
while a program runs on the board, and while nothing does.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from . import published
from .faulty import Faulty
from .pipe import BoardGoneError, Pipe

__all__ = ["AdcChannel", "Board", "BoardPin", "Edge", "Level"]

Level = float | str | Callable[[float], float]
"""A number; an expression of ``t``, the seconds since power-on; or a function of them."""

_RISING, _FALLING = 1, 0
_local: dict[str, Pipe] = {}


class Edge(tuple[float, int, int]):
    """A change of a pin's level: ``(time, pin, level)``, the time in seconds since power-on."""

    __slots__ = ()

    @property
    def time(self) -> float:
        """Seconds since power-on of the board."""
        return self[0]

    @property
    def pin(self) -> int:
        """Number of the pin."""
        return self[1]

    @property
    def level(self) -> int:
        """0 or 1, from now on."""
        return self[2]


class BoardPin:
    """One pin, as it is seen from outside.

    Attributes:
        number: as programs count.
    """

    def __init__(self, board: Board, number: int) -> None:
        self._board, self.number = board, number

    def read(self) -> int:
        """The level at the pin, 0 or 1."""
        level: int = self._board.command("pin.read", pin=self.number)["level"]
        return level

    def drive(self, level: int | bool | None) -> None:
        """Connect the pin to a level, as a button or a wire does; None is :meth:`release`.

        A pin that the program drives keeps the program's level.
        """
        self._board.command(
            "pin.drive", pin=self.number, level=None if level is None else int(level)
        )

    def release(self) -> None:
        """Let go of the pin."""
        self.drive(None)

    @property
    def state(self) -> dict[str, Any]:
        """``level``, ``mode``, ``pull``, ``output``, ``world`` and, with PWM on it, ``pwm``."""
        state: dict[str, Any] = self._board.command("pin.read", pin=self.number)
        return state

    def on_edge(self, callback: Callable[[Edge], None]) -> Callable[[], None]:
        """Call a function at every edge of this pin, on a thread of the pipe.

        Returns:
            A function that ends it.
        """

        def filtered(edge: Edge) -> None:
            if edge.pin == self.number:
                callback(edge)

        return self._board.on_edge(filtered)

    def __repr__(self) -> str:
        return f"<pin {self.number} of {self._board.address}>"


class AdcChannel:
    """One input of the analogue converter."""

    def __init__(self, board: Board, number: int) -> None:
        self._board, self.number = board, number

    @property
    def volts(self) -> float:
        """What is applied now; set it to a number, an expression of ``t``, or a function of it."""
        volts: float = self._board.command("adc.read", channel=self.number)
        return volts

    @volts.setter
    def volts(self, level: Level) -> None:
        self._board.command(
            "adc.set", channel=self.number, volts=self._board.lend(f"adc.{self.number}", level)
        )

    def __repr__(self) -> str:
        return f"<ADC channel {self.number} of {self._board.address}>"


class Board(Faulty):
    """The outside of a virtual board that runs.

    Args:
        address: ``virtual:NAME`` of a board that this process uses, or what ``belay virtual`` has
            printed: the name of a serial port, ``socket://127.0.0.1:PORT``, ``ws://127.0.0.1:PORT``.
            The board of a Device is ``device.board``.

    Attributes:
        address: how tools connect to it.
        pins: its pins, by number.
        adc: its analogue inputs; channel 4 is the temperature sensor of the chip.

    Raises:
        BoardGoneError: no virtual board has this address.
    """

    def __init__(self, address: str) -> None:
        self._adopt(address, _pipe_to(address))

    @classmethod
    def on(cls, address: str, pipe: Pipe) -> Board:
        """The outside of the board at the other end of a pipe."""
        board = cls.__new__(cls)
        board._adopt(address, pipe)
        return board

    def _adopt(self, address: str, pipe: Pipe) -> None:
        self.address, self._pipe = address, pipe
        self.pins: Sequence[BoardPin] = [BoardPin(self, number) for number in range(30)]
        self.adc: Sequence[AdcChannel] = [AdcChannel(self, number) for number in range(5)]

    def command(self, do: str, /, timeout: float | None = 10.0, **arguments: Any) -> Any:
        """Give a command of the control pipe; ``command("commands")`` lists them.

        Raises:
            CommandFailedError: the board says why it cannot.
            BoardGoneError: the board has ended.
            TimeoutError: it does not answer in time.
        """
        return self._pipe.call(do, timeout, **arguments)

    def close(self) -> None:
        """Close the pipe; the board goes on."""
        self._pipe.close()

    def lend(self, name: str, level: Level) -> Any:
        """How the board is told a level: a function stays here, and the board asks for it."""
        if isinstance(level, str):
            return level
        if callable(level):
            self._pipe.lend(name, level)
            return {"ask": name}
        return float(level)

    def on_edge(self, callback: Callable[[Edge], None]) -> Callable[[], None]:
        """Call a function at every edge of every pin; returns what ends it."""
        return self._pipe.on("edge", lambda e: callback(Edge((e[0] / 1e9, e[1], e[2]))))

    def edges(self) -> Iterator[Edge]:
        """The edges of all pins that the board remembers (the latest 100 000), oldest first."""
        for nanoseconds, pin, level in self.command("log.read")["edges"]:
            yield Edge((nanoseconds / 1e9, pin, level))

    def __repr__(self) -> str:
        return f"<outside of the virtual board {self.address}>"


def register(address: str, board: Board) -> None:
    """A shared board of this process can be found under its address."""
    _local[address] = board._pipe


def _pipe_to(address: str) -> Pipe:
    if address.startswith("virtual:"):
        pipe = _local.get(address.partition("?")[0])
        if pipe is not None:
            return pipe
        raise BoardGoneError(
            f"No board {address!r} runs in this process. Connect to it first, "
            f"Device({address!r}); the board of a Device is device.board."
        )
    record = published.find(address)
    if record is None:
        raise BoardGoneError(
            f"No virtual board serves {address!r}. 'belay virtual' prints the address of the one "
            "that it starts."
        )
    return Pipe(record.connect, f"The virtual board {address}")


def of_socket(address: str, connection: socket.socket) -> Board:
    """The board at the other end of a connected socket."""
    return Board.on(address, Pipe(lambda: connection, f"The virtual board {address}"))
