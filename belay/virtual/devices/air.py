# SPDX-License-Identifier: Apache-2.0
"""The air around the board's sensors: what there is to measure, as a function of time."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Air", "Weather", "room"]


class Weather(NamedTuple):
    """The state of the air.

    Attributes:
        temperature: degrees Celsius.
        pressure: pascals.
        humidity: relative, in percent.
    """

    temperature: float
    pressure: float
    humidity: float


Air = Callable[[float], Weather]
"""Tells the weather so many seconds after the board was powered."""

_ROOM = Weather(22.0, 101_325.0, 45.0)
_SWING = Weather(0.5, 40.0, 1.5)  # of each of two slow waves


def room(seed: int | None) -> Air:
    """The air of a room that drifts slowly: about 22 °C, 1013 hPa, 45 %rH.

    Args:
        seed: the same seed makes the same room; None makes one that never was.
    """
    dice = random.Random(seed)
    waves = [
        [(math.tau / dice.uniform(200, 900), dice.uniform(0, math.tau)) for _ in range(2)]
        for _ in _ROOM
    ]

    def weather(seconds: float) -> Weather:
        return Weather(
            *(
                mean + swing * sum(math.sin(speed * seconds + phase) for speed, phase in pair)
                for mean, swing, pair in zip(_ROOM, _SWING, waves, strict=True)
            )
        )

    return weather
