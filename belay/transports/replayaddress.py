# SPDX-License-Identifier: Apache-2.0
"""The address of a recording in the place of a board."""

from __future__ import annotations

from typing import NamedTuple

from belay.transports.options import Mistake, Options, join_options

__all__ = ["ReplayAddress", "parse_replay"]


class ReplayAddress(NamedTuple):
    """A cassette that is played; see `belay.cassettes`.

    Attributes:
        file: its path.
        fast: as fast as possible; False: as long as it took when it was recorded.
    """

    file: str
    fast: bool = True

    def __str__(self) -> str:
        return f"replay:{self.file}" + join_options({"timing": None if self.fast else "recorded"})


def parse_replay(scheme: str, rest: str) -> ReplayAddress:
    """Understand what stands behind ``replay:``.

    Raises:
        Mistake: it names no file, or has an unknown option.
    """
    file, _, tail = rest.partition("?")
    if not file:
        raise Mistake("the file is missing", "Write 'replay:session.cassette'.")
    timing = Options(tail, "timing").text("timing") or "fast"
    if timing not in ("fast", "recorded"):
        raise Mistake(f"the option 'timing' must be 'fast' or 'recorded', not {timing!r}")
    return ReplayAddress(file, timing == "fast")
