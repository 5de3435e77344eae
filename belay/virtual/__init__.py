# SPDX-License-Identifier: Apache-2.0
"""The virtual board: a real MicroPython, without hardware.

A program of its own, ``python -m belay.virtual``: bytes in, bytes out, as on a serial port. It
imports nothing else of belay; importing this package loads nothing heavy. :class:`Board` is what a
host program holds of a running one: its pins, its sensors, its faults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import Board as Board
    from .pipe import BoardGoneError as BoardGoneError
    from .pipe import CommandFailedError as CommandFailedError

__all__ = ["Board", "BoardGoneError", "CommandFailedError"]

_ROOMS = {"Board": "client", "BoardGoneError": "pipe", "CommandFailedError": "pipe"}


def __getattr__(name: str) -> Any:
    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{room}"), name)
