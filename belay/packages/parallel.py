# SPDX-License-Identifier: Apache-2.0
"""Several downloads at a time, of which none is waited for once one has failed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

__all__ = ["in_parallel"]

T = TypeVar("T")
R = TypeVar("R")

_WORKERS = 8

_TICK = 1.0
"""Seconds; without a limit, Windows would not see Ctrl-C."""

_GRACE = 2.0
"""Seconds in which those that were given up may end."""


def in_parallel(
    work: Callable[[T], R],
    items: Iterable[T],
    *,
    give_up: Callable[[], object] = lambda: None,
    workers: int = _WORKERS,
) -> list[R]:
    """Do something with each of several things, a few at a time.

    The first that fails, or Ctrl-C, ends it all: nothing more is begun, and what hangs in the
    network is not waited for. The threads are daemons, as those of an executor are not: a program
    can end while a server still keeps one of them waiting.

    Args:
        work: does it; called in several threads.
        items: the things.
        give_up: called once when it ends early; makes what is under way come to an end.
        workers: threads, at most.

    Returns:
        What ``work`` returned, in the order of the things.

    Raises:
        Exception: the first that ``work`` raised.
    """
    tasks = list(items)
    results: list[Any] = [None] * len(tasks)
    waiting: SimpleQueue[int] = SimpleQueue()
    for number in range(len(tasks)):
        waiting.put(number)
    failures: list[BaseException] = []
    turn, left = threading.Lock(), [min(workers, len(tasks))]
    over = threading.Event()
    if not tasks:
        over.set()

    def run() -> None:
        try:
            while not over.is_set():
                number = waiting.get_nowait()
                results[number] = work(tasks[number])
        except Empty:
            pass
        except BaseException as error:
            failures.append(error)
            over.set()
        with turn:
            left[0] -= 1
            if not left[0]:
                over.set()

    threads = [
        threading.Thread(target=run, name=f"belay-packages-{number}", daemon=True)
        for number in range(left[0])
    ]
    try:
        for thread in threads:
            thread.start()
        while not over.wait(_TICK):
            pass
        if failures:
            raise failures[0]
    except BaseException:
        over.set()
        give_up()
        _end(threads)
        raise
    return results


def _end(threads: Iterable[threading.Thread]) -> None:
    """Wait a while for those that were given up."""
    until = time.monotonic() + _GRACE
    for thread in threads:
        if thread.ident is not None:
            thread.join(max(0.0, until - time.monotonic()))
