# SPDX-License-Identifier: Apache-2.0
"""What a board is and what it has: asked in one round trip."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from belay.session.operations import perform
from belay.session.requests import VALUE, Operation

if TYPE_CHECKING:
    from belay.device import Device

__all__ = ["BoardInfo", "board_info"]

_QUESTION = """\
def __belay_info():
 import gc,sys
 gc.collect()
 d={}
 def put(k,f):
  try:d[k]=f()
  except Exception:pass
 def chip(n):return getattr(__import__("machine"),n)()
 def cpu():return __import__("microcontroller").cpu
 put("free",gc.mem_free)
 put("used",gc.mem_alloc)
 put("build",lambda:sys.version)
 put("machine",lambda:__import__("os").uname().machine)
 put("frequency",lambda:cpu().frequency)
 put("frequency",lambda:chip("freq"))
 put("unique_id",lambda:bytes(cpu().uid))
 put("unique_id",lambda:bytes(chip("unique_id")))
 put("files",lambda:__import__("os").statvfs("/")[:4])
 put("modules",lambda:help("modules"))
 return d
_belay_value=__belay_info()
del __belay_info
"""
"""Whatever a board lacks is left out of its answer; ``help("modules")`` prints."""

_LAST_LINE = "Plus any modules on the filesystem"


@dataclass(frozen=True)
class BoardInfo:
    """A board, as it describes itself. None, 0 or empty is what it does not tell.

    Attributes:
        implementation: ``"micropython"`` or ``"circuitpython"``.
        version: such as ``"1.27.0"``.
        platform: the port of MicroPython, such as ``"rp2"``.
        machine: the board, such as ``"Raspberry Pi Pico W with RP2040"``.
        build: ``sys.version``, which tells the day of the build.
        address: where it was reached.
        frequency: of the processor, in Hz.
        unique_id: of the chip, in hexadecimal.
        mpy_version: of the ``.mpy`` files that it loads, such as ``"6.3"``.
        arch: for which native code such a file may hold, such as ``"armv6m"``.
        emitters: compilers of native code that it has: ``"native"``, ``"viper"``.
        heap_free: bytes.
        heap_used: bytes.
        flash_free: bytes of the file system at ``/``.
        flash_size: bytes of it in all.
        modules: names of those that are built in, sorted.
    """

    implementation: str
    version: str
    platform: str
    machine: str
    build: str
    address: str
    frequency: int | None
    unique_id: str
    mpy_version: str
    arch: str
    emitters: tuple[str, ...]
    heap_free: int | None
    heap_used: int | None
    flash_free: int | None
    flash_size: int | None
    modules: tuple[str, ...]


def board_info(device: Device, *, timeout: float | None = None) -> BoardInfo:
    """Ask a board what it is.

    Its heap is collected first, so that what is free is what a program can have.

    Args:
        device: the way to it.
        timeout: seconds after which it is not waited for any longer.
    """
    printed = io.StringIO()
    answer: dict[str, Any] = device._ask(
        perform, Operation(VALUE, ("<info>", _QUESTION)), printed, timeout
    )
    facts, python = device._session.facts, device.implementation
    block, fragment, blocks, free = answer.get("files", (0, 0, 0, 0))
    size = (fragment or block) * blocks
    mpy = facts.mpy & 0xFF
    return BoardInfo(
        implementation=python.name,
        version=".".join(map(str, python.version)),
        platform=python.platform,
        machine=facts.machine or answer.get("machine", ""),
        build=answer.get("build", ""),
        address=device.address,
        frequency=_hertz(answer.get("frequency")),
        unique_id=answer.get("unique_id", b"").hex(),
        mpy_version=f"{mpy}.{facts.mpy >> 8 & 3}" if mpy else "",
        arch=python.arch or "",
        emitters=python.emitters,
        heap_free=answer.get("free"),
        heap_used=answer.get("used"),
        flash_free=(fragment or block) * free if size else None,
        flash_size=size or None,
        modules=_modules(printed.getvalue()),
    )


def _hertz(frequency: Any) -> int | None:
    """Some ports answer with several clocks, the processor's first."""
    if isinstance(frequency, (tuple, list)):
        frequency = frequency[0] if frequency else None
    return None if frequency is None else int(frequency)


def _modules(text: str) -> tuple[str, ...]:
    """The names in what ``help("modules")`` prints, in columns."""
    names = re.findall(r"\S+", text.partition(_LAST_LINE)[0])
    return tuple(sorted({name.removesuffix("/__init__").replace("/", ".") for name in names}))
