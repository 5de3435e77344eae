# SPDX-License-Identifier: Apache-2.0
"""A program on the interpreter, as MicroPython's unix port runs one.

Its standard streams are those of this process, its files those of this computer. No REPL, no
``boot.py``: it begins, ends, and has a status. ``machine`` is there, on a board of its own.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, NoReturn

from .board import Board
from .console import Console
from .errnos import Errno, fail
from .filecalls import FROZEN, REPLACED
from .filesystem import Entry, OpenFile
from .hostfiles import HostFilesystem
from .lines import LineEnded, StdioLine
from .proxies import HostModule
from .repl import Ending
from .vm import Interpreter, VmOptions

__all__ = ["INTERRUPTED", "Program", "run_program"]

INTERRUPTED = 130
"""The status of a program that Ctrl-C has ended, as shells count it."""

_FAILED = 1
_NOBODY_READS = 141

_FROZEN_WORD = ".frozen"
_FROZEN_PATH = (REPLACED, ".frozen", FROZEN)
"""What stands behind the word: modules of ours before, in and behind those of the build."""

_OUR_FRAMES = re.compile(
    r'(?:  File "<stdin>", line 1, in <module>\r?\n)?  File "[^"]*_program.py", [^\n]*\n'
)


class Program(NamedTuple):
    """What is to run.

    Attributes:
        file: its path as it was typed; None for source that stands in no file.
        source: the source, where there is no file.
        arguments: what it finds in ``sys.argv``.
        path: where it finds modules: folders of this computer, and ``.frozen`` for the modules
            that are built in.
    """

    file: str | None
    source: str
    arguments: Sequence[str]
    path: Sequence[str]


def run_program(program: Program, *, seed: int | None = None) -> int:
    """Run a program to its end, in this process and on its standard streams.

    To be called in the main thread, where signals arrive.

    Args:
        program: what is to run.
        seed: makes ``random`` repeatable.

    Returns:
        Its exit status: what it gave to ``sys.exit``, 1 after an exception, 130 after Ctrl-C.
    """
    line = _ProgramLine()
    ending = threading.Lock()

    def end(_reason: LineEnded) -> NoReturn:
        # From whichever thread saw it; the interpreter may be computing, so nothing unwinds.
        with ending:
            line.close()
            os._exit(128 + line.signal if line.signal else _NOBODY_READS)

    line.on_end = end
    with line.signals():
        try:
            return _ProgramBoard(program, line, VmOptions(seed=seed), end).run_to_end()
        finally:
            line.close()


class _ProgramLine(StdioLine):
    """Standard input is read when the program asks, and never ahead; Ctrl-C is a signal.

    Attributes:
        on_interrupt: called when the signal has come.
        on_end: called when nobody reads standard output any more; does not return.
        signal: the number of the signal that ended the line; 0 for none.
    """

    def __init__(self) -> None:
        super().__init__()
        self._poller.forget(self._in)
        self.on_interrupt: Callable[[], None] = lambda: None
        self.on_end: Callable[[LineEnded], None] = lambda _: None
        self.signal = 0

    def send(self, data: bytes) -> int:
        """Send without blocking; returns how many bytes were taken."""
        try:
            return super().send(data)
        except LineEnded as reason:
            self.on_end(reason)
            raise

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """A context in which standard input is read."""
        if not self.exhausted:
            self._poller.watch(self._in)
        try:
            yield
        finally:
            self._poller.forget(self._in)

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """A context in which signals come to the line, also while the interpreter computes."""
        numbers = [signal.SIGINT, signal.SIGTERM]
        numbers += [signal.SIGHUP] if hasattr(signal, "SIGHUP") else []
        before = {number: signal.getsignal(number) for number in numbers}
        self.end_on_signals(*numbers)
        try:
            yield
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _signalled(self, numbers: bytes) -> None:
        if signal.SIGINT in numbers:
            self.on_interrupt()
        others = [number for number in numbers if number not in (0, signal.SIGINT)]
        if others:
            self.signal = others[0]
            raise LineEnded("ended by a signal")

    def _input_ended(self) -> None:
        self.exhausted = True
        self._poller.forget(self._in)


class _ProgramConsole(Console):
    """Reads no input but what is asked for, and takes no byte of it for Ctrl-C."""

    @property
    def _stdin(self) -> _ProgramLine:
        line = self._line.line
        assert isinstance(line, _ProgramLine)
        return line

    def hear_signals(self) -> None:
        """From now on the signal is Ctrl-C."""
        self.deaf = True
        self._stdin.on_interrupt = self._on_signal

    def _on_signal(self) -> None:
        with self._state:
            if self._vm is not None and self._vm.interrupt_char >= 0:
                self._vm.interrupt()

    def read_input(self, limit: int) -> bytes | None:
        if self._queue:
            return super().read_input(limit)
        with self._stdin.listening():
            return super().read_input(limit)

    def input_waiting(self) -> bool:
        if not super().input_waiting():
            self.end()
            try:
                with self._stdin.listening():
                    self._receive_from_line(0.0)
            finally:
                self.begin()
        return super().input_waiting()

    def sleep(
        self,
        seconds: float | None,
        for_input: bool = False,
        dispatched: int | None = None,
        ready: Callable[[], bool] | None = None,
    ) -> bool:
        if not for_input:
            return super().sleep(seconds, for_input, dispatched, ready)
        with self._stdin.listening():
            return super().sleep(seconds, for_input, dispatched, ready)

    def written(self) -> None:
        """Send what the program has written, from inside a host call of it."""
        self.end()
        try:
            self.flush()
        finally:
            self.begin()


class _ErrorFile(OpenFile):
    """``sys.stderr``: this process's, behind what has been printed."""

    def __init__(self, console: _ProgramConsole) -> None:
        self._console = console

    def read(self, count: int) -> bytes:
        raise fail(Errno.EBADF)

    def write(self, data: bytes) -> int:
        self._console.written()
        _write_error(data)
        return len(data)

    def seek(self, offset: int, whence: int) -> int:
        raise fail(Errno.ESPIPE)

    def entry(self) -> Entry:
        return Entry(False, 0, 0)

    def close(self) -> None:
        pass


class _ProgramBoard(Board):
    """A board that runs one program and nothing else."""

    console_class = _ProgramConsole
    _console: _ProgramConsole

    def __init__(
        self,
        program: Program,
        line: _ProgramLine,
        options: VmOptions,
        on_end: Callable[[LineEnded], None],
    ) -> None:
        self._files = HostFilesystem()
        super().__init__(line, self._files, options, on_end)
        self._program = program
        self._status: int | None = None

    def run_to_end(self) -> int:
        """Power on, run the program, and return its status."""
        self._console.hear_signals()
        self._live(False, self._session)
        if self._status is None:
            _write_error(b"belay: the program has reset its board, which ends it here\n")
            return _FAILED
        return self._status

    def _session(self, vm: Interpreter) -> Ending:
        vm.divert_errors(_ErrorFile(self._console))
        program = self._program
        path = list(self._path(program.path))
        arguments = list(program.arguments)
        given = "__file__" if program.file is not None else ""
        prepare = f"__import__('_program').prepare({path!r}, {arguments!r})\n"
        call = f"execfile, {program.file!r}"
        if program.file is None:
            call = f"exec, compile({program.source!r}, '<stdin>', 'exec')"
        else:
            prepare += f"{given} = {program.file!r}\n"
        self._run(vm, f"import sys\nsys.path.append({FROZEN!r})\n{prepare}del sys\n")
        outcome = self._run(vm, f"__import__('_program').run({call}, globals())\n")
        self._console.flush()
        if outcome is not None:
            kind, traceback = outcome
            _write_error(_OUR_FRAMES.sub("", traceback, count=1).replace("\r\n", "\n").encode())
            self._status = INTERRUPTED if kind == "KeyboardInterrupt" else _FAILED
        elif self._status is None:
            self._status = 0
        return Ending.NEXT

    def _run(self, vm: Interpreter, source: str) -> tuple[str, str] | None:
        self._console.begin()
        vm.interrupt_char = 3
        try:
            return vm.execute(source)
        finally:
            vm.interrupt_char = -1
            self._console.end()
            self._console.settle()

    def _path(self, folders: Sequence[str]) -> Iterator[str]:
        for folder in folders:
            if folder == _FROZEN_WORD:
                yield from _FROZEN_PATH
            elif not folder:
                yield ""
            elif (path := self._files.path(folder)) is not None:
                yield path

    def _module(self) -> HostModule:
        return {**super()._module(), "exit": self._exit, "getenv": os.environ.get}

    def _exit(self, status: int) -> None:
        self._status = status


def _write_error(data: bytes) -> None:
    sys.stderr.flush()
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(2, view) :]
        except BlockingIOError:  # it is the same pipe as standard output, and full
            import select

            select.select([], [2], [])
        except OSError:
            return  # nobody reads it
