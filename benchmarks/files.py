# SPDX-License-Identifier: Apache-2.0
"""How long syncs and copies of files take, and what they put on the wire."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from statistics import median

from benchmarks.boards import COUNTED, Link
from benchmarks.measure import worker
from benchmarks.peers import (
    MPREMOTE_FILES,
    MPYTOOL_FILES,
    OLD_BELAY_FILES,
    OUR_FILES,
    Peer,
    Worker,
)

__all__ = ["JOBS", "PEERS", "SIZE", "Job", "counts", "times"]

PEERS = [OUR_FILES, OLD_BELAY_FILES, MPREMOTE_FILES, MPYTOOL_FILES]
SIZE = 1 << 16
"""Bytes of the large files."""


class Job:
    """Something that is done with files.

    Args:
        what: it is, for the table.
        trips: round trips that it may take.
        wire: bytes on the wire that it may take, as a multiple of :data:`SIZE`; None for any.
    """

    def __init__(self, what: str, trips: int, wire: float | None = None) -> None:
        self.what, self.trips, self.wire = what, trips, wire


JOBS = {
    "first": Job("50 files of 0.5 KB, for the first time", 10),
    "unchanged": Job("the same again, nothing changed", 1),
    "changed": Job("one of them changed, 1.2 KB", 3),
    "source": Job("64 KiB of Python source", 12, 0.40),
    "noise": Job("64 KiB of random bytes", 12, 1.07),
    "read": Job("64 KiB read back", 6, 1.1),
}
"""In the order in which they have to be done."""

Numbers = dict[str, dict[str, dict[str, float]]]
"""By job, and by the name of the peer."""


def _can(peer: Peer, job: str) -> bool:
    return job != "read" or peer is not OLD_BELAY_FILES


def counts() -> Numbers:
    """Round trips and bytes. Of commands those of a command that does nothing are taken off."""
    found: Numbers = {job: {} for job in JOBS}
    for peer in PEERS:
        with worker(peer, COUNTED) as one:
            idle = (0, 0)
            if peer.arguments:
                one.ask("nothing")
                idle = _counted(one, "nothing")
            for job in JOBS:
                if _can(peer, job):
                    trips, wire = _counted(one, job)
                    numbers = {"trips": trips - idle[0], "wire": wire - idle[1]}
                    found[job][peer.name] = dict(numbers)
    return found


def _counted(one: Worker, order: str) -> tuple[int, int]:
    before = one.board.counts()
    one.ask(order)
    after = one.board.counts()
    moved = after["up"] + after["down"] - before["up"] - before["down"]
    return after["trips"] - before["trips"], moved


def times(link: Link, repeats: int) -> Numbers:
    """Milliseconds: medians. Of commands those of a command that does nothing are taken off.

    On a slow line the peers work at the same time, each with a board and a line of its own: they
    wait for these, and not for the processor.
    """
    taken: dict[str, dict[str, list[float]]] = {peer.name: {} for peer in PEERS}
    with ExitStack() as stack:
        workers = [stack.enter_context(worker(peer, link)) for peer in PEERS]
        threads = stack.enter_context(ThreadPoolExecutor(len(PEERS) if link.rate else 1))
        for _ in range(repeats):
            list(threads.map(lambda one: _work(one, taken[one.peer.name]), workers))
    found: Numbers = {job: {} for job in JOBS}
    for name, got in taken.items():
        idle = median(got.pop("nothing", [0.0]))
        for job, each in got.items():
            found[job][name] = {"ms": max(0.0, median(each) - idle)}
    return found


def _work(one: Worker, taken: dict[str, list[float]]) -> None:
    """All jobs once."""
    orders = [job for job in JOBS if _can(one.peer, job)]
    if one.peer.arguments:
        orders.insert(0, "nothing")
    for order in orders:
        taken.setdefault(order, []).append(one.ask(order)["ns"][0] / 1e6)
