# SPDX-License-Identifier: Apache-2.0
"""The question before files of a board are removed that nobody has named."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from belay.cli.boards import Board
from belay.cli.usage import UsageError

__all__ = ["may_remove"]

_SHOWN = 20
"""Most files that a question names."""


def may_remove(board: Board, head: str, paths: Sequence[str], *, asking: bool = True) -> bool:
    """Ask what becomes of files.

    Args:
        board: whose they are.
        head: says which files they are.
        paths: of them.
        asking: False where nobody is to be asked.

    Returns:
        Whether they are removed; otherwise they are left there.

    Raises:
        UsageError: nobody can be asked.
        KeyboardInterrupt: nothing is to be done at all.
    """
    from belay.sync.plan import shown

    listed = [f"  {shown(path)}" for path in paths[:_SHOWN]]
    if len(paths) > _SHOWN:
        listed.append(f"  and {len(paths) - _SHOWN} more")
    if not (asking and board.alone and sys.stdin.isatty()):
        names = ", ".join(line.strip() for line in listed)
        raise UsageError(f"{head} {names}. --yes removes them, --no-remove leaves them there")
    print("\n".join([head, *listed]))
    while True:
        answer = input("Remove them? [y]es, [n]o, leave them there, [c]ancel: ").strip().lower()
        if answer in ("y", "yes"):
            return True
        if answer in ("n", "no"):
            return False
        if answer in ("c", "cancel"):
            raise KeyboardInterrupt
