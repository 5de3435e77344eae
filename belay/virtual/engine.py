# SPDX-License-Identifier: Apache-2.0
"""Compiling MicroPython's WebAssembly once, and finding it compiled ever after.

The official ``micropython.wasm`` was built for a JavaScript host. :mod:`belay.virtual.shim` writes
the small WebAssembly modules that take JavaScript's place; this module compiles all of it and
lets wasmtime keep the machine code in its own cache, so that a second start takes milliseconds.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from wasmtime import Config, Engine, Module, TableType, WasmtimeError, wat2wasm

from . import shim

__all__ = ["WASM_PATH", "Firmware"]

WASM_PATH = Path(__file__).with_name("micropython.wasm")

# The interpreter recurses in C; wasmtime's default of 512 KiB is less than Python code may need.
_WASM_STACK = 1 << 20


def _engine() -> Engine:
    """An engine with exceptions (for longjmp) and, where its folder can be made, a code cache."""
    config = Config()
    config.wasm_exceptions = True
    config.max_wasm_stack = _WASM_STACK
    with contextlib.suppress(WasmtimeError):
        # Without a writable cache folder, every start compiles; nothing else is lost.
        config.cache = True
    return Engine(config)


class Firmware:
    """The compiled interpreter and its shims; any number of boots can share one.

    Attributes:
        engine: the wasmtime engine everything was compiled for.
        interpreter: MicroPython itself, the unmodified file.
        longjmp: stands in for JavaScript's exceptions (``invoke_*`` and longjmp).
        bridge: reaches into the interpreter's memory: bulk input and buffered output.
        invokes: names of the ``invoke_*`` functions that the interpreter imports.
    """

    def __init__(self, path: Path = WASM_PATH) -> None:
        if not path.exists():
            raise FileNotFoundError(
                f"the virtual board's interpreter is missing: {path.name} is fetched when belay "
                "is built. Install belay-jupyter again, or build it from a source tree."
            )
        self.engine = _engine()
        self.interpreter = Module.from_file(self.engine, str(path))
        self.invokes = [
            entry.name or ""
            for entry in self.interpreter.imports
            if (entry.name or "").startswith("invoke_")
        ]
        slots = self._table_slots()
        self.longjmp = self._small(shim.longjmp_wat(self.invokes, slots))
        self.bridge = self._small(shim.bridge_wat(slots))

    def _small(self, text: str) -> Module:
        return Module(self.engine, bytes(wat2wasm(text)))

    def _table_slots(self) -> int:
        """Number of functions in the interpreter's table of indirect calls."""
        for export in self.interpreter.exports:
            if export.name == "__indirect_function_table" and isinstance(export.type, TableType):
                return export.type.limits.min
        raise WasmtimeError("this micropython.wasm exports no table of functions")
