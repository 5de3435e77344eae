# SPDX-License-Identifier: Apache-2.0
"""A cassette while it is played: what comes next, and whether it is what is asked."""

from __future__ import annotations

import contextlib
import difflib
import re
import time
from collections import deque
from collections.abc import Sequence

from belay.cassettes.besides import Said
from belay.cassettes.document import Block, Cassette, Ending, Sample
from belay.cassettes.masking import MASK, Masks
from belay.errors import ReplayError

__all__ = ["BETWEEN", "Tape"]

BETWEEN = "between calls"
"""Title of what a board sends by itself."""

_CONTEXT = 2


class Tape:
    """One playing of a cassette. Its methods are called by one thread at a time.

    Args:
        cassette: what to play.
        fast: as fast as possible; False: as long as it took when it was recorded.

    Attributes:
        begun: ``time.monotonic()`` of the beginning.
        clock: the time of the recording that has been reached, in the scale of ``begun``.
        masks: secrets in what is asked now; in the recording they are masked.
    """

    def __init__(self, cassette: Cassette, *, fast: bool = True) -> None:
        self.cassette = cassette
        self.fast = fast
        self.begun = self.clock = time.monotonic()
        self.masks = Masks()
        self._wall = time.time()
        self._at = 0
        self._samples = list(cassette.samples)
        self._taken = 0
        self._besides = {
            (beside.title, *beside.asked): deque(beside.answers) for beside in cassette.besides
        }
        self._failed: ReplayError | None = None

    def now(self) -> float:
        """The time of the recording, in the scale of ``time.monotonic()``."""
        return self.clock

    def wall(self) -> float:
        """The same in seconds since 1970, as if the recording had begun when the playing did."""
        return self._wall + (self.clock - self.begun)

    def moment(self, nanos: int) -> float:
        """A time of the recording in the scale of :meth:`now`."""
        return self.begun + nanos / 1e9

    def reached(self, nanos: int) -> None:
        """The clock goes on to a time of the recording, never back."""
        self.clock = max(self.clock, self.moment(nanos))

    @property
    def next_title(self) -> str:
        """Title of what comes next; empty at the end."""
        blocks = self.cassette.blocks
        return blocks[self._at].title if self._at < len(blocks) else ""

    @property
    def between(self) -> Block | None:
        """What the board sends now by itself, if anything."""
        return self.cassette.blocks[self._at] if self.next_title == BETWEEN else None

    def upcoming_ending(self, title: str) -> Ending:
        """The ending of the next block that is no :data:`BETWEEN`, if that has this title."""
        for block in self.cassette.blocks[self._at :]:
            if block.title == title and block.ending is not None:
                return block.ending
            if block.title != BETWEEN:
                break
        return Ending()

    def skip(self) -> None:
        """What comes next has been played."""
        self._at += 1

    def take(self, title: str, asked: Sequence[str]) -> Block:
        """The next block, which must be for this request.

        Raises:
            ReplayError: it is for another one, or there is none.
        """
        if self._failed is not None:
            raise self._failed
        blocks = self.cassette.blocks
        if self._at >= len(blocks):
            raise self._fail(
                f"the program asks for more than was recorded. All {len(blocks)} exchanges have "
                f"been played, and it asks for:\n\n{_shown(title, asked)}"
            )
        block = blocks[self._at]
        if not _fits([block.title, *block.asked], [title, *asked]):
            raise self._fail(self._difference(block, title, asked))
        self._at += 1
        self._taken += 1
        return block

    def beside(self, title: str, asked: Sequence[str], *, due: bool = False) -> Said | None:
        """The next answer to a question beside the program's requests. From any thread.

        Args:
            title: of the question.
            asked: the rest of it.
            due: only one that the program, or the time if that counts, has reached.

        Returns:
            None where it was not asked when this was recorded, or not so often.
        """
        key = (title, *asked)
        found = [self._besides[key]] if key in self._besides else self._masked(key)
        for answers in found:
            with contextlib.suppress(IndexError):  # there is no other
                if due and not self._is_due(answers[0]):
                    return None
                return answers.popleft()
        return None

    def _masked(self, key: Sequence[str]) -> list[deque[Said]]:
        """The answers to a question with a secret in it, which is not written as it is asked."""
        known = self._besides.items()
        return [answers for recorded, answers in known if _fits(recorded, key)]

    def has_beside(self, beginning: str) -> bool:
        """Whether there are questions with titles that begin so."""
        return any(beside.title.startswith(beginning) for beside in self.cassette.besides)

    def _is_due(self, said: Said) -> bool:
        if said.after > self._taken:
            return False
        return self.fast or time.monotonic() >= self.moment(said.sent)

    def samples(self) -> list[Sample]:
        """What looks at the board's clock showed since the last block; each is given out once."""
        due = [sample for sample in self._samples if sample.after <= self._at]
        del self._samples[: len(due)]
        return due

    def finish(self) -> None:
        """The program has ended.

        Raises:
            ReplayError: it has asked for less than was recorded.
        """
        left = [block for block in self.cassette.blocks[self._at :] if block.title != BETWEEN]
        if not left or self._failed is not None:
            return
        number = self.cassette.blocks.index(left[0], self._at) + 1
        raise self._fail(
            f"the program has ended, but {len(left)} of {len(self.cassette.blocks)} recorded "
            f"exchanges were not asked for. The first of them is number {number}:\n\n"
            f"{_shown(left[0].title, left[0].asked)}"
        )

    def _difference(self, block: Block, title: str, asked: Sequence[str]) -> str:
        diff = difflib.unified_diff(
            [block.title, *block.asked],
            [title, *asked],
            f"recorded: number {self._at + 1}",
            "asked now",
            lineterm="",
            n=_CONTEXT,
        )
        text = "\n".join(diff)
        for number, other in enumerate(self.cassette.blocks, 1):
            if _fits([other.title, *other.asked], [title, *asked]):
                text += (
                    f"\n\nWhat is asked now was recorded as number {number}: is the order another?"
                )
                break
        return f"the program asks for something else than was recorded:\n\n{text}"

    def _fail(self, what: str) -> ReplayError:
        self._failed = ReplayError(
            f"{self.cassette.name}: {what}\n\nTo record it again, connect to the board with "
            f"record={self.cassette.name!r}."
        )
        return self._failed


def _shown(title: str, asked: Sequence[str]) -> str:
    return "\n".join(f"    {line}" for line in (title, *asked))


def _fits(recorded: Sequence[str], asked: Sequence[str]) -> bool:
    """Whether a request is the recorded one; where a secret was, any text goes."""
    if list(recorded) == list(asked):
        return True
    if not any(MASK in line for line in recorded):
        return False
    pattern = ".*".join(map(re.escape, _joined(recorded).split(MASK)))
    return re.fullmatch(pattern, _joined(asked), re.DOTALL) is not None


def _joined(lines: Sequence[str]) -> str:
    """Values in one line each: how they are broken depends on how long they are."""
    text = "\n".join(lines)
    return re.sub(r"\n-\. *", "", text)
