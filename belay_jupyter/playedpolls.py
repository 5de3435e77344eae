# SPDX-License-Identifier: Apache-2.0
"""Watches of a recording: each gets all the answers that it got then, in time or at its end.

How often a question was asked was a matter of time, and the recording may be played faster. So
nothing is asked at intervals: what the program has reached is handed on, and what is left when a
watch is stopped, too.
"""

from __future__ import annotations

import math
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from belay_jupyter.polling import (
    ALIVE,
    Answer,
    Poller,
    Question,
    Watch,
    known_answer,
    next_recorded,
)

if TYPE_CHECKING:
    from belay.device import Device

__all__ = ["PlayedPoller"]

_LOOK = 0.05
"""Seconds after which it is looked whether the program has come further."""


class _PlayedWatch(Watch):
    def __init__(
        self,
        question: Question,
        callback: Callable[[Answer], object],
        every: float,
        title: str,
        device: weakref.ref[Device],
    ) -> None:
        super().__init__(question, callback, min(every, _LOOK), title)
        self._device = device
        self._limits = self._counts()

    def _counts(self) -> deque[int]:
        """How many answers had been handed on each time that the notebook has shown it."""
        found: deque[int] = deque()
        device = self._device()
        while device is not None and self.question.kind != ALIVE:
            count = next_recorded(device, self.question, f"{self.title} shown", due=False)
            if count is None:
                break
            found.append(count.value)
        return found

    def play(self, *, due: bool, count: float = math.inf) -> None:
        """Hand on what is there.

        Args:
            due: only what the program has reached.
            count: until it is so many altogether.
        """
        device = self._device()
        with self._turn:
            while not self.stopped and self.taken < count and device is not None:
                if (known := known_answer(device, self.question)) is not None:
                    self.take(known)
                    return
                answer = next_recorded(device, self.question, self.title, due=due)
                if answer is None:
                    return
                self.take(answer)

    def play_due(self) -> None:
        """The same of what the program has reached, not beyond what it has shown next."""
        self.play(due=True, count=self._limits[0] if self._limits else math.inf)

    def shown(self, device: Device) -> None:
        """See :meth:`Watch.shown`: as many answers are in the notebook as there were then."""
        if self._limits:
            self.play(due=False, count=self._limits.popleft())

    def stop(self) -> None:
        """See :meth:`Watch.stop`; what it got in the recording was before that."""
        self.play(due=False)
        self.stopped = True


class PlayedPoller(Poller):
    """Asks nothing; see the module."""

    def _watch_for(
        self, question: Question, callback: Callable[[Answer], object], every: float, title: str
    ) -> Watch:
        return _PlayedWatch(question, callback, every, title, self._device)

    def _poll(self, due: list[Watch]) -> None:
        now = time.monotonic()
        for watch in due:
            watch.due = now + watch.every
            assert isinstance(watch, _PlayedWatch), "it is made here"
            watch.play_due()
