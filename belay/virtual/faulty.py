# SPDX-License-Identifier: Apache-2.0
"""Faults of a running virtual board, for programs of the host: part of ``device.board``."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["Faulty"]


class Faulty:
    """What can be done to a board from outside, and by bad luck.

    A board that loses its power forgets everything but its flash, where a file that was being
    written has its old content; when the power is back it starts anew.
    """

    def command(self, do: str, /, timeout: float | None = 10.0, **arguments: Any) -> Any:
        """Give a command of the control pipe."""
        raise NotImplementedError

    def reset(self) -> None:
        """Press the reset button, whatever the board is doing. The link stands."""
        self.command("fault.reset")

    def unplug(self, *, powered: bool = False) -> None:
        """Pull the cable: the link ends, and so does the power.

        Connecting fails until :meth:`replug`; a Device with ``attempts`` goes on trying.

        Args:
            powered: the board has power from elsewhere: it runs on, and only the link ends.
        """
        self.command("fault.unplug", powered=powered)

    def replug(self) -> None:
        """Plug the cable in again."""
        self.command("fault.replug")

    @property
    def plugged(self) -> bool:
        """Whether the cable is plugged in."""
        plugged: bool = self.command("link.plugged")
        return plugged

    def brown_out(self, seconds: float = 0.5) -> None:
        """Take the power away for so long; the link ends, and can be made again afterwards."""
        self.command("fault.brownout", seconds=seconds)

    def hang(self, seconds: float = math.inf) -> None:
        """Let the board hang: it neither runs nor answers, not even to Ctrl-C.

        A program that only computes goes on unseen; all it does to the outside waits. A watchdog
        that nobody feeds ends it, and so do :meth:`reset` and :meth:`unplug`.

        Args:
            seconds: how long; for ever by default, and 0 ends it.
        """
        self.command("fault.hang", seconds=seconds)

    def link(self, **changes: float | None) -> dict[str, Any]:
        """Change what the link is like; what is not named stays.

        Args:
            **changes: ``baud``, line rate in bit/s (None: no limit); ``delay``, seconds that every
                byte travels, each way; ``loss``, the chance of every byte, each way, that it is
                lost. With ``?seed=N`` the same bytes are lost every time.

        Returns:
            What it is now, and how many bytes were lost so far: ``lost_up`` to the board and
            ``lost_down`` from it.
        """
        now: dict[str, Any] = self.command("fault.link", **changes)
        return now

    def drop(self, *, up: int = 0, down: int = 0) -> None:
        """Lose the next bytes: so many to the board, and so many from it."""
        self.command("fault.drop", up=up, down=down)

    def flash(self, **changes: float | bool) -> dict[str, Any]:
        """Change what the flash is like; what is not named stays.

        Args:
            **changes: ``full=True``, nothing more fits; ``worn``, the chance of every byte that is
                written that one of its bits turns over afterwards; ``slow``, seconds that every
                block of 4096 bytes takes to write, in which the board does nothing else.

        Returns:
            What it is now.
        """
        now: dict[str, Any] = self.command("fault.flash", **changes)
        return now
