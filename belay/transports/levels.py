# SPDX-License-Identifier: Apache-2.0
"""DTR and RTS: two lines beside the data that reset many a board when they move.

Boards with an ESP chip have the circuit that their flash tools use, and its newer chips imitate it
in their own USB port: RTS on while DTR is off holds the chip in reset; DTR on while RTS is off
starts its boot loader at the next reset. With both on or both off nothing happens. So both move
at the same time, or in an order that never passes through RTS without DTR.
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
import sys
import time
from typing import Protocol

__all__ = ["LevelPort", "drop", "lift", "own_usb", "pulse", "set_together", "stay_at_close"]

_HELD = 0.1
"""Seconds in reset: as esptool's hard reset."""

_STARTING = 0.2
"""Seconds in which a chip has surely read its boot pins: capacitors take some milliseconds."""

_OWN_USB = re.compile(r"(ttyACM\d+|(cu|tty)\.usbmodem.*)")
_ADAPTERS = (0x0403, 0x067B, 0x10C4, 0x1A86)  # FTDI, Prolific, Silicon Labs, WCH


class LevelPort(Protocol):
    """The part of pyserial's port that this is about."""

    dtr: bool
    rts: bool


def lift(port: LevelPort, dtr: bool = True, rts: bool = True) -> None:
    """Bring both lines of an open port from off to these levels, one after the other."""
    if dtr:
        port.dtr = True
    if rts:
        port.rts = True


def drop(port: LevelPort) -> None:
    """Bring both lines of an open port to off, one after the other."""
    port.rts = False
    port.dtr = False


def pulse(port: LevelPort) -> bool:
    """Hold the chip behind a port in reset for a moment, and let it start its program.

    Boards that are not wired so take no notice. The lines are left as they were.

    Returns:
        False where the port has no such lines.
    """
    try:
        before = port.dtr, port.rts
        port.dtr = False
        port.rts = True
        time.sleep(_HELD)
        port.rts = False
        # A chip that reads its boot pins while DTR is on alone would start its boot loader.
        time.sleep(_STARTING)
        lift(port, *before)
    except (OSError, ValueError):  # pyserial's exceptions are among these
        return False
    return True


def set_together(descriptor: int, dtr: bool | None, rts: bool | None) -> None:
    """Set the lines of an open port in one step.

    A port without such lines, as a pseudo-terminal is, stays as it is.

    Args:
        descriptor: of the port.
        dtr: its level; None leaves it.
        rts: its level; None leaves it.
    """
    import fcntl
    import termios

    with contextlib.suppress(OSError):
        answer = fcntl.ioctl(descriptor, termios.TIOCMGET, struct.pack("I", 0))
        lines: int = struct.unpack("I", answer)[0]
        for line, level in ((termios.TIOCM_DTR, dtr), (termios.TIOCM_RTS, rts)):
            if level is not None:
                lines = lines | line if level else lines & ~line
        fcntl.ioctl(descriptor, termios.TIOCMSET, struct.pack("I", lines))


def stay_at_close(descriptor: int) -> None:
    """Leave the lines of a port as they are when it is closed, and so when it is opened again."""
    import termios

    with contextlib.suppress(termios.error):
        attributes = termios.tcgetattr(descriptor)
        attributes[2] &= ~termios.HUPCL
        termios.tcsetattr(descriptor, termios.TCSANOW, attributes)


def own_usb(port: str, vid: int | None = None) -> bool:
    """Whether a port is the board's own USB, and not that of an adapter chip beside it.

    Its DTR says whether anybody listens: a board that believes so waits for its prints to be read.
    So it has to go off when the port is closed, which resets none of these boards: there both lines
    go at once.

    Args:
        port: its path.
        vid: the vendor of the USB device, where it is known.
    """
    name = os.path.basename(os.path.realpath(port) if sys.platform != "win32" else port)
    return vid not in _ADAPTERS and _OWN_USB.fullmatch(name) is not None
