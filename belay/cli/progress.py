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

    They are on the screen only while there are some: what a command prints is never among them,
    and goes to stdout wherever that is.

    Args:
        shown: False shows none anyway.
    """

    def __init__(self, *, shown: bool = True) -> None:
        self._shown = shown and sys.stderr.isatty()
        self._progress: Any = None
        self._tasks: dict[str, Any] = {}
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._turn:
            self._shown = False
            self._stop()

    def __call__(self, path: str, done: int, total: int) -> None:
        """Tell how many bytes of a file are done; a total of -1 is not known yet."""
        with self._turn:
            begins = path not in self._tasks
            if not self._shown or (begins and 0 <= total <= done):
                return  # small files come and go at once; the others are seen, however fast
            if begins:
                if self._progress is None:
                    self._start()
                self._tasks[path] = self._progress.add_task(path, total=max(total, 0) or None)
            self._progress.update(self._tasks[path], completed=done, refresh=begins)
            if 0 <= total <= done:
                self._progress.remove_task(self._tasks.pop(path))
                if not self._tasks:
                    self._stop()

    def _start(self) -> None:
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
            # rich would send what goes to stdout to stderr, and break long lines.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._progress.start()

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


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
