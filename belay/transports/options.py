# SPDX-License-Identifier: Apache-2.0
"""What stands behind the question mark of an address, and the mistakes that addresses have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

__all__ = ["Mistake", "Options", "join_options"]

_SIZE = re.compile(r"(\d+)([KM]?)(?:i?B)?", re.IGNORECASE)
_DECIMAL = re.compile(r"(\d+\.?\d*|\.\d+)(e-?\d{1,3})?", re.ASCII)
_UNITS = {"": 1, "K": 1024, "M": 1024 * 1024}
_FLAGS = {"1": True, "true": True, "yes": True, "on": True}
_FLAGS |= {"0": False, "false": False, "no": False, "off": False}


class Mistake(Exception):
    """What is wrong with an address; `belay.transports.address` makes an AddressError of it.

    Args:
        what: the part that is wrong, as the end of a sentence without its full stop.
        hint: what to write, as a sentence; empty for none.
        shown: how the message names the address; None for as it was typed.
    """

    def __init__(self, what: str, hint: str = "", shown: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.shown = shown


class Options:
    """The options of an address, ``key=value`` joined by ``&``.

    Args:
        text: what stands behind the question mark; may be empty.
        known: the keys that may be there.

    Raises:
        Mistake: a key is unknown, missing or there twice.
    """

    def __init__(self, text: str, *known: str) -> None:
        self._values: dict[str, str] = {}
        for item in text.split("&") if text else ():
            key, _, value = item.partition("=")
            if not key:
                if item:
                    raise Mistake(f"the option {item!r} has no name")
                continue
            if key not in known:
                raise Mistake(f"unknown option {key!r}", f"Known here: {', '.join(known)}.")
            if key in self._values:
                raise Mistake(f"the option {key!r} is there twice")
            self._values[key] = unquote(value)

    def text(self, key: str) -> str | None:
        """The value as it is; None where the option is not there."""
        return self._values.get(key)

    def number(self, key: str, least: int = 0) -> int | None:
        """The value as a whole number."""
        value = self._values.get(key)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit()):
            raise Mistake(f"the option {key!r} must be a whole number, not {value!r}")
        if int(value) < least:
            raise Mistake(f"the option {key!r} must be {least} or more, not {value}")
        return int(value)

    def decimal(self, key: str, most: float) -> float | None:
        """The value as a number from 0 to ``most``."""
        value = self._values.get(key)
        if value is None:
            return None
        if not _DECIMAL.fullmatch(value) or float(value) > most:
            raise Mistake(f"the option {key!r} must be a number from 0 to {most:g}, not {value!r}")
        return float(value)

    def flag(self, key: str) -> bool | None:
        """The value as yes or no."""
        value = self._values.get(key)
        if value is None:
            return None
        if value.lower() not in _FLAGS:
            raise Mistake(f"the option {key!r} must be 1 or 0, not {value!r}")
        return _FLAGS[value.lower()]

    def size(self, key: str) -> int | None:
        """The value in bytes."""
        value = self._values.get(key)
        if value is None:
            return None
        found = _SIZE.fullmatch(value) if value.isascii() else None
        if found is None:
            raise Mistake(f"the option {key!r} must be a size such as 512K or 2M, not {value!r}")
        return int(found[1]) * _UNITS[found[2].upper()]


def join_options(options: Mapping[str, str | float | bool | None], sign: str = "?") -> str:
    """The set options as an address has them, with ``sign`` in front; empty for none.

    Args:
        options: keys and values; what is None is left away, and so are flags that are False
            where None would mean the same to the caller.
        sign: what stands in front.
    """
    # Only what would end an option is escaped: an address is read by people.
    shown = [
        f"{key}={_escaped(str(int(value) if isinstance(value, bool) else value))}"
        for key, value in options.items()
        if value is not None
    ]
    return sign + "&".join(shown) if shown else ""


def _escaped(value: str) -> str:
    return value.replace("%", "%25").replace("&", "%26")
