# SPDX-License-Identifier: Apache-2.0
"""By which steps a board that does not answer is brought back, from the mildest to the hardest.

Every connection begins with interrupts and with the raw REPL's own resync. Beyond that: a soft
reset, the reset line of the link (RTS while DTR is off; the button of a virtual board),
``machine.reset()`` typed at its prompt, the rig's reset, its power.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from belay import errors
from belay.testing.hooks import PowerSwitch, reset_hook
from belay.testing.slots import Slot
from belay.transports.base import Transport

__all__ = ["CONNECT", "Step", "in_vain", "ladder"]

CONNECT = "connect"
"""The first step, with which every test begins."""

_TYPED = b"\r\x03\x03\x02" + b"".join(
    b"__import__('%s').reset()\r" % module for module in (b"machine", b"microcontroller")
)
"""Out of whatever runs, out of the raw REPL, then the reset of either firmware."""


class Step(NamedTuple):
    """One step.

    Attributes:
        name: for the log.
        prepare: what is done before connecting; False where this board has no such thing.
        soft: whether connecting soft-resets.
        hard: the chip starts anew: its port may vanish, and come back some seconds later.
    """

    name: str
    prepare: Callable[[], bool]
    soft: bool = True
    hard: bool = False


def ladder(
    slot: Slot, power: PowerSwitch, link: Callable[[], Transport], *, reset: bool
) -> list[Step]:
    """All steps for a board.

    Args:
        slot: the board.
        power: its power.
        link: opens its link, or gives the one that is open.
        reset: whether the test that wants the board wants it soft-reset.
    """

    def over_link(use: Callable[[Transport], bool]) -> Callable[[], bool]:
        def prepare() -> bool:
            try:
                opened = link()
            except errors.ConnectionFailedError:  # the step before has said so
                return False
            return use(opened)

        return prepare

    steps = [
        Step(CONNECT, lambda: True, reset),
        Step("soft reset", lambda: True),
        Step("hard reset", over_link(lambda opened: opened.hard_reset()), hard=True),
        Step("machine.reset()", over_link(_type_reset), hard=True),
    ]
    hook = reset_hook(slot)
    if hook is not None:
        steps.append(Step("reset", _and_go_on(hook), hard=True))
    if power.there:
        steps.append(Step("power cycle", _and_go_on(power.cycle), hard=True))
    return steps


def in_vain(step: Step, failure: Exception | None) -> bool:
    """Whether a step cannot help after what the one before it has ended in.

    Each costs the seconds that a board may take to answer.
    """
    if isinstance(failure, (errors.PortNotFoundError, errors.DeviceNotFoundError)):
        return step.name in ("soft reset", "reset")
    return step.name == "machine.reset()" and isinstance(failure, errors.BoardSilentError)


def _type_reset(link: Transport) -> bool:
    link.write(_TYPED)
    return True


def _and_go_on(hook: Callable[[], None]) -> Callable[[], bool]:
    def run() -> bool:
        hook()
        return True

    return run
