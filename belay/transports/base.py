# SPDX-License-Identifier: Apache-2.0
"""The contract of every transport: bytes to a board, bytes from it, and nothing else.

A transport knows no REPL, no frame and no retry. It blocks in the operating system until there
is something to read or a deadline passes; it never sleeps and looks again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from belay.virtual import Board

__all__ = ["Transport"]


class Transport(ABC):
    """One open byte link to a board.

    Thread rules: ``wait`` and ``read`` are called by one thread at a time; ``write``, ``wake``
    and ``drop_output`` may be called by any thread at any time, also while another one waits.

    Every method raises :class:`belay.errors.ConnectionLost` once the link has ended, and
    :class:`belay.errors.DeviceClosedError` after :meth:`close`.
    """

    address: str = ""
    """The address that opened this link, in its normal form; safe to print (no password)."""

    bytes_per_second: float | None = None
    """Line rate where the link has one (baud rate / 10), else None. Used to size deadlines."""

    survives_reset: bool = True
    """Whether the link still stands after a soft reset of the board."""

    text_only: bool = False
    """Whether only ASCII reaches the board: the session then sends nothing else."""

    outside: Board | None = None
    """The outside of a virtual board: its pins, its sensors; None where the board is none."""

    is_recording: bool = False
    """Whether this is a recording in the place of a board, a
    :class:`belay.transports.replay.ReplayTransport`."""

    @property
    def board_address(self) -> str:
        """The address of the board itself; for a recording, that of the board it was made of."""
        return self.address

    @abstractmethod
    def wait(self, timeout: float | None) -> bool:
        """Block until bytes can be read, until :meth:`wake`, or until the timeout has passed.

        This is the only place where a call blocks, so it is the only place where a signal
        handler may raise without a byte being lost: nothing has been taken from the link yet.

        Args:
            timeout: seconds; None waits for ever, 0 only looks.

        Returns:
            True when :meth:`read` has something to give (or will report the end of the link);
            False on timeout or when woken.
        """

    @abstractmethod
    def read(self) -> bytes:
        """Take everything that has arrived, without blocking; ``b""`` when there is nothing."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Hand all of ``data`` to the link, in order and whole, also between threads.

        Blocks when the link pushes back. It must not deadlock with a board that prints while it
        is being written to: what arrives meanwhile is kept for :meth:`read`.
        """

    @abstractmethod
    def wake(self) -> None:
        """Make a running or the next :meth:`wait` return at once. From any thread or signal."""

    def drop_output(self) -> None:  # noqa: B027 - a link without an output queue has nothing to do
        """Throw away what :meth:`write` queued and the line has not carried yet.

        Called before an interrupt, so that Ctrl-C does not stand behind kilobytes.
        """

    def hard_reset(self) -> bool:
        """Reset the chip from outside, as its button does, where the link reaches that far.

        A serial port pulses RTS while DTR is off (:func:`belay.transports.levels.pulse`); a
        virtual board has its button pressed. The link may end by it, as that of a USB port does.

        Returns:
            Whether something was done. Whether the board is wired to it nobody knows here.
        """
        if self.outside is None:
            return False
        self.outside.reset()
        return True

    @abstractmethod
    def close(self) -> None:
        """Release the link; the board is not touched. Calling it again does nothing."""
