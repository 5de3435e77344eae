# SPDX-License-Identifier: Apache-2.0
"""One boot of the interpreter: its memory, its imports, and the words of its state we touch.

A soft reset throws the whole thing away and boots another one; the compiled code stays.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from wasmtime import Func, Instance, Memory, Store

from . import shim
from .engine import Firmware
from .filecalls import FileCalls
from .filesystem import Filesystem
from .proxies import HostModule, ProxyCalls
from .wasmcalls import Calls, LinearMemory

__all__ = ["Interpreter", "InterpreterError", "MachineHost", "StateWords", "VmOptions"]

_FEED_BYTES = 8192
_MAX_MEMORY = 256 << 20
_PAGE = 65536
_NOWHERE = 0xFFFFFFF0


class InterpreterError(RuntimeError):
    """The interpreter did something that MicroPython never does; the board cannot go on."""


class MachineHost(Protocol):
    """What the interpreter asks of the program around it. Called on the VM's own thread."""

    def read_input(self, limit: int) -> bytes | None:
        """Block for input; b"" is end of file, None means interrupted."""

    def input_waiting(self) -> bool:
        """Whether :meth:`read_input` would return at once."""

    def output_full(self) -> None:
        """Block until there is room in the output ring again."""

    def output_wakes(self) -> None:
        """Output began, or a timer is due, and somebody asked to be told."""

    def ticked(self) -> None:
        """The program looked at the clock: a chance to run what is due."""

    def poll_wait(self, milliseconds: int) -> None:
        """Wait until there may be input, at most so long (for ever when negative)."""

    def ticks_ms(self) -> int:
        """Milliseconds on the board's clock, 32 bits."""

    def time_ms(self) -> float:
        """Milliseconds since 1970 on the board's calendar."""


@dataclass(frozen=True)
class VmOptions:
    """How to boot.

    Attributes:
        heap: bytes of the first heap area; the interpreter adds areas when it needs them.
        pystack: words for the frames of Python functions.
        cooked: write CR LF where programs write LF.
        raw: come up in the raw REPL (after a soft reset in it).
        seed: makes ``random`` and ``hash`` seeds repeatable; None draws from the host.
        net: sockets may reach this computer; else there are none.
    """

    heap: int = 256 * 1024
    pystack: int = 8192
    cooked: bool = False
    raw: bool = False
    seed: int | None = None
    net: bool = False


@dataclass(frozen=True)
class StateWords:
    """Addresses inside the interpreter, found once for a build by asking and comparing.

    Attributes:
        pending: (address, value before, value after) of every word that
            ``mp_sched_keyboard_interrupt()`` changes.
        traceback: addresses that it clears: the traceback of the last KeyboardInterrupt, which
            is one object for ever.
        interrupt_char: where ``micropython.kbd_intr()`` keeps its character.
        mode: where the REPL keeps its mode (0 friendly, 1 raw).
    """

    pending: tuple[tuple[int, int, int], ...]
    traceback: tuple[int, ...]
    interrupt_char: int
    mode: int


class Interpreter:
    """A booted MicroPython that has not yet printed its banner: call :meth:`start_repl`."""

    def __init__(
        self,
        firmware: Firmware,
        filesystem: Filesystem,
        host: MachineHost,
        module: HostModule,
        options: VmOptions,
        words: StateWords | None = None,
    ) -> None:
        self.host = host
        self._collections = 0
        self._random = random.Random(options.seed)
        self._store = store = Store(firmware.engine)
        self._calls = Calls(store)
        self._instantiate(firmware, filesystem, module)
        self._allocate_ring(options)
        self.call("mp_js_init", options.pystack, options.heap)
        self.call("proxy_c_init")
        self._proxies.register()
        self.words = words or self._find_words()
        self._pending = [
            (self.memory.word(address), before, after)
            for address, before, after in self.words.pending
        ]
        self._traceback = [self.memory.word(address) for address in self.words.traceback]
        self._interrupt_char = self.memory.word(self.words.interrupt_char)
        self._mode = self.memory.word(self.words.mode)
        self._mode.value = int(options.raw)

    # ---- putting it together

    def _instantiate(self, firmware: Firmware, filesystem: Filesystem, module: HostModule) -> None:
        store = self._store
        longjmp = Instance(store, firmware.longjmp, []).exports(store)
        self._files = FileCalls(filesystem, self.host)
        self._proxies = ProxyCalls(self, module)
        ours = self._own_imports() | self._files.imports() | self._proxies.imports()
        imports: list[Func] = []
        for entry in firmware.interpreter.imports:
            name = entry.name or ""
            if name in firmware.invokes or name in ("_emscripten_throw_longjmp", "fd_write"):
                imports.append(longjmp[name])  # type: ignore[arg-type]
                continue
            function = ours.get(name, _nothing)
            imports.append(self._calls.host_function(entry.type, function))  # type: ignore[arg-type]
        instance = Instance(store, firmware.interpreter, imports)
        exports = instance.exports(store)
        self._exports = {
            name: self._calls.export(value)
            for name, value in exports.items()
            if isinstance(value, Func)
        }
        memory = exports["memory"]
        assert isinstance(memory, Memory)
        self.memory = LinearMemory(memory, store)
        self._files.memory = self.memory
        self._connect_bridge(firmware, exports, longjmp)

    def _connect_bridge(self, firmware: Firmware, exports: object, longjmp: object) -> None:
        host = {
            "fd_write": self._files.fd_write,
            "output_full": self.host.output_full,
            "output_wakes": self.host.output_wakes,
        }
        imports = []
        for entry in firmware.bridge.imports:
            name = entry.name or ""
            if entry.module == "host":
                imports.append(self._calls.host_function(entry.type, host[name]))  # type: ignore[arg-type]
            elif entry.module == "longjmp":
                imports.append(longjmp[name])  # type: ignore[index]
            else:
                imports.append(exports[name])  # type: ignore[index]
        bridge = Instance(self._store, firmware.bridge, imports).exports(self._store)
        names = ("connect", "set_ring", "feed")
        functions = {name: bridge[name] for name in names}
        for name, function in functions.items():
            assert isinstance(function, Func)
            self._exports[name] = self._calls.export(function)
        self.call("connect")
        self.call("emscripten_stack_init")
        self.call("__wasm_call_ctors")

    def _allocate_ring(self, options: VmOptions) -> None:
        ring = self._control = self.call("malloc", shim.ring_bytes())
        self.memory.write(ring, bytes(32))
        self.call("set_ring", ring)
        words = {name: self.memory.word(ring + at) for name, at in shim.CONTROL.items()}
        self._head, self._tail = words["head"], words["tail"]
        self.attention, self.waiting = words["attention"], words["waiting"]
        words["cooked"].value = int(options.cooked)
        words["heap"].value = ring  # the first thing allocated: static text lies below it
        self._ring = ring + shim.ring_data_offset()
        self._buffer = self.call("malloc", _FEED_BYTES)

    def _own_imports(self) -> dict[str, Callable[..., object]]:
        return {
            "mp_js_ticks_ms": self._ticks_ms,
            "mp_js_time_ms": self.host.time_ms,
            "mp_js_random_u32": lambda: self._random.getrandbits(32),
            "emscripten_resize_heap": self._resize,
            "_abort_js": self._abort,
        }

    # ---- calls into it

    def call(self, name: str, *args: int) -> int:
        """Call an exported function by name."""
        return self._exports[name](*args)

    def start_repl(self) -> None:
        """Print the banner (or the raw REPL's) and the first prompt."""
        self.call("mp_js_repl_init")

    def feed(self, data: bytes) -> int:
        """Hand characters to the REPL, running whatever they complete.

        Returns:
            0, or what ended the REPL: a soft reset was asked for.
        """
        answer = 0
        feed, write, buffer = self._exports["feed"], self.memory.write, self._buffer
        for start in range(0, len(data), _FEED_BYTES):
            piece = data[start : start + _FEED_BYTES]
            write(buffer, piece)
            answer = feed(buffer, len(piece))
            if answer:
                break
        return answer

    def execute(self, source: str) -> tuple[str, str] | None:
        """Run source in ``__main__``, outside the REPL.

        Returns:
            None when it ran to its end, else (name of the exception's class, traceback).
        """
        text = source.encode()
        address = self.call("malloc", len(text) + 1)
        answer = self.call("malloc", 12)
        self.memory.write(address, text + b"\0")
        self.call("mp_js_do_exec", address, len(text), answer)
        outcome = self._proxies.exception(answer)
        self.call("free", address)
        self.call("free", answer)
        return outcome

    def tidy(self) -> None:
        """Collect garbage where the last command made the heap grow; only between commands.

        The interpreter does so by itself only after an allocation has failed.
        """
        if self._collections:
            self._collections -= 1
            self.execute("__import__('gc').collect()\n")

    def dispatch(self, function: int, *values: int) -> None:
        """Call a Python function that the board handed out, as an interrupt handler would."""
        self._proxies.call_python(function, values)

    # ---- state, also read and written from other threads

    @property
    def raw(self) -> bool:
        """Whether the REPL is in raw mode."""
        return self._mode.value == 1

    @property
    def interrupt_char(self) -> int:
        """The character that interrupts the running program; -1 for none."""
        value = self._interrupt_char.value
        return value - (1 << 32) if value >> 31 else value

    @interrupt_char.setter
    def interrupt_char(self, value: int) -> None:
        self._interrupt_char.value = value & 0xFFFFFFFF

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt at the next chance; works while the interpreter runs."""
        if not self.interrupt_pending:
            for word in self._traceback:
                word.value = 0
        for word, before, after in self._pending:
            if word.value == before:
                word.value = after

    @property
    def interrupt_pending(self) -> bool:
        """Whether a KeyboardInterrupt waits to be raised."""
        word, _, after = self._pending[0]
        return word.value == after

    def crash(self) -> None:
        """Make the interpreter trap at the next chance, past every ``except``; from any thread.

        What it then finds pending is an exception that lies beyond its memory.
        """
        for word, _, after in self._pending:
            word.value = after
        self._pending[0][0].value = _NOWHERE

    def clear_interrupt(self) -> None:
        """Forget a KeyboardInterrupt that came too late; only while the interpreter is idle."""
        for word, before, after in self._pending:
            if word.value == after:
                word.value = before

    @property
    def has_output(self) -> bool:
        """Whether :meth:`take_output` would return something."""
        return self._head.value != self._tail.value

    def take_output(self, limit: int) -> bytes:
        """Look at the oldest output without removing it (see :meth:`drop_output`)."""
        tail = self._tail.value
        count = min((self._head.value - tail) & 0xFFFFFFFF, limit)
        start = tail & (shim.RING_SIZE - 1)
        first = min(count, shim.RING_SIZE - start)
        data = self.memory.read(self._ring + start, first)
        if first < count:
            data += self.memory.read(self._ring, count - first)
        return data

    def drop_output(self, count: int) -> None:
        """Remove the oldest ``count`` bytes of output."""
        self._tail.value += count

    def close(self) -> None:
        """Close the files it left open."""
        self._files.close_all()

    # ---- imports

    def _ticks_ms(self) -> int:
        self.host.ticked()
        return self.host.ticks_ms()

    def _resize(self, size: int) -> int:
        self._collections = 2  # after this command, and after the one that may let go of it
        if size > _MAX_MEMORY:
            return 0
        missing = size - len(self.memory)
        return int(self.memory.grow((missing + _PAGE - 1) // _PAGE))

    def _abort(self) -> None:
        raise InterpreterError("the interpreter called abort()")

    # ---- finding addresses

    def _find_words(self) -> StateWords:
        self.call("mp_js_repl_init")
        before = self._static()
        self.call("mp_sched_keyboard_interrupt")
        pending = tuple(
            (address, _word(before, address), value)
            for address, value in _changes(before, self._static())
        )
        for address, value, _ in pending:
            self.memory.word(address).value = value
        # The words of a pending exception come first: it is what tells whether one waits.
        pending = tuple(sorted(pending, key=lambda entry: entry[2] == 0))
        words = StateWords(
            pending,
            self._find_traceback(pending),
            self._find_interrupt_char(),
            self._find_mode(),
        )
        self.drop_output((self._head.value - self._tail.value) & 0xFFFFFFFF)
        return words

    def _static(self) -> bytes:
        """The interpreter's static data: what lies below the first thing allocated."""
        return self.memory.read(0, self._control)

    def _find_traceback(self, pending: tuple[tuple[int, int, int], ...]) -> tuple[int, ...]:
        """The words of the KeyboardInterrupt object that scheduling it clears."""
        exception = pending[0][2]  # what the pending exception points to
        fields = [exception + 4, exception + 8]
        old = [self.memory.word(at).value for at in fields]
        for at in fields:
            self.memory.word(at).value = 0x5A5A5A58
        self.call("mp_sched_keyboard_interrupt")
        cleared = tuple(at for at in fields if self.memory.word(at).value == 0)
        for at, value in zip(fields, old, strict=True):
            self.memory.word(at).value = value
        for at, value, _ in pending:
            self.memory.word(at).value = value
        return cleared

    def _find_interrupt_char(self) -> int:
        probe = 0x5A1
        self.execute(f"import micropython\nmicropython.kbd_intr({probe})\n")
        memory = self._static()
        pattern = struct.pack("<I", probe)
        at = memory.find(pattern)
        while at >= 0:
            if at % 4 == 0:
                word = self.memory.word(at)
                word.value = 0x123
                if self.call("mp_hal_get_interrupt_char") == 0x123:
                    word.value = 0xFFFFFFFF
                    return at
                word.value = probe
            at = memory.find(pattern, at + 1)
        raise InterpreterError("no interrupt character in this micropython.wasm")

    def _find_mode(self) -> int:
        friendly = self._static()
        self.feed(b"\x01")
        raw = self._static()
        self.feed(b"\x02")
        for address, value in _changes(friendly, raw):
            if _word(friendly, address) == 0 and value == 1:
                word = self.memory.word(address)
                if word.value != 0:
                    continue
                word.value = 1
                mark = self._head.value
                self.call("mp_js_repl_init")
                text = self.take_output(shim.RING_SIZE)[mark - self._head.value :]
                word.value = 0
                if text.startswith(b"raw REPL"):
                    self.call("mp_js_repl_init")
                    return address
        raise InterpreterError("no REPL mode in this micropython.wasm")


def _nothing(*_args: int) -> int:
    """Answers the imports that only a JavaScript host can serve."""
    return 0


def _word(memory: bytes, address: int) -> int:
    value: int = struct.unpack_from("<I", memory, address)[0]
    return value


def _changes(before: bytes, after: bytes) -> list[tuple[int, int]]:
    """Addresses of words that differ, with their new values."""
    found = []
    for start in range(0, len(before), 256):
        if before[start : start + 256] != after[start : start + 256]:
            for at in range(start, min(start + 256, len(before) - 3), 4):
                if before[at : at + 4] != after[at : at + 4]:
                    found.append((at, _word(after, at)))
    return found
