# SPDX-License-Identifier: Apache-2.0
"""Syncs again whenever a file of the folder changes."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

from belay import errors
from belay.sync.ignore import ignoring
from belay.sync.manifest import LEFTOVER
from belay.sync.plan import Plan

__all__ = ["watch"]

log = logging.getLogger("belay")

_TOGETHER = 50
"""Milliseconds of quiet that end a group of changes: editors save with several."""

_NUDGE = 0.2
"""Seconds between interrupts of a run: one that is between two calls does not see the first."""

Told = Callable[[Plan | Exception], object]


def watch(
    folder: str | os.PathLike[str],
    sync: Callable[[], Plan],
    *,
    ignore: Any = None,
    run: Callable[[], object] | None = None,
    interrupt: Callable[[], object] = lambda: None,
    told: Told | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Sync, and again at every change, until it is stopped.

    Args:
        folder: the folder or file.
        sync: does it.
        ignore: patterns of what is left out: changes of it are none.
        run: called in a thread after each sync that changed something, and after the first.
        interrupt: makes ``run`` end, by KeyboardInterrupt.
        told: called with the result of each sync, and with what a sync or ``run`` raised. None:
            the first sync raises, later errors are logged.
        stop: set to end it.

    Raises:
        FeatureUnavailableError: watchfiles is not installed.
        ConnectionFailedError: the board is gone.
    """
    changes = _changes(folder, ignore, stop or threading.Event())
    next(changes)  # watching begins before the first sync: no change falls between
    running: _Run | None = None
    first = again = True
    try:
        while True:
            done = _tried(sync, told, first)
            if run is not None and (again or (isinstance(done, Plan) and done.operations)):
                running = _Run(run, interrupt, told or _logged)
            if not any(changes):
                return
            # Even if nothing turns out to be done: until it has ended, the board is busy.
            again, first = running is not None and running.end(), False
            running = None
    finally:
        if running is not None:
            running.end()


def _tried(sync: Callable[[], Plan], told: Told | None, first: bool) -> Plan | Exception:
    """Sync once; what is wrong with the files stops nothing: the next change may mend it."""
    try:
        done: Plan | Exception = sync()
    except errors.ConnectionFailedError:
        raise
    except (errors.BelayException, OSError, ValueError) as error:
        if told is None and first:
            raise
        done = error
    if told is not None:
        told(done)
    elif isinstance(done, Exception):
        _logged(done)
    return done


def _logged(result: Plan | Exception) -> None:
    if isinstance(result, Exception):
        log.warning("%s", result)


class _Run:
    """A call in a thread of its own, which can be interrupted.

    Args:
        run: what to call.
        interrupt: makes it raise KeyboardInterrupt.
        told: called with what else it raises.
    """

    def __init__(
        self, run: Callable[[], object], interrupt: Callable[[], object], told: Told
    ) -> None:
        self._run, self._interrupt, self._told = run, interrupt, told
        self._ending = False
        self._thread = threading.Thread(target=self._work, name="belay watch", daemon=True)
        self._thread.start()

    def end(self) -> bool:
        """Interrupt it, until it has ended; returns whether there was something to interrupt."""
        self._ending = True
        was_alive = self._thread.is_alive()
        while self._thread.is_alive():
            self._interrupt()
            self._thread.join(_NUDGE)
        return was_alive

    def _work(self) -> None:
        try:
            self._run()
        except KeyboardInterrupt:
            pass
        except Exception as error:
            if not self._ending:
                self._told(error)


def _changes(
    folder: str | os.PathLike[str], ignore: Any, stop: threading.Event
) -> Iterator[set[str]]:
    """Again and again the paths that have changed, or none; first when it watches."""
    try:
        import watchfiles
    except ImportError:
        raise errors.FeatureUnavailableError(
            "watching a folder needs watchfiles; try: pip install 'belay-jupyter[watch]'"
        ) from None
    root = os.path.realpath(os.path.expanduser(os.fspath(folder)))
    if not os.path.exists(root):
        raise ValueError(f"there is no file or folder {os.fspath(folder)!r}")
    patterns = ignoring(ignore)
    single = os.path.isfile(root)

    def matters(change: watchfiles.Change, path: str) -> bool:
        if single:  # editors replace a file by another one: its folder is watched
            return path == root
        inside = os.path.relpath(path, root).replace(os.sep, "/")
        if inside.startswith("../"):
            return True  # where a link leads
        return os.path.basename(path) != LEFTOVER and not patterns(inside)

    places = [os.path.dirname(root)] if single else [root, *_linked(root)]
    for found in watchfiles.watch(
        *places,
        watch_filter=matters,
        step=_TOGETHER,
        stop_event=stop,
        recursive=not single,
        rust_timeout=2 * _TOGETHER,
        yield_on_timeout=True,
    ):
        yield {path for _, path in found}


def _linked(root: str) -> set[str]:
    """Folders outside that links lead to."""
    outside: set[str] = set()
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            if os.path.islink(path) and os.path.exists(path):
                real = os.path.realpath(path)
                outside.add(real if os.path.isdir(real) else os.path.dirname(real))
    return outside
