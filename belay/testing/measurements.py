# SPDX-License-Identifier: Apache-2.0
"""Values that a test has measured, with their limits."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Measurement", "measurement", "write_measurements"]


class Measurement(NamedTuple):
    """One value.

    Attributes:
        name: what was measured.
        value: how much.
        unit: of the value and its limits.
        low: the least that is right; None for any.
        high: the most that is right; None for any.
    """

    name: str
    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None

    @property
    def passed(self) -> bool:
        """Whether it is within its limits; a limit itself is, and nan is not."""
        if math.isnan(self.value) and (self.low is not None or self.high is not None):
            return False
        return (self.low is None or self.value >= self.low) and (
            self.high is None or self.value <= self.high
        )

    @property
    def limits(self) -> str:
        """The limits in words; empty where there are none."""
        unit = f" {self.unit}" if self.unit else ""
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}{unit}"
        if self.low is not None:
            return f"at least {self.low:g}{unit}"
        return f"at most {self.high:g}{unit}" if self.high is not None else ""

    def __str__(self) -> str:
        text = f"{self.value:.10g}{' ' + self.unit if self.unit else ''}"
        return f"{text} ({self.limits})" if self.limits else text


def measurement(
    name: str, value: Any, unit: str, low: float | None, high: float | None
) -> Measurement:
    """Check what a test gives.

    Raises:
        TypeError: the name is no text, or the value or a limit no number.
        ValueError: the limits leave nothing.
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"a measurement needs a name, not {name!r}")
    for what, number in (("value", value), ("low", low), ("high", high)):
        absent = number is None and what != "value"
        if not absent and (isinstance(number, bool) or not isinstance(number, (int, float))):
            raise TypeError(f"{what} of the measurement {name!r} must be a number, not {number!r}")
    if low is not None and high is not None and low > high:
        raise ValueError(f"limits of the measurement {name!r}: {low!r} is above {high!r}")
    return Measurement(name, value, unit, low, high)


def write_measurements(path: Path, records: list[dict[str, Any]]) -> None:
    """Write all measurements of a run.

    Args:
        path: the file.
        records: what each was, of which test and on which board; numbers that JSON has not (nan,
            inf) become texts.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    clean = [{key: _plain(value) for key, value in record.items()} for record in records]
    path.write_text(json.dumps(clean, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
