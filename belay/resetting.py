# SPDX-License-Identifier: Apache-2.0
"""To start a board anew and leave it alone: what it then runs is not interrupted.

Every other way to the end of a Device stops the board at its prompt. Here the Device is closed
without another word, so that ``main.py`` runs as it does when the board gets its power.
"""

from __future__ import annotations

import codecs
import contextlib
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from belay import errors

if TYPE_CHECKING:
    from belay.device import Device
    from belay.output import TextSink
    from belay.transports.base import Transport

__all__ = ["restart", "start_bootloader"]

_PATIENCE = 10.0
"""Seconds in which a board says that it begins anew."""

_COMPLAINT = 3.0
"""Seconds in which a board complains that it cannot do what was typed."""

_REBOOT = re.compile(rb"soft reboot\r*\n")
_FAILURE = re.compile(
    rb'  File "<stdin>", line \d[^\n]*\n(?:  File [^\n]*\n)*(\w+(?:Error|Exception)\b[^\r\n]*)\r*\n'
)
"""Of what was typed; a board that does it may soon show the exception of its own main.py."""

_PROMPT = re.compile(rb">>> $")

_TYPED = {
    # At the friendly prompt: the answer to a raw command would be waited for in vain.
    ("micropython", "reset"): b"__import__('machine').reset()\r",
    ("micropython", "bootloader"): b"__import__('machine').bootloader()\r",
    ("circuitpython", "reset"): b"__import__('microcontroller').reset()\r",
    ("circuitpython", "bootloader"): (
        b"import microcontroller as m;m.on_next_reset(m.RunMode.BOOTLOADER);m.reset()\r"
    ),
}


def restart(
    device: Device,
    *,
    hard: bool = False,
    follow: TextSink | None = None,
    timeout: float = _PATIENCE,
) -> None:
    """Reset a board, which then runs ``boot.py`` and ``main.py``; the Device is closed.

    Args:
        device: the way to it.
        hard: reset the chip, as its button does. Otherwise memory is cleared and programs start
            anew, but peripherals and a USB link stay as they are.
        follow: takes what it prints from then on, until the link ends or Ctrl-C is typed.
        timeout: seconds in which the board has to begin.

    Raises:
        BoardSilentError: a soft reset did not begin.
        FeatureUnavailableError: the board cannot do it.
        KeyboardInterrupt: Ctrl-C, while following.
    """

    def reset(transport: Transport) -> None:
        if hard:
            rest = _type(device, transport, "reset", timeout, patient=follow is None)
        else:
            transport.write(b"\x04")  # alone on an empty line
            rest = _soft_reboot(transport, time.monotonic() + timeout)
        if follow is not None and rest is not None:
            _follow(transport, rest, follow)

    _and_no_more(device, reset)


def start_bootloader(device: Device, *, timeout: float = _PATIENCE) -> None:
    """Start the bootloader of a board, which waits for new firmware; the Device is closed.

    Args:
        device: the way to it.
        timeout: seconds in which the board has to begin.

    Raises:
        FeatureUnavailableError: it has none that a program can start.
    """
    _and_no_more(device, lambda transport: _type(device, transport, "bootloader", timeout))


def _and_no_more(device: Device, use: Callable[[Transport], object]) -> None:
    """Use the link, then give it up. No goodbye: the board is busy with something else."""
    session = device._session
    try:
        session.lend(use)
    finally:
        session.drop()
        device.close()


def _soft_reboot(transport: Transport, deadline: float) -> bytes | None:
    """Wait for the words with which a soft reset begins.

    Returns:
        What came behind them; None when the link has ended, as that of WebREPL does.
    """
    seen = b""
    try:
        while not (found := _REBOOT.search(seen)):
            if not transport.wait(max(0.0, deadline - time.monotonic())):
                raise errors.BoardSilentError("the board did not begin a soft reset.")
            seen += transport.read()
    except errors.ConnectionLost:
        return None
    return seen[found.end() :]


def _type(
    device: Device, transport: Transport, what: str, timeout: float, *, patient: bool = True
) -> bytes | None:
    """Type a command that the board does not come back from.

    Args:
        device: the way to it.
        transport: its link.
        what: a key of :data:`_TYPED`.
        timeout: seconds in which the board has to be at its prompt.
        patient: wait for a complaint; otherwise whoever reads on sees it.

    Returns:
        What it has printed since; None when the link has ended.
    """
    command = _TYPED.get((device.implementation.name, what), _TYPED["micropython", what])
    _to_prompt(transport, timeout)
    transport.write(command)
    seen = b""
    end = time.monotonic() + min(timeout, _COMPLAINT)
    try:
        # A board that does it is silent, or gone, or greets anew; one that cannot tells why.
        while (left := end - time.monotonic()) > 0 and transport.wait(left):
            seen += transport.read()
            said = seen.partition(b"\n")[2]  # behind the echo of what was typed
            if failure := _FAILURE.search(said):
                reason = failure[1].decode("utf-8", "replace")
                raise errors.FeatureUnavailableError(f"this board has no such {what}: {reason}")
            if _PROMPT.search(said) or (said and not patient):
                break
    except errors.ConnectionLost:
        return None
    return seen.partition(b"\n")[2]


def _to_prompt(transport: Transport, timeout: float) -> None:
    """Take the friendly prompt and what stands before it."""
    seen = b""
    end = time.monotonic() + timeout
    while not _PROMPT.search(seen) and transport.wait(max(0.0, end - time.monotonic())):
        seen = (seen + transport.read())[-64:]


def _follow(transport: Transport, rest: bytes, sink: TextSink) -> None:
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    flush = getattr(sink, "flush", lambda: None)
    with contextlib.suppress(errors.ConnectionLost):
        while True:
            sink.write(decode(rest).replace("\r\n", "\n"))
            flush()
            transport.wait(None)
            rest = transport.read()
