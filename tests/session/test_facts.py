# SPDX-License-Identifier: Apache-2.0
"""What a board says about itself, in Belay's words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from belay.session.facts import Facts, implementation_of

BOARD = Facts("micropython", (1, 27, 0), "rp2", mpy=0, machine="", free=0)


@pytest.mark.parametrize(
    ("mpy", "arch"),
    [
        (774, None),  # the virtual board: version 6.3, no native code
        (6 | 3 << 8 | 1 << 10, "x86"),
        (6 | 3 << 8 | 4 << 10, "armv6m"),
        (6 | 3 << 8 | 10 << 10, "xtensawin"),
        (6 | 3 << 8 | 11 << 10, "rv32imc"),
        # Belay 0.30 took all bits from the tenth on for the index: newer firmware sets flags there.
        (6 | 3 << 8 | 4 << 10 | 1 << 16, "armv6m"),
        (6 | 3 << 8 | 0x3F << 10, None),  # an architecture that is not known yet
        (0, None),
    ],
)
def test_the_architecture_is_six_bits_of_it(mpy: int, arch: str | None) -> None:
    assert implementation_of(replace(BOARD, mpy=mpy)).arch == arch


@pytest.mark.parametrize(
    ("native", "viper", "emitters"),
    [
        (False, False, ()),
        (True, False, ("native",)),
        (True, True, ("native", "viper")),
    ],
)
def test_emitters(native: bool, viper: bool, emitters: tuple[str, ...]) -> None:
    assert implementation_of(replace(BOARD, native=native, viper=viper)).emitters == emitters
