# SPDX-License-Identifier: Apache-2.0
"""A whole virtual board: power on, boot, REPL, resets; until its line ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from wasmtime import Trap

from .clock import Clock
from .console import Console, WatchdogBite
from .control import Control
from .engine import Firmware
from .filecalls import FROZEN, MODULES, REPLACED
from .filesystem import Filesystem
from .lines import Line, LineEnded
from .peripherals import Bench
from .proxies import HostModule
from .repl import Ending, Repl, run_file
from .vm import Interpreter, InterpreterError, StateWords, VmOptions

if TYPE_CHECKING:
    from .registers import Registers
    from .sockets import Sockets

__all__ = ["AT_BOOT", "Board", "MachineReset", "preparation"]

AT_BOOT = {
    "_time.py": "time.py",
    "_input.py": "builtins.py",
    "_os.py": "os/__init__.py",
    "_help.py": "builtins.py",
}
"""Frozen modules that run at boot, and the file that tracebacks name for them."""


def preparation(modules: dict[str, str] = AT_BOOT) -> str:
    """What to run in the interpreter at every boot, before boot.py."""
    lines = [
        f"__import__('sys').path.append({FROZEN!r})",
        # Before .frozen, after the folder of the program.
        f"__import__('sys').path.insert(1, {REPLACED!r})",
    ]
    for name, shown in modules.items():
        source = (MODULES / name).read_text(encoding="utf-8")
        lines.append(f"exec(compile({source!r}, {shown!r}, 'exec'), {{}})")
    return "\n".join(lines) + "\n"


def _source(name: str) -> str | None:
    """The text of a frozen module, for those that load others in one call."""
    return (MODULES / f"{name}.py").read_text(encoding="utf-8") if name.isidentifier() else None


class MachineReset(Exception):
    """``machine.reset()``: unwinds the interpreter, whatever it is doing."""


class Board:
    """One board on one line.

    Args:
        line: where its serial port ends.
        filesystem: its flash; survives resets.
        options: how to boot (``raw`` is the board's own business).
        on_end: called when the line has ended, from whichever thread saw it; must not return.

    Attributes:
        bench: the outside of its pins.
        clock: its ticks, calendar and watchdog.
    """

    def __init__(
        self,
        line: Line,
        filesystem: Filesystem,
        options: VmOptions,
        on_end: Callable[[LineEnded], None],
    ) -> None:
        self.bench = Bench(seed=options.seed)
        self._filesystem = filesystem
        self._options = options
        self._firmware = Firmware()
        self.clock = Clock()
        self._console = Console(line, self.bench, self.clock, on_end)
        self._line = line
        self.bench.on_hard = self._console.run_due
        self._pipes: Control | None = None
        self._sockets: Sockets | None = None
        self._registers: Registers | None = None
        self.bench.agenda.on_event = line.wake
        self._words: StateWords | None = None
        self._prepare = self._preparation()

    def _preparation(self) -> str:
        return preparation()

    def run(self) -> None:
        """Power on, and serve until the line ends (which ``on_end`` is told)."""
        raw = False
        while True:
            _, raw = self._live(raw, self._session)

    def _live(self, raw: bool, session: Callable[[Interpreter], Ending]) -> tuple[Ending, bool]:
        """One life of an interpreter, from boot to end.

        Returns:
            What ended it, and whether the next one comes up in the raw REPL.
        """
        vm = self._power(raw)
        try:
            self._load_frozen(vm)
            ending = session(vm)
        except (MachineReset, WatchdogBite):
            ending = Ending.HARD
        except Trap as trap:
            ending = Ending.HARD
            if not self.clock.bitten():  # else it is our doing
                print(f"belay virtual board: the interpreter crashed: {trap}", file=sys.stderr)
        raw = ending is Ending.SOFT and vm.raw
        self._down(vm, ending)
        return ending, raw

    def _power(self, raw: bool) -> Interpreter:
        """A booted interpreter that has not run anything."""
        vm = Interpreter(
            self._firmware,
            self._filesystem,
            self._console,
            self._module(),
            replace(self._options, raw=raw),
            self._words,
        )
        self._words = vm.words
        self._console.attach(vm)
        return vm

    def _load_frozen(self, vm: Interpreter) -> None:
        self._console.begin()
        try:
            failure = vm.execute(self._prepare)
        finally:
            self._console.end()
        if failure:
            raise InterpreterError(f"the frozen modules do not load: {failure[1]}")

    def _session(self, vm: Interpreter) -> Ending:
        """Run boot.py, main.py (not in raw mode) and the REPL, in the order of all ports."""
        programs = ("boot.py",) if vm.raw else ("boot.py", "main.py")
        for name in programs:
            if self._exists(name) and not run_file(vm, self._console, name):
                return Ending.SOFT
        vm.start_repl()
        return Repl(vm, self._console).run()

    def _exists(self, name: str) -> bool:
        try:
            return not self._filesystem.stat("/" + name).is_directory
        except OSError:
            return False

    def _down(self, vm: Interpreter, ending: Ending) -> None:
        if ending is Ending.SOFT:
            self._console.write(b"MPY: soft reboot\r\n")
            self.bench.soft_reset()
        else:
            self.bench.hard_reset()
            self.clock.restart()
        if self._sockets is not None:
            self._sockets.release()
        self._console.flush()
        self._console.attach(None)
        vm.close()

    # ---- the bench

    def furnish(self, scene: str) -> None:
        """Put on the bench what the file says, instead of the usual parts.

        Raises:
            SceneError: which line of it cannot be.
        """
        from .scene import build, read

        self.bench.furnish = None
        build(self.bench, read(scene))

    # ---- the control pipe

    def answer(self, pipes: Control) -> None:
        """Add what the board can be told to the table of the control pipes' commands."""
        self._pipes = pipes
        pipes.add(self.bench.commands(pipes))
        pipes.power()

    # ---- the module _board

    def _module(self) -> HostModule:
        return {
            "sleep_ms": lambda ms: self._console.sleep(max(0.0, float(ms or 0)) / 1000),
            # What ends an echoed line; in cooked mode the CR comes by itself.
            "newline": lambda: "\n" if self._options.cooked else "\r\n",
            "wait": lambda ms, seen: self._console.wait(max(0.0, float(ms)) / 1000, seen),
            "interrupt": self._console.interrupt,
            "reset": self._reset,
            "source": _source,
            "bootloader": self._bootloader,
            "pulse_us": self._pulse_us,
            "mem_read": lambda at, size: self._registry().read(at, size),
            "mem_write": lambda at, size, value: self._registry().write(at, size, value),
            "online": lambda: self.bench.air.online,
            "host_time": time.time,
            "socket": lambda name, *values: self._socketry().module()[f"sock_{name}"](*values),
            **self.bench.module(),
            **self.clock.module(),
        }

    def _reset(self) -> None:
        raise MachineReset

    def _bootloader(self) -> None:
        """A real chip would appear as a drive now; this one says so, and starts anew."""
        text = "the program has asked for the boot loader: a Pico would now be a USB drive"
        print(f"belay virtual board: {text}", file=sys.stderr, flush=True)
        if self._pipes is not None:
            self._pipes.publish("bootloader", text)
        raise MachineReset

    def _registry(self) -> Registers:
        if self._registers is None:
            from .registers import Registers

            self._registers = Registers(self.bench, self.clock.ticks_us)
        return self._registers

    def _socketry(self) -> Sockets:
        if self._sockets is None:
            from .sockets import Sockets

            self._sockets = Sockets(self._console, self._options.net)
        return self._sockets

    def _pulse_us(self, number: int, level: int, timeout: int) -> int:
        """How long a pin stays at a level, in microseconds; see ``machine.time_pulse_us``."""
        pulse = self.bench.pulse_on(number)
        if pulse is not None:
            share = pulse.duty / 65535 if level else 1 - pulse.duty / 65535
            return round(1e6 * share / pulse.frequency) if 0 < share < 1 else -2
        pin = self.bench.pins[number]
        pin.watch(self._wake)
        try:
            start = pin.since if pin.level != level else self.bench.log.now()
            if pin.level != level:
                self._console.sleep(timeout / 1e6, ready=lambda: pin.level == level)
                if pin.level != level:
                    return -2
                start = pin.since
            self._console.sleep(timeout / 1e6, ready=lambda: pin.level != level)
            return -1 if pin.level == level else (pin.since - start) // 1000
        finally:
            pin.unwatch(self._wake)

    def _wake(self, _level: int) -> None:
        self._line.wake()
