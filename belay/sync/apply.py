# SPDX-License-Identifier: Apache-2.0
"""Doing what a plan says."""

from __future__ import annotations

from collections.abc import Callable

from belay.sync.board import BoardFiles
from belay.sync.plan import MakeFolder, Operation, Plan, Remove, Write
from belay.sync.transfer import Step

__all__ = ["apply"]


def apply(
    board: BoardFiles, plan: Plan, progress: Callable[[str, int], object] | None = None
) -> None:
    """Carry out a plan, in its order.

    Cut at any moment, each file of the board is the old or the new one; a temporary file may
    remain, which the next plan removes.

    Args:
        board: whose files.
        plan: what to do.
        progress: called with a path, and how many bytes of it are done.

    Raises:
        NoSpaceError, ReadOnlyError, TransferError, SyncError: of the first operation that failed.
    """
    board.run([_step(operation) for operation in plan.operations], progress)


def _step(operation: Operation) -> Step:
    if isinstance(operation, Write):
        return Step("put", operation.path, operation.file.data)
    if isinstance(operation, MakeFolder):
        return Step("mkdir", operation.path)
    return Step("remove" if isinstance(operation, Remove) else "rmdir", operation.path)
