# SPDX-License-Identifier: Apache-2.0
"""A board that behaves as one that runs CircuitPython 10, as far as a driver of it can tell.

The interpreter is still MicroPython's. What is different is what CircuitPython's documentation says
is: the order in which files run, the prompt and what stands before it, the modules, a file system
that the computer has first. ``docs/circuitpython.md`` lists what this leaves out.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .board import AT_BOOT, Board, preparation
from .console import Console
from .drive import Drive
from .filesystem import Filesystem, OpenMode
from .lines import Line, LineEnded
from .proxies import HostModule
from .repl import Ending, Repl, run_file
from .vm import Interpreter, VmOptions

__all__ = ["CircuitBoard"]

_VERSION = "10.3.1"
_NAME = f"Adafruit CircuitPython {_VERSION} on 2026-09-14; Raspberry Pi Pico with rp2040"
_ITS_BANNER = re.compile(rb'MicroPython v[^\r\n]*\r\nType "help\(\)" for more information.\r\n')
_TITLE = "\x1b]0;\N{SNAKE}%s | " + _VERSION + "\x1b\\"
"""What the status bar sends: the title of the terminal's window."""

_AUTORELOAD = (
    "\r\nAuto-reload is on. Simply save files over USB to run them or enter REPL to disable.\r\n"
)
_WAITING = "\r\nPress any key to enter the REPL. Use CTRL-D to reload.\r\n"
_RELOADING = "\r\nCode stopped by auto-reload. Reloading soon.\r\n"

_PROGRAMS = ("code.txt", "code.py", "main.py", "main.txt")
_CTRL_D = 0x04


class _Reload(Exception):
    """``supervisor.reload()``: unwinds the program, whatever it is doing."""


class CircuitBoard(Board):
    """One board on one line; see :class:`Board`.

    Attributes:
        drive: the USB drive that the computer sees.
    """

    def __init__(
        self,
        line: Line,
        filesystem: Filesystem,
        options: VmOptions,
        on_end: Callable[[LineEnded], None],
    ) -> None:
        super().__init__(line, filesystem, options, on_end)
        self.drive = Drive(filesystem)
        filesystem.fat = True
        self._console.forgetful = True
        self._status_bar = True
        self._program_runs = False

    def _preparation(self) -> str:
        return preparation({**AT_BOOT, "_circuit.py": "circuit.py"})

    def run(self) -> None:
        """Power on, and serve until the line ends (which ``on_end`` is told)."""
        ending, raw = Ending.HARD, False
        while True:
            if ending is Ending.HARD:
                self.drive.power_on()
                ending, raw = self._live(False, self._boot)
                self.drive.boot_over()
            elif not raw and (ending := self._live(False, self._program)[0]) is Ending.NEXT:
                ending, raw = self._live(False, self._prompt)
            elif raw:
                ending, raw = self._live(True, self._prompt)

    # ---- the three lives: boot.py, code.py, the REPL; nothing of one is left in the next

    def _boot(self, vm: Interpreter) -> Ending:
        """Run ``boot.py``. There is no USB yet: what it prints goes to a file."""
        self._console.divert()
        self._console.deaf = True
        try:
            for name in ("boot.py", "boot.txt"):
                if self._exists(name):
                    run_file(vm, self._console, name)
                    break
        finally:
            self._console.deaf = False
            self._write_boot_out(self._console.diverted())
        return Ending.NEXT

    def _program(self, vm: Interpreter) -> Ending:
        """Run ``code.py``, and wait for a key."""
        console = self._console
        console.write(_AUTORELOAD.encode())
        name = next((name for name in _PROGRAMS if self._exists(name)), None)
        if name is not None:
            self._show(name)
            console.write(f"{name} output:\r\n".encode())
            self._program_runs = True
            try:
                run_file(vm, console, name)
            except _Reload:
                console.write(_RELOADING.encode())
                return Ending.SOFT
            finally:
                self._program_runs = False
            console.write(b"\r\nCode done running.\r\n")
        self._show("Done")
        console.write(_WAITING.encode())
        key = console.next_input()[0]
        console.consume(1)
        return Ending.SOFT if key == _CTRL_D else Ending.NEXT

    def _prompt(self, vm: Interpreter) -> Ending:
        """Serve the REPL."""
        if not vm.raw:
            self._show("REPL")
        self._console.divert()
        vm.start_repl()
        self._console.write(self.renamed(self._console.diverted()))
        return _CircuitRepl(vm, self._console, self.renamed).run()

    def renamed(self, output: bytes) -> bytes:
        """The interpreter's banner with the name that this board goes by."""
        return _ITS_BANNER.sub(f"{_NAME}\r\n".encode(), output)

    def _show(self, state: str) -> None:
        if self._status_bar:
            self._console.write((_TITLE % state).encode())

    def _write_boot_out(self, printed: bytes) -> None:
        lines = [_NAME, "Board ID:raspberry_pi_pico", f"UID:{self.bench.unique_id.hex().upper()}"]
        text = "".join(f"{line}\r\n" for line in lines).encode()
        if printed:
            text += b"boot.py output:\r\n" + printed
        try:
            file = self._filesystem.open("/boot_out.txt", OpenMode(False, True, True, False, True))
            file.write(text)
            file.close()
        except OSError:
            pass  # no room for it: boards start all the same

    def _down(self, vm: Interpreter, ending: Ending) -> None:
        if ending is Ending.HARD:
            self._status_bar = True
            self.clock.restart()
        elif ending is Ending.SOFT:
            self._console.write(b"soft reboot\r\n")
        self.bench.hard_reset()  # pins float again whenever a program ends
        self._console.flush()
        if ending is not Ending.NEXT:
            self._console.attach(None)
        vm.close(power_cut=ending is Ending.HARD)

    # ---- the module _board

    def _module(self) -> HostModule:
        return {
            **super()._module(),
            **self.drive.module(),
            "input_waiting": self._console.input_waiting,
            "reload": self._reload,
            "status_bar": self._set_status_bar,
            # The first overflow comes 65 s after power-on, so that programs meet one.
            "supervisor_ticks": lambda: (self.clock.ticks_ms() + 0x1FFF0000) % (1 << 29),
        }

    def _reload(self) -> None:
        if self._program_runs:  # at the prompt it does nothing
            raise _Reload

    def _set_status_bar(self, value: int) -> bool:
        if value >= 0:
            self._status_bar = bool(value)
        return self._status_bar


class _CircuitRepl(Repl):
    """Ctrl-B shows the banner, which has another name in it."""

    def __init__(
        self, vm: Interpreter, console: Console, renamed: Callable[[bytes], bytes]
    ) -> None:
        super().__init__(vm, console)
        self._renamed = renamed

    def _feed(self, data: bytes) -> int:
        if not data.endswith(b"\x02"):
            return super()._feed(data)
        self._console.divert()
        try:
            return super()._feed(data)
        finally:
            self._console.write(self._renamed(self._console.diverted()))
