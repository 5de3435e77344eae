# SPDX-License-Identifier: Apache-2.0
"""Two names of Belay 0.30 for what is no value. Programs compare results with them."""

from __future__ import annotations

__all__ = ["NO_RESULT", "UNPARSABLE_RESULT"]


class _Sentinel(type):
    """A class that stands for itself: falsy, and never instantiated."""

    def __bool__(cls) -> bool:
        return False

    def __repr__(cls) -> str:
        return f"<{cls.__name__}>"

    def __call__(cls) -> None:
        raise TypeError(f"{cls.__name__} is a value of its own; it cannot be called")


class NO_RESULT(metaclass=_Sentinel):  # noqa: N801 - its name since Belay 0.30
    """There is no result. Nothing here returns it: statements return None."""


class UNPARSABLE_RESULT(metaclass=_Sentinel):  # noqa: N801
    """What Belay 0.30 returned silently for a result that cannot travel.

    Nothing here returns it: such a result raises :class:`belay.UnsupportedValueError`.
    """
