# SPDX-License-Identifier: Apache-2.0
"""What runs on a board before all else."""

from __future__ import annotations

import contextlib
import textwrap

__all__ = ["statements_of"]

_IMPORTS = (
    "import os",
    "import sys",
    "import time",
    "from time import sleep",
    "from micropython import const",
    "import machine",
    "from machine import Pin",
    "from machine import Timer",
    "from machine import PWM",
    "from machine import I2C",
    "from machine import SPI",
    "from machine import ADC",
    "import board",
    "import digitalio",
    "import analogio",
    "from busio import I2C",
    "from busio import SPI",
)
"""What Belay 0.30 imports on MicroPython, then on CircuitPython: asking which of them runs would
cost a round trip."""

_CONVENIENCE = f"""\
def __b(g):
 for s in {_IMPORTS!r}:
  if s.split()[-1] not in g:
   try:exec(s,g)
   except(ImportError,AttributeError):pass
__b(globals())
del __b
"""
"""A name that is taken stays as it is, and what the board lacks is left out."""

_ALWAYS = (
    "exec(\"def __b(g):\\n for s in('os','sys','time'):\\n  if s not in g:\\n   try:g[s]="
    '__import__(s)\\n   except ImportError:0\\n__b(globals())\\ndel __b")'
)
"""What Belay 0.30 imports whatever ``startup`` is: programs' tasks use it. A simple statement, so
that the lines of a ``startup`` behind it keep their numbers."""


def statements_of(startup: str | None, *, reset: bool) -> str:
    """What a Device runs first.

    Args:
        startup: as given to it.
        reset: whether the board's memory is empty.
    """
    if startup is None:
        return _CONVENIENCE
    return _behind(_ALWAYS if reset else "", textwrap.dedent(startup))


def _behind(first: str, statements: str) -> str:
    """A simple statement, and statements behind it whose lines keep their numbers if they can."""
    if not first or not statements:
        return first or statements
    with contextlib.suppress(SyntaxError, ValueError):
        compile(joined := f"{first};{statements}", "<startup>", "exec", dont_inherit=True)
        return joined
    return f"{first}\n{statements.removeprefix(chr(10))}"
