# SPDX-License-Identifier: Apache-2.0
"""Bars that show how far a transfer is, for people in front of a terminal only."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11 on

__all__ = ["Bars", "sync_bar"]


class Bars:
    """A bar for each file that is under way; nothing where stderr is no terminal.

    Args:
        shown: False shows none anyway.
    """

    def __init__(self, *, shown: bool = True) -> None:
        self._shown = shown and sys.stderr.isatty()
        self._progress: Any = None
        self._tasks: dict[str, Any] = {}
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        if self._shown:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                DownloadColumn,
                Progress,
                TextColumn,
                TransferSpeedColumn,
            )

            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def __call__(self, path: str, done: int, total: int) -> None:
        """Tell how many bytes of a file are done; a total of -1 is not known yet."""
        if self._progress is None:
            return
        with self._turn:
            begins = path not in self._tasks
            if begins:
                self._tasks[path] = self._progress.add_task(path, total=max(total, 0) or None)
            # Small files come and go at once; the others are seen, however fast the link is.
            refresh = begins and done != total
            self._progress.update(self._tasks[path], completed=done, refresh=refresh)
            if 0 <= total <= done:
                self._progress.remove_task(self._tasks.pop(path))


@contextmanager
def sync_bar(*, shown: bool = True) -> Iterator[Callable[..., object] | None]:
    """A bar of how far a sync is; None where there is no terminal to show it on.

    Args:
        shown: False shows none anyway.
    """
    if not (shown and sys.stderr.isatty()):
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        yield functools.partial(progress.update, progress.add_task(""))
