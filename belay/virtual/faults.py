# SPDX-License-Identifier: Apache-2.0
"""Faults on demand: what can happen to a board, to its cable and to its flash.

All of it can be called from any thread while the board runs: commands of the control pipe, and the
tables ``[faults]`` and ``[[fault]]`` of a scene, come here.
"""

from __future__ import annotations

import math
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .cable import Cable, Shape
from .commands import CommandError, Commands, Json
from .console import Console
from .filesystem import Filesystem

if TYPE_CHECKING:
    from .scene import Entry

__all__ = ["Faults"]

_LINK = ("baud", "delay", "loss")
_FLASH = ("full", "worn", "slow")
_SHORT = 0.5  # seconds that a brown-out takes


class Faults:
    """What can go wrong with one board.

    Args:
        console: of the board.
        cable: of the board.
        filesystem: its flash.
        now: seconds since power-on.

    Attributes:
        powered: whether the board has power.
        cable: the board's.
    """

    def __init__(
        self, console: Console, cable: Cable, filesystem: Filesystem, now: Callable[[], float]
    ) -> None:
        self._console, self.cable, self._flash, self._now = console, cable, filesystem, now
        self.powered = threading.Event()
        self.powered.set()
        self._lock = threading.RLock()

    def wait_for_power(self) -> None:
        """Block until there is power; on the board's own thread."""
        while not self.powered.is_set():
            self.cable.wait(None)

    # ---- what can be done

    def reset(self) -> None:
        """Press the reset button: the interpreter ends wherever it is; the link stays."""
        if not self.powered.is_set():
            raise CommandError("the board has no power: replug it first")
        self._console.strike(power=False)

    def unplug(self, powered: bool = False) -> None:
        """Pull the cable, and with it the power.

        Args:
            powered: the board has power from elsewhere, and runs on.
        """
        with self._lock:
            if not powered and self.powered.is_set():
                self.powered.clear()
                self._console.strike(power=True)
            if self.cable.plugged:
                self.cable.pull()

    def replug(self) -> None:
        """Plug the cable in again; a board without power starts."""
        with self._lock:
            if not self.cable.plugged:
                self.cable.insert()
            self.powered.set()
            self.cable.wake()

    def brown_out(self, seconds: float = _SHORT) -> None:
        """Take the power away for a moment: all but the flash is lost, and the link ends."""
        seconds = _number("seconds", seconds, 0, 3600)
        self.unplug()
        _later(seconds, self.replug)

    def hang(self, seconds: float = math.inf) -> None:
        """Do nothing: neither run nor answer. A watchdog ends it, a reset does, or the time.

        Args:
            seconds: how long; 0 ends it.
        """
        if not seconds >= 0:
            raise CommandError(f"seconds {seconds}: 0 or more")
        self._console.hang(time.monotonic() + seconds if seconds else 0.0)

    def link(self, **changes: float | None) -> dict[str, Json]:
        """Change what the line is like; what is not named stays. Returns what it is now."""
        shape = self.cable.shape
        now: dict[str, Json] = {name: getattr(shape, name) for name in _LINK}
        _known(changes, _LINK, "link")
        if changes:
            for name, value in changes.items():
                now[name] = 0.0 if value is None and name != "baud" else value
            self.cable.shape = _checked(Shape, now)
        up, down = self.cable.lost
        return {**now, "lost_up": up, "lost_down": down}

    def drop(self, up: int = 0, down: int = 0) -> None:
        """Lose the next bytes, to the board and from it."""
        self.cable.drop(int(_number("up", up, 0, 1 << 30)), int(_number("down", down, 0, 1 << 30)))

    def flash(self, **changes: float | bool | None) -> dict[str, Json]:
        """Change what the flash is like; what is not named stays. Returns what it is now.

        ``full``: nothing more fits. ``worn``: the chance of each byte, while it lies there, that
        one of its bits turns over. ``slow``: seconds that each block of 4096 bytes takes to write.
        """
        _known(changes, _FLASH, "flash")
        flash = self._flash
        if "full" in changes:
            flash.full = bool(changes["full"])
        if "worn" in changes:
            flash.worn = _number("worn", changes["worn"] or 0.0, 0, 1)
        if "slow" in changes:
            flash.slow = _number("slow", changes["slow"] or 0.0, 0, 60)
        return {"full": flash.full, "worn": flash.worn, "slow": flash.slow}

    # ---- how it is reached

    def commands(self) -> Commands:
        """What the control pipe adds to its table."""
        return {
            "fault.reset": self.reset,
            "fault.unplug": self.unplug,
            "fault.replug": self.replug,
            "fault.brownout": self.brown_out,
            "fault.hang": self.hang,
            "fault.link": self.link,
            "fault.drop": self.drop,
            "fault.flash": self.flash,
            "link.plugged": lambda: self.cable.plugged,
            "link.offer": self._offer,
        }

    def furnish(self, entry: Entry) -> None:
        """Take the table ``[faults]`` of a scene: what :meth:`link` and :meth:`flash` take.

        Raises:
            SceneError: something in it makes no sense.
        """
        number = (int, float)
        link = {name: entry.take(name, number, None) for name in _LINK}
        flash = {"full": entry.take("full", bool, None)}
        flash |= {name: entry.take(name, number, None) for name in ("worn", "slow")}
        entry.finish("[faults]")
        try:
            self.link(**{name: value for name, value in link.items() if value is not None})
            self.flash(**{name: value for name, value in flash.items() if value is not None})
        except CommandError as error:
            raise entry.error(str(error), str(error).partition(" ")[0]) from None

    def plan(self, entry: Entry) -> None:
        """Take one ``[[fault]]`` of a scene: ``time``, ``do``, and what that takes.

        Raises:
            SceneError: something in it makes no sense.
        """
        actions: dict[str, Callable[..., object]] = {
            "reset": self.reset,
            "unplug": self.unplug,
            "replug": self.replug,
            "brownout": self.brown_out,
            "hang": self.hang,
            "link": self.link,
            "drop": self.drop,
            "flash": self.flash,
        }
        from inspect import signature

        at = entry.take("time", (int, float))
        if not 0 <= at < math.inf:
            raise entry.error(f"time {at}: seconds since power-on, 0 or more", "time")
        do = entry.take("do", str)
        action = actions.get(do)
        if action is None:
            raise entry.error(f"do = {do!r}: there are {', '.join(actions)}", "do")
        known = {"link": _LINK, "flash": _FLASH}.get(do, tuple(signature(action).parameters))
        arguments = {}
        for name in known:
            value = entry.take(name, (int, float, bool), None)
            if value is not None:
                arguments[name] = value
        entry.finish(f"the fault {do!r}")
        _later(max(0.0, at - self._now()), lambda: action(**arguments))

    # ---- the link of a board whose line was stdin and stdout

    def _offer(self) -> dict[str, Json]:
        """A place on 127.0.0.1 where the next link can be made, by who knows the key."""
        if not self.cable.plugged:
            raise CommandError("the board is unplugged")
        import secrets

        listener = socket.create_server(("127.0.0.1", 0))
        key = secrets.token_hex(16)
        threading.Thread(target=self._accept, args=(listener, key), daemon=True).start()
        return {"port": listener.getsockname()[1], "key": key}

    def _accept(self, listener: socket.socket, key: str) -> None:
        with listener:
            listener.settimeout(10)
            try:
                connection, _ = listener.accept()
            except OSError:
                return
        from .control import knows

        if not knows(connection, key):
            connection.close()
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self.cable.insert(connection)


def _later(seconds: float, action: Callable[[], object]) -> None:
    def act() -> None:
        try:
            action()
        except (CommandError, OSError) as error:
            print(f"belay virtual board: a fault could not be: {error}", file=sys.stderr)

    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()


def _number(name: str, value: Any, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise CommandError(f"{name} {value!r}: a number from {least:g} to {most:g}")
    return value


def _known(given: Mapping[str, Any], names: tuple[str, ...], what: str) -> None:
    for name in given:
        if name not in names:
            raise CommandError(f"{what} has no {name!r}; there are {', '.join(names)}")


def _checked(shape: type[Shape], values: dict[str, Any]) -> Shape:
    try:
        return shape(**values)
    except (TypeError, ValueError) as error:
        raise CommandError(str(error)) from None
