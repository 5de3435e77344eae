# SPDX-License-Identifier: Apache-2.0
"""The addresses of virtual boards: their names and options."""

from __future__ import annotations

import re
from typing import NamedTuple

from belay.transports.options import Mistake, Options, join_options

__all__ = ["BOARD_NAME", "VirtualAddress", "parse_virtual"]

BOARD_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""What a board can be called."""

_OPTIONS = (
    "files", "flash", "cooked", "seed", "circuitpython", "bench", "net", "baud", "delay", "loss"
)  # fmt: skip


class VirtualAddress(NamedTuple):
    """A virtual board: a MicroPython in a process of its own.

    Attributes:
        name: boards with a name are shared within this process; ``""`` is a private one.
        files: folder of this machine that is the board's file system; None keeps it in memory.
        flash: size of the file system in bytes; None for the board's default.
        cooked: ``\\n`` leaves the board as ``\\r\\n``, as on most real boards.
        seed: makes what is random on the board repeatable.
        circuitpython: the board behaves as one that runs CircuitPython.
        bench: file of a scene: which parts hang on the board.
        net: ``"loopback"``: sockets of the board reach this computer; ``""``: it has none.
        baud: line rate of its link in bit/s; None for no limit.
        delay: seconds that every byte of the link travels.
        loss: the chance of every byte of the link that it is lost, 0 to 1.
    """

    name: str = ""
    files: str | None = None
    flash: int | None = None
    cooked: bool = False
    seed: int | None = None
    circuitpython: bool = False
    bench: str | None = None
    net: str = ""
    baud: int | None = None
    delay: float = 0.0
    loss: float = 0.0

    def __str__(self) -> str:
        options: dict[str, str | float | bool | None] = {
            "files": self.files,
            "flash": self.flash,
            "cooked": self.cooked or None,
            "seed": self.seed,
            "circuitpython": self.circuitpython or None,
            "bench": self.bench,
            "net": self.net or None,
            "baud": self.baud,
            "delay": self.delay or None,
            "loss": self.loss or None,
        }
        return f"virtual:{self.name}" + join_options(options)


def parse_virtual(scheme: str, rest: str) -> VirtualAddress:
    """Understand what follows ``virtual:``.

    Raises:
        Mistake: it cannot be understood.
    """
    name, _, tail = rest.partition("?")
    if name and not BOARD_NAME.fullmatch(name):
        hint = f"For options write 'virtual:?{name}'." if "=" in name else ""
        raise Mistake(f"the name {name!r} has more than letters, digits, '_', '.', '-'", hint)
    options = Options(tail, *_OPTIONS)
    net = options.text("net")
    if net not in (None, "loopback"):
        raise Mistake(f"net={net}: the only network of virtual boards is 'loopback'")
    if options.text("files") == "":
        raise Mistake("the option 'files' names no folder")
    if options.text("bench") == "":
        raise Mistake("the option 'bench' names no file")
    return VirtualAddress(
        name,
        options.text("files"),
        options.size("flash"),
        bool(options.flag("cooked")),
        options.number("seed"),
        bool(options.flag("circuitpython")),
        options.text("bench"),
        net or "",
        options.number("baud", 1),
        options.decimal("delay", 60) or 0.0,
        options.decimal("loss", 1) or 0.0,
    )
