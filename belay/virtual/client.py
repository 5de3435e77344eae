# SPDX-License-Identifier: Apache-2.0
"""The outside of a running virtual board, for programs of the host: ``device.board``.

Everything here goes through the board's control pipe, beside its REPL: it works from any thread,
while a program runs on the board, and while nothing does.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from . import published
from .faulty import Faulty
from .pipe import BoardGoneError, Pipe
from .recording import Edge, Recording

__all__ = ["AdcChannel", "Board", "BoardPart", "BoardPin", "BoardUart", "Level", "Wifi"]

Level = float | str | Callable[[float], float]
"""A number; an expression of ``t``, the seconds since power-on; or a function of them."""

T = TypeVar("T")

_local: dict[str, Pipe] = {}


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

    def wire_to(self, other: BoardPin) -> None:
        """Lay a wire to a pin of this or of another virtual board: levels and UARTs go along it.

        Where two outputs fight, 0 wins. Between boards a change takes about a millisecond, and the
        wire is there until one of them ends.
        """
        mine, theirs = self._board, other._board
        if mine.same_as(theirs):
            mine.command("pin.wire", pin=self.number, to=other.number)
            return
        end = mine.command("wire.open", pin=self.number)
        theirs.command("wire.join", pin=other.number, port=end["port"], key=end["key"])

    def cut(self) -> None:
        """Take all wires off this pin."""
        self._board.command("pin.cut", pin=self.number)

    @property
    def lights(self) -> list[tuple[int, ...]]:
        """Red, green and blue of the NeoPixels on this pin, as they were last told."""
        told = self._board.command("lights.read", pin=self.number)
        return [tuple(light) for light in told]

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


class _Numbered(tuple[T, ...]):
    """Pins or channels by number, of which there are so many."""

    _what: str

    def __new__(cls, items: Iterable[T], what: str) -> _Numbered[T]:
        made = super().__new__(cls, items)
        made._what = what
        return made

    def __getitem__(self, number: Any) -> Any:
        if isinstance(number, int) and not 0 <= number < len(self):
            raise IndexError(f"the board has no {self._what} {number}: 0 to {len(self) - 1}")
        return super().__getitem__(number)


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


class BoardUart:
    """The other end of a UART: what it sends, and what it is sent."""

    def __init__(self, board: Board, number: int) -> None:
        self._board, self.number = board, number

    def read(self) -> bytes:
        """What the program has sent since the last time (the latest 64 kB of it)."""
        return bytes.fromhex(self._board.command("uart.read", uart=self.number))

    def write(self, data: bytes) -> None:
        """Send to the program, at the rate that it has set.

        Raises:
            CommandFailedError: no program has opened this UART.
        """
        self._board.command("uart.write", uart=self.number, data=bytes(data).hex())


class Wifi:
    """The networks in the air around a board."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def networks(self) -> list[dict[str, Any]]:
        """What there is: ``ssid``, ``password``, ``channel``, ``rssi``, ``up``, ``joined``."""
        told: list[dict[str, Any]] = self._board.command("wifi.list")
        return told

    def set(self, ssid: str, **changes: Any) -> None:
        """Put a network on the air, or change one: ``password``, ``channel``, ``rssi``, ``up``."""
        self._board.command("wifi.set", ssid=ssid, **changes)

    def down(self, ssid: str) -> None:
        """Switch a network off: who had joined it has lost it."""
        self.set(ssid, up=False)

    def up(self, ssid: str) -> None:
        """Switch it on again."""
        self.set(ssid, up=True)


class BoardPart:
    """A part on the bench. What it measures can be set: ``part.temperature = 30``.

    Attributes:
        name: what the bench calls it.
        kind: what it is, such as ``bme280``.
        pins: numbers of the pins it hangs on.
        quantities: what can be set, with ``low``, ``high`` and ``unit``.
        actions: what can be done with :meth:`do`.
    """

    def __init__(self, board: Board, facts: dict[str, Any]) -> None:
        self.__dict__.update(
            _board=board,
            name=facts["name"],
            kind=facts["kind"],
            pins=tuple(facts["pins"]),
            quantities=facts["quantities"],
            actions=facts["actions"],
            has_picture=facts["picture"],
        )

    @property
    def state(self) -> dict[str, Any]:
        """All that it measures now, and all that it shows."""
        state: dict[str, Any] = self._board.command("part.get", part=self.name)
        return state

    def set(self, **values: Level) -> None:
        """Set what it measures: numbers, expressions of ``t``, or functions of it."""
        told = {key: self._board.lend(f"{self.name}.{key}", v) for key, v in values.items()}
        self._board.command("part.set", part=self.name, values=told)

    def do(self, action: str, **values: Any) -> Any:
        """Do something with it: ``button.do("press", seconds=0.1)``."""
        return self._board.command("part.do", part=self.name, action=action, values=values)

    def png(self) -> bytes:
        """What it looks like, as a PNG file.

        Raises:
            CommandFailedError: there is nothing to look at.
        """
        return bytes.fromhex(self._board.command("part.picture", part=self.name))

    def _repr_png_(self) -> bytes | None:
        return self.png() if self.has_picture else None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        state = self.state
        if name not in state:
            raise AttributeError(f"{self.name} is a {self.kind}; it has {', '.join(state)}")
        return state[name]

    def __setattr__(self, name: str, value: Level) -> None:
        self.set(**{name: value})

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name!r} on {self._board.address}>"


class _Parts(Mapping[str, BoardPart]):
    """The parts on the bench, by name; asked for anew each time."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def _all(self) -> dict[str, BoardPart]:
        told = self._board.command("part.list")
        return {facts["name"]: BoardPart(self._board, facts) for facts in told}

    def __getitem__(self, name: str) -> BoardPart:
        parts = self._all()
        if name not in parts:
            raise KeyError(f"no part {name!r} is on the bench; there are {', '.join(parts)}")
        return parts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return repr(list(self._all().values()))


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
        uart: the other ends of its UARTs.
        parts: what hangs on it, by name.
        wifi: the networks around it.

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
        self.pins: Sequence[BoardPin] = _Numbered(
            [BoardPin(self, number) for number in range(30)], "pin"
        )
        self.adc: Sequence[AdcChannel] = _Numbered(
            [AdcChannel(self, number) for number in range(5)], "analogue channel"
        )
        self.uart: Sequence[BoardUart] = [BoardUart(self, number) for number in range(2)]
        self.parts: Mapping[str, BoardPart] = _Parts(self)
        self.wifi = Wifi(self)

    def same_as(self, other: Board) -> bool:
        """Whether both are the outside of one board."""
        return self._pipe.end is other._pipe.end

    def unrecorded(self) -> Board:
        """The same outside, for looks that are no part of a program, if that is being recorded.

        Raises:
            BoardGoneError: it is a recording, which has no such looks.
        """
        return Board.on(self.address, self._pipe.unrecorded())

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
        return self._pipe.on("edge", lambda e: callback(Edge(e[0] / 1e9, e[1], e[2])))

    def record(self) -> Recording:
        """What has happened at the pins so far: the latest 100 000 edges, and the pulses."""
        return Recording(self.command("log.read"))

    def forget(self) -> None:
        """Begin the record anew."""
        self.command("log.clear")

    @property
    def now(self) -> float:
        """Seconds since power-on of the board, in which its edges are told."""
        now: float = self.command("now")
        return now

    def svg(self) -> str:
        """The board and what hangs on it as they are now, as a picture: SVG."""
        from .picture import draw

        told = self.command("bench.look")
        for part in told["parts"]:
            if part["png"] is not None:
                part["png"] = bytes.fromhex(part["png"])
        return draw(told["pins"], told["parts"], self.address)

    def _repr_svg_(self) -> str:
        return self.svg()

    def add(self, kind: str, **settings: Any) -> BoardPart:
        """Hang one more part on the board: ``board.add("button", pin=14)``.

        Args:
            kind: what it is.
            **settings: those of a part in a scene; ``docs/lab-bench.md`` lists them.

        Raises:
            CommandFailedError: what cannot be, and why.
        """
        name: str = self.command("part.add", kind=kind, settings=settings)
        return self.parts[name]

    def add_scene(self, scene: str | os.PathLike[str]) -> None:
        """Hang the parts of a scene on the board, beside those that are there.

        Args:
            scene: a file, or the text of one if it has several lines.

        Raises:
            CommandFailedError: which line of it cannot be, and why.
        """
        if isinstance(scene, str) and "\n" in scene:
            text, name = scene, "the scene"
        else:
            text, name = Path(scene).read_text(encoding="utf-8"), os.fspath(scene)
        self.command("scene.add", text=text, name=name)

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
    return Board.on(address, Pipe(connection, f"The virtual board {address}"))
