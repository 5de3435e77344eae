# SPDX-License-Identifier: Apache-2.0
"""Calls between Python and WebAssembly without wasmtime-py's conversions.

``wasmtime.Func`` boxes every value: 14 µs for each call into the host and 32 µs for each call
out of it, measured; the C API's unchecked calls take 0.5 µs and 2 µs. The price is that types
are not checked at run time, so they are checked here, once, when a function is wrapped.

This module is the only one that uses names which wasmtime-py does not document; its version is
pinned for that reason.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from wasmtime import Func, FuncType, Memory, Store, Trap, WasmtimeError
from wasmtime import _ffi as ffi

__all__ = ["Calls", "LinearMemory"]

_VALUE = 16  # bytes of a wasmtime_val_raw_t
_Words = ctypes.POINTER(ctypes.c_uint32)
_Callback = ctypes.CFUNCTYPE(
    ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, _Words, ctypes.c_size_t
)
_Finalizer = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def _kinds(types: Any) -> list[str]:
    return [str(kind) for kind in types]


class Calls:
    """Makes imports and calls exports of one store, and carries exceptions across.

    An exception that a host function raises unwinds the interpreter (a trap) and comes out of
    the call that entered it, as the same object.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keep: list[Any] = []
        self._failure: BaseException | None = None

    def host_function(self, kind: FuncType, function: Callable[..., Any]) -> Func:
        """Wrap a Python function as an import.

        Args:
            kind: its WebAssembly type. Integers of 32 and 64 bits arrive unsigned; a result may
                be any int (it is cut to size) or a float.
            function: called with one positional argument per parameter.
        """
        params, results = _kinds(kind.params), _kinds(kind.results)
        callback = _Callback(self._entry(function, params, results))
        self._keep.append(callback)
        raw = ffi.wasmtime_func_t()
        ffi.wasmtime_func_new_unchecked(
            self._store._context(),
            kind.ptr(),
            ctypes.cast(callback, ffi.wasmtime_func_unchecked_callback_t),
            None,
            _Finalizer(0),
            ctypes.byref(raw),
        )
        return Func._from_raw(raw)

    def _entry(
        self, function: Callable[..., Any], params: list[str], results: list[str]
    ) -> Callable[..., int]:
        if set(params) <= {"i32"} and results in ([], ["i32"]):
            return self._entry_of_words(function, len(params), bool(results))

        def entry(_env: int, _caller: int, slots: Any, _count: int) -> int:
            try:
                values = []
                for index, kind in enumerate(params):
                    low = slots[4 * index]
                    values.append(low | slots[4 * index + 1] << 32 if kind == "i64" else low)
                answer = function(*values)
                if results == ["f64"]:
                    ctypes.cast(slots, ctypes.POINTER(ctypes.c_double))[0] = answer
                elif results:
                    ctypes.cast(slots, ctypes.POINTER(ctypes.c_int64))[0] = answer
                return 0
            except BaseException as error:
                return self._trap(error)

        return entry

    def _entry_of_words(
        self, function: Callable[..., Any], arity: int, has_result: bool
    ) -> Callable[..., int]:
        """The common case, spelled out by arity because it runs for every host call."""

        def entry(_env: int, _caller: int, slots: Any, _count: int) -> int:
            try:
                if arity == 0:
                    answer = function()
                elif arity == 1:
                    answer = function(slots[0])
                elif arity == 2:
                    answer = function(slots[0], slots[4])
                elif arity == 3:
                    answer = function(slots[0], slots[4], slots[8])
                elif arity == 4:
                    answer = function(slots[0], slots[4], slots[8], slots[12])
                else:
                    answer = function(*[slots[4 * index] for index in range(arity)])
                if has_result:
                    slots[0] = answer
                return 0
            except BaseException as error:
                return self._trap(error)

        return entry

    def _trap(self, error: BaseException) -> int:
        self._failure = error
        return ctypes.cast(Trap("host function failed")._consume(), ctypes.c_void_p).value or 0

    def export(self, function: Func) -> Callable[..., int]:
        """Wrap an exported function of 32-bit integers; it returns its result, or 0 for none."""
        kind = function.type(self._store)
        params, results = _kinds(kind.params), _kinds(kind.results)
        if not set(params) | set(results) <= {"i32"} or len(results) > 1:
            raise WasmtimeError(f"not a function of 32-bit integers: {params} -> {results}")
        slots = max(len(params), len(results))
        buffer = (ctypes.c_uint32 * (_VALUE // 4 * max(slots, 1)))()
        values = ctypes.cast(buffer, ctypes.POINTER(ffi.wasmtime_val_raw_t))
        context, target = self._store._context(), ctypes.byref(function._func)
        trap = ctypes.POINTER(ffi.wasm_trap_t)()
        trap_ref = ctypes.byref(trap)
        enter = ffi.wasmtime_func_call_unchecked
        arity = len(params)

        def call(*args: int) -> int:
            if len(args) != arity:
                raise TypeError(f"takes {arity} arguments, not {len(args)}")
            for index, value in enumerate(args):
                buffer[4 * index] = value
            error = enter(context, target, values, slots, trap_ref)
            if trap or error:  # type: ignore[truthy-bool]  # ctypes pointers are false when null
                self._raise(trap, error)
            return buffer[0] if results else 0

        self._keep.append((function, buffer))
        return call

    def _raise(self, trap: Any, error: Any) -> None:
        failure, self._failure = self._failure, None
        if error:
            if failure is None:
                raise WasmtimeError._from_ptr(error)
            ffi.wasmtime_error_delete(error)
        if trap:
            # The pointer object is reused by the next call: hand over a copy, leave it null.
            mine = ctypes.cast(ctypes.cast(trap, ctypes.c_void_p), ctypes.POINTER(ffi.wasm_trap_t))
            ctypes.memset(ctypes.byref(trap), 0, ctypes.sizeof(trap))
            if failure is None:
                raise Trap._from_ptr(mine)
            ffi.wasm_trap_delete(mine)
        if failure is not None:
            raise failure


class LinearMemory:
    """The interpreter's memory, read and written in place, also from another thread.

    wasmtime reserves the whole 32-bit address space for a memory on 64-bit hosts, so growing it
    does not move it.
    """

    def __init__(self, memory: Memory, store: Store) -> None:
        self._memory, self._store = memory, store
        self._base = ctypes.addressof(memory.data_ptr(store).contents)

    def __len__(self) -> int:
        return self._memory.data_len(self._store)

    def grow(self, pages: int) -> bool:
        """Add pages of 64 KiB; False when the engine refuses."""
        try:
            self._memory.grow(self._store, pages)
        except WasmtimeError:
            return False
        return ctypes.addressof(self._memory.data_ptr(self._store).contents) == self._base

    def read(self, address: int, count: int) -> bytes:
        """Copy ``count`` bytes out."""
        return ctypes.string_at(self._base + address, count)

    def write(self, address: int, data: bytes) -> None:
        """Copy ``data`` in."""
        ctypes.memmove(self._base + address, data, len(data))

    def text(self, address: int) -> str:
        """The NUL-terminated UTF-8 text at an address."""
        return ctypes.string_at(self._base + address).decode("utf-8", "surrogateescape")

    def word(self, address: int) -> ctypes.c_uint32:
        """A 32-bit word as a ctypes object: its ``value`` is the memory itself."""
        return ctypes.c_uint32.from_address(self._base + address)
