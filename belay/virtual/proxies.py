# SPDX-License-Identifier: Apache-2.0
"""The interpreter's bridge to JavaScript objects, with one object on the other side: the host.

MicroPython's WebAssembly port can hold and call JavaScript objects. This is how the modules of
:mod:`belay.virtual.modules` reach the outside world: ``import _board`` gives a module whose
functions run on the host, at the price of one host call each.

Values cross as three 32-bit words: a kind and two words of payload.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .vm import Interpreter

__all__ = ["HostModule", "ProxyCalls", "Value"]

Value = bool | int | float | str | None
HostModule = dict[str, Callable[..., Value]]
"""Functions of the module ``_board``, by name. They get the values that the board passed."""

_MODULE_NAME = "_board"
_MODULE_REF = 2  # 0 and 1 are JavaScript's global object and undefined

_EXCEPTION, _NONE, _BOOL, _INT, _FLOAT, _STR = -1, 1, 2, 3, 4, 5
_CALLABLE = 6  # from the board: a reference to a Python callable
_JS_OBJECT = 7  # to the board: a reference to a host object
_ATTRIBUTE_FOUND = 1


class PythonCallable(int):
    """A callable of the board, as a host function receives it: its reference number."""


class ProxyCalls:
    """The imports that carry values across.

    Args:
        interpreter: whose memory the values lie in.
        module: what ``_board`` offers.
    """

    def __init__(self, interpreter: Interpreter, module: HostModule) -> None:
        self._vm = interpreter
        self._names = {name: index for index, name in enumerate(module, _MODULE_REF + 1)}
        self._functions = dict(enumerate(module.values(), _MODULE_REF + 1))
        self._arguments = self._answer = 0
        self._before_call = interpreter.host.ticked

    def register(self) -> None:
        """Make ``import _board`` work. Called once, after the interpreter is up."""
        vm = self._vm
        self._arguments = vm.call("malloc", 12 * 4)
        self._answer = vm.call("malloc", 12)
        name = vm.call("malloc", len(_MODULE_NAME) + 1)
        vm.memory.write(name, _MODULE_NAME.encode() + b"\0")
        vm.memory.write(self._answer, struct.pack("<iii", _JS_OBJECT, _MODULE_REF, 0))
        vm.call("mp_js_register_js_module", name, self._answer)
        vm.call("free", name)

    def imports(self) -> dict[str, Callable[..., int]]:
        """Host functions by the name of the import they answer."""
        return {
            "lookup_attr": self._lookup,
            "has_attr": self._has,
            "call0": self._call0,
            "call1": self._call1,
            "call2": self._call2,
            "calln": self._calln,
            "js_check_existing": lambda _ref: 0xFFFFFFFF,
        }

    def _has(self, ref: int, name: int) -> int:
        return int(ref == _MODULE_REF and self._vm.memory.text(name) in self._names)

    def _lookup(self, ref: int, name: int, out: int) -> int:
        index = self._names.get(self._vm.memory.text(name)) if ref == _MODULE_REF else None
        if index is None:
            return 0
        self._vm.memory.write(out, struct.pack("<iii", _JS_OBJECT, index, 0))
        return _ATTRIBUTE_FOUND

    def _run(self, ref: int, *values: Value) -> Value:
        self._before_call()
        try:
            return self._functions[ref](*values)
        except (ArithmeticError, LookupError, TypeError, ValueError):
            # Our modules check what they pass; a program that calls _board itself may pass
            # anything, and this bridge cannot raise an exception on the board.
            return None

    def _call0(self, ref: int, out: int) -> int:
        self._put(out, self._run(ref))
        return 0

    def _call1(self, ref: int, _bound: int, a: int, out: int) -> int:
        self._put(out, self._run(ref, self._get(a)))
        return 0

    def _call2(self, ref: int, _bound: int, a: int, b: int, out: int) -> int:
        self._put(out, self._run(ref, self._get(a), self._get(b)))
        return 0

    def _calln(self, ref: int, _bound: int, count: int, at: int, out: int) -> int:
        values = [self._get(at + 12 * index) for index in range(count)]
        self._put(out, self._run(ref, *values))
        return 0

    def _get(self, at: int) -> Value:
        kind, low, high = struct.unpack("<iiI", self._vm.memory.read(at, 12))
        if kind == _INT:
            return int(low)
        if kind == _BOOL:
            return bool(low)
        if kind == _FLOAT:
            return float(struct.unpack("<d", self._vm.memory.read(at + 4, 8))[0])
        if kind == _STR:
            return self._vm.memory.read(high, low).decode("utf-8", "replace")
        if kind == _CALLABLE:
            return PythonCallable(low)
        return None

    def _put(self, out: int, value: Value) -> None:
        if value is None:
            packed = struct.pack("<iii", _NONE, 0, 0)
        elif isinstance(value, bool):
            packed = struct.pack("<iii", _BOOL, value, 0)
        elif isinstance(value, int):
            packed = struct.pack("<iii", _INT, value, 0)
        elif isinstance(value, float):
            packed = struct.pack("<id", _FLOAT, value)
        else:
            text = value.encode()
            address = self._vm.call("malloc", len(text) + 1)  # the interpreter frees it
            self._vm.memory.write(address, text + b"\0")
            packed = struct.pack("<iiI", _STR, len(text), address)
        self._vm.memory.write(out, packed)

    def exception(self, at: int) -> tuple[str, str] | None:
        """Decode an answer that may be an exception: (class name, traceback), else None."""
        kind, length, address = struct.unpack("<iII", self._vm.memory.read(at, 12))
        if kind != _EXCEPTION:
            return None
        text = self._vm.memory.read(address, length).decode("utf-8", "replace")
        self._vm.call("free", address)
        name, _, traceback = text.partition("\x04")
        return name, traceback

    def call_python(self, function: int, values: Sequence[int]) -> None:
        """Call a Python callable with small integers; what it raises is dropped."""
        for index, value in enumerate(values):
            self._vm.memory.write(self._arguments + 12 * index, struct.pack("<iii", _INT, value, 0))
        self._vm.call("proxy_c_to_js_call", function, len(values), self._arguments, self._answer)
        self.exception(self._answer)
