# SPDX-License-Identifier: Apache-2.0
"""``belay virtual``: a virtual board that any serial tool can connect to."""

from __future__ import annotations

import os
import re

from belay.cli.usage import UsageError
from belay.errors import BelayException

__all__ = ["virtual"]


def virtual(
    link: str | None = None,
    *,
    pty: bool = False,
    tcp: int | None = None,
    stdio: bool = False,
    webrepl: int | None = None,
    password: str | None = None,
    files: str | None = None,
    flash: str = "4M",
    cooked: bool = False,
    seed: int | None = None,
    circuitpython: bool = False,
    bench: str | None = None,
    net: str | None = None,
) -> None:
    """Run a virtual MicroPython board that other programs can connect to.

    It ends on Ctrl-C, or when the program that started it ends. Without --pty, --tcp, --stdio
    or --webrepl it makes a serial port where the system can, else it listens on a free TCP port.

    Args:
        link: with --pty: make a symbolic link with this name to the serial port.
        pty: make a serial port (a pseudo terminal) and print its name.
        tcp: listen on this port of 127.0.0.1; 0 picks a free one and prints it.
        stdio: talk on standard input and output, until standard input ends.
        webrepl: be a WebREPL on this port of 127.0.0.1; 0 picks a free one and prints it.
        password: with --webrepl: at most 9 characters. Without it the board's webrepl_cfg.py has
            one, or the variable BELAY_PASSWORD; else a new one is drawn and printed.
        files: keep the board's files in this folder; without it they are gone at the end.
        flash: how much the files may take, such as 512K or 2M.
        cooked: send CR LF where programs print LF, as boards with a UART do.
        seed: make the board's random numbers repeatable.
        circuitpython: behave as a board that runs CircuitPython.
        bench: hang the parts of this scene (a bench.toml) on the board.
        net: 'loopback' lets the board's sockets reach this computer; else it has none.

    Examples:
        belay virtual
        belay virtual --pty /tmp/board --files ./flash
        belay virtual --tcp 2217 --flash 2M
        belay virtual --webrepl 8266
    """
    if pty + stdio + (tcp is not None) + (webrepl is not None) > 1:
        raise UsageError("Only one of --pty, --tcp, --stdio and --webrepl makes sense.")
    if link is not None and (stdio or tcp is not None or webrepl is not None):
        raise UsageError(f"{link!r} would be the name of a serial port: it needs --pty.")
    for option, port in (("--tcp", tcp), ("--webrepl", webrepl)):
        if port is not None and not 0 <= port <= 65535:
            raise UsageError(f"{option} {port}: a port is from 0 (any free one) to 65535.")
    if password is not None and webrepl is None:
        raise UsageError("--password is WebREPL's: it needs --webrepl.")
    if net not in (None, "loopback"):
        raise UsageError(f"--net {net}: the only network there is is 'loopback'.")
    if not (stdio or pty or tcp is not None or webrepl is not None):
        pty = os.name == "posix"
        tcp = None if pty else 0

    from belay.virtual.serve import serve

    try:
        serve(
            stdio=stdio,
            tcp=tcp,
            pty=(link or "") if pty else None,
            webrepl=webrepl,
            password=password,
            files=files,
            flash=_bytes(flash),
            cooked=cooked,
            seed=seed,
            circuitpython=circuitpython,
            bench=bench,
            net=net,
        )
    except OSError as error:
        raise BelayException(f"The virtual board cannot start: {error}") from error


def _bytes(text: str) -> int:
    """The number of bytes that a text such as ``512K`` or ``2M`` means."""
    match = re.fullmatch(r"(\d+)\s*([kKmM]?)(i?[bB])?", text.strip())
    if match is None:
        raise UsageError(f"--flash {text}: give bytes, or a number with K or M, such as 2M.")
    unit = {"": 1, "k": 1 << 10, "m": 1 << 20}[match.group(2).lower()]
    return int(match.group(1)) * unit
