# SPDX-License-Identifier: Apache-2.0
"""What is known about a board, in the words of Belay 0.30."""

from __future__ import annotations

from dataclasses import dataclass

from belay.wire.greeting import Facts

__all__ = ["Facts", "Implementation", "implementation_of"]

# Index of the architecture in sys.implementation._mpy (docs.micropython.org, "MicroPython .mpy
# files"): bits 10 to 15.
_ARCHITECTURES = (
    "",
    "x86",
    "x64",
    "armv6",
    "armv6m",
    "armv7m",
    "armv7em",
    "armv7emsp",
    "armv7emdp",
    "xtensa",
    "xtensawin",
    "rv32imc",
    "rv64imc",
)


@dataclass
class Implementation:
    """The Python that runs on the board.

    Attributes:
        name: ``"micropython"`` or ``"circuitpython"``.
        version: such as ``(1, 27, 0)``.
        platform: such as ``"rp2"``.
        arch: native architecture, such as ``"armv6m"``; None where there is none.
        emitters: the native code emitters that work: a subset of ``("native", "viper")``.
    """

    name: str
    version: tuple[int, ...] = ()
    platform: str = ""
    arch: str | None = None
    emitters: tuple[str, ...] = ()


def implementation_of(facts: Facts) -> Implementation:
    """Put a board's answer into Belay's words."""
    index = facts.mpy >> 10 & 0x3F
    arch = _ARCHITECTURES[index] if index < len(_ARCHITECTURES) else ""
    emitters = ("native",) * facts.native + ("viper",) * facts.viper
    return Implementation(facts.name, facts.version, facts.platform, arch or None, emitters)
