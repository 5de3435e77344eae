# SPDX-License-Identifier: Apache-2.0
"""Whether the pseudo terminal of a name is still the one that it was.

Linux gives the number of a closed one, and so its name, to whichever program asks next: a terminal
window, another board. Who opens the name again types into that.
"""

from __future__ import annotations

import os
from typing import NamedTuple

__all__ = ["Terminal"]


class Terminal(NamedTuple):
    """A pseudo terminal under a name.

    Attributes:
        made: when, in ns: what tells it from others that have had its number.
        link: which symbolic link led there, and when that was made; the terminal itself for none.
    """

    made: int
    link: tuple[int, int]

    @classmethod
    def at(cls, name: str) -> Terminal | None:
        """What a name leads to; None for what is no pseudo terminal of Linux."""
        try:
            # As in belay.virtual.published, whose import takes longer than all of this.
            if not os.path.realpath(name).startswith("/dev/pts/"):
                return None
            made, link = os.stat(name), os.lstat(name)
        except OSError:
            return None
        return cls(made.st_ctime_ns, (link.st_ino, link.st_ctime_ns))

    def again(self, name: str) -> bool:
        """Whether a name may be opened that led here.

        It may if it still does, if its link was set anew, which somebody did on purpose, and if
        the virtual board that was here says that it is there.
        """
        now = Terminal.at(name)
        if now is None or now.made == self.made:
            return True
        link = os.path.islink(name)
        if link and now.link != self.link:
            return True
        from belay.virtual.published import find

        board = find(name)
        return board is not None and self.made in board.terminals
