# SPDX-License-Identifier: Apache-2.0
"""The USB drive of a board that runs CircuitPython: who may write to the file system, and when.

As CircuitPython's documentation of ``storage`` has it. The board's programs and the computer share
one FAT file system, and one of the two at a time may write. It is the computer from power-on, until
``boot.py`` (or later, where the computer has ejected the drive) remounts it.
"""

from __future__ import annotations

from .filesystem import Filesystem
from .proxies import HostModule

__all__ = ["Drive"]


class Drive:
    """The drive CIRCUITPY and the computer that it is plugged into.

    Args:
        filesystem: what is on it; its ``read_only`` is set from here.

    Attributes:
        booting: ``boot.py`` runs, before USB is there: everything is allowed.
        visible: the computer is shown a drive.
        held: the computer has it mounted, and has not ejected it.
    """

    def __init__(self, filesystem: Filesystem) -> None:
        self._filesystem = filesystem
        self.power_on()

    def power_on(self) -> None:
        """The chip starts: ``boot.py`` comes next."""
        self.booting = self.visible = self.held = True
        self._before: bool | None = None  # who could write when the drive was disabled later on
        self._filesystem.read_only = True

    def boot_over(self) -> None:
        """USB starts, and the computer mounts what it is shown."""
        self.booting = False

    def eject(self) -> None:
        """The computer's user ejects the drive; it stays so until the board starts anew."""
        self.held = False

    # ---- the program's side, as functions of the module _board

    def module(self) -> HostModule:
        """What ``storage`` needs of the host."""
        return {
            "drive_remount": self._remount,
            "drive_disable": self._disable,
            "drive_enable": self._enable,
            "drive_readonly": lambda: self._filesystem.read_only,
            "drive_booting": lambda: self.booting,
            "drive_eject": self.eject,
        }

    def _remount(self, readonly: bool, unprotected: bool) -> bool:
        """Answers False where the computer may be writing."""
        if not self.booting and self.visible and self.held and self._filesystem.read_only:
            return False
        self._filesystem.read_only = bool(readonly) and not unprotected
        return True

    def _disable(self, unsafe: bool) -> bool:
        """Take the drive from the computer: only in ``boot.py``, or by force."""
        if not self.booting:
            if not unsafe:
                return False
            self._before = self._filesystem.read_only
        self.visible = False
        self._filesystem.read_only = False
        return True

    def _enable(self) -> bool:
        if self.booting:
            self.visible = self._filesystem.read_only = True
            return True
        if self._before is None:
            return False
        self.visible, self._filesystem.read_only, self._before = True, self._before, None
        return True
