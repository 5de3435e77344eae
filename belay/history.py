# SPDX-License-Identifier: Apache-2.0
"""What a Device has put on its board, so that it can be put there again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from belay.device import Device

__all__ = ["History"]

log = logging.getLogger("belay")

MOST_STATEMENTS = 10_000

Replay = Callable[["Device"], object]


_FEW = ("define", "startup")
"""Kinds of which there are no more than a program has functions."""


class History:
    """Definitions, setups and statements in the order in which they were given.

    What was given more than once stands where it was first and where it was last: what came in
    between may have needed the first, and the last decides. So a program that gives the same
    statements for ever does not make it grow. Calls of tasks are in it only for ``record=True``,
    and then each of them.
    """

    def __init__(self) -> None:
        self._order: dict[tuple[str, str, bool], Replay] = {}
        self._statements = 0
        self._warned = False

    def __len__(self) -> int:
        return len(self._order)

    def record(self, kind: str, key: str, replay: Replay) -> None:
        """Remember something that was done.

        Args:
            kind: ``define``, ``startup``, ``setup``, ``statement`` or ``call``.
            key: tells it from others of its kind: a function's name, the text of a statement or
                call.
            replay: does it again; called with the Device, which it must not hold.
        """
        known = (kind, key, True) in self._order
        entry = (kind, key, not known)
        if self._order.pop(entry, None) is None and kind not in _FEW:
            self._statements += 1
        self._order[entry] = replay
        if self._statements > MOST_STATEMENTS:
            self._forget()

    def _forget(self) -> None:
        oldest = next(entry for entry in self._order if entry[0] not in _FEW)
        del self._order[oldest]
        self._statements -= 1
        if not self._warned:
            self._warned = True
            log.warning(
                "more than %d different statements, setups and recorded calls were sent; after a "
                "reconnect the oldest will not be repeated. Give what need not be record=False.",
                MOST_STATEMENTS,
            )

    def replay(self, device: Device, *kinds: str) -> None:
        """Do all of it again in order, or only what is of these kinds."""
        for entry, again in list(self._order.items()):
            if not kinds or entry[0] in kinds:
                again(device)
