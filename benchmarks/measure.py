# SPDX-License-Identifier: Apache-2.0
"""The measurements themselves: each returns plain numbers."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

from benchmarks.boards import COUNTED, Board, Link
from benchmarks.peers import BARE, MPREMOTE, OLD_BELAY, OURS, Peer, Worker

JOBS = {
    "method": ("proxy.method(21)", 1),
    "items": ("100 items of a proxied list", 3),
    "ten": ("10 items of a generator", 2),
    "thousand": ("1,000 items of a generator", 40),
    "hundred": ("100 method calls", 3),
}
"""What is measured beside single calls, and the round trips that it may take."""

AREA_CALLS = 256
AREA_ITSELF = len("area(3, 4)") + len(repr({"area": 12, "unit": b"mm2"}))


@contextmanager
def worker(peer: Peer, link: Link) -> Iterator[Worker]:
    """A peer's worker with a board of its own."""
    board = Board(link)
    try:
        process = Worker(peer, board)
        try:
            yield process
        finally:
            process.close()
    finally:
        board.close()


@contextmanager
def warm_workers(peers: list[Peer], link: Link) -> Iterator[list[Worker]]:
    """Workers of several peers, connected, their functions defined and called a few times."""
    with ExitStack() as stack:
        workers = [stack.enter_context(worker(peer, link)) for peer in peers]
        for one in workers:
            for order in ("connect", "define"):
                one.ask(order)
            one.ask("call", 20)
        yield workers


def alternating_calls(link: Link, rounds: int) -> dict[str, dict[str, float]]:
    """Median time and mean CPU of ``f(7)``, the peers taking turns call by call.

    mpremote sleeps 10 ms in every call, so it takes part in every tenth round only.
    """
    peers = [BARE, OURS, OLD_BELAY, MPREMOTE]
    times: dict[str, list[int]] = {peer.name: [] for peer in peers}
    cpu = dict.fromkeys(times, 0)
    with warm_workers(peers, link) as workers:
        for number in range(rounds):
            for one in workers:
                if one.peer is MPREMOTE and number % 10:
                    continue
                answer = one.ask("call")
                times[one.peer.name] += answer["ns"]
                cpu[one.peer.name] += answer["cpu_ns"]
    return {
        name: {"ms": median(got) / 1e6, "cpu_ms": cpu[name] / len(got) / 1e6, "calls": len(got)}
        for name, got in times.items()
    }


def batch_cpu(link: Link, calls: int) -> dict[str, float]:
    """Mean host CPU of one call in milliseconds, calls in blocks of 50, the peers taking turns."""
    peers = [BARE, OURS, OLD_BELAY]
    cpu: dict[str, int] = dict.fromkeys((peer.name for peer in peers), 0)
    blocks = max(1, calls // 50)
    with warm_workers(peers, link) as workers:
        for _ in range(blocks):
            for one in workers:
                cpu[one.peer.name] += one.ask("call", 50)["cpu_ns"]
    return {name: total / blocks / 50 / 1e6 for name, total in cpu.items()}


def connecting(times: int) -> dict[str, dict[str, float]]:
    """Round trips, bytes and time of a connection to an idle board."""
    found: dict[str, dict[str, float]] = {}
    for peer, order, label in (
        (OURS, "attach", f"{OURS.name}, no reset"),
        (OURS, "connect", f"{OURS.name}, reset"),
        (OLD_BELAY, "connect", OLD_BELAY.name),
        (MPREMOTE, "connect", MPREMOTE.name),
    ):
        ms, trips, up = [], [], []
        with worker(peer, COUNTED) as one:
            for _ in range(times):
                before = one.board.counts()
                ms.append(one.ask(order)["ns"][0] / 1e6)
                after = one.board.counts()
                trips.append(after["trips"] - before["trips"])
                up.append(after["up"] - before["up"])
                one.ask("close")
        found[label] = {"ms": median(ms), "trips": max(trips), "up": median(up)}
    return found


def calls_on_the_wire() -> dict[str, dict[str, float]]:
    """Round trips and bytes of ``area(3, 4)``, mean over 256 calls."""
    found: dict[str, dict[str, float]] = {}
    for peer in (OURS, OLD_BELAY, MPREMOTE):
        with worker(peer, COUNTED) as one:
            for order in ("connect", "define", "area"):
                one.ask(order)
            before = one.board.counts()
            one.ask("area", AREA_CALLS)
            after = one.board.counts()
        moved = after["up"] + after["down"] - before["up"] - before["down"]
        found[peer.name] = {
            "trips": (after["trips"] - before["trips"]) / AREA_CALLS,
            "bytes beyond": moved / AREA_CALLS - AREA_ITSELF,
        }
    return found


def objects_and_streams(times: int) -> dict[str, dict[str, dict[str, float]]]:
    """Round trips (of the first time, helpers included) and median time of larger jobs."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for peer in (OURS, OLD_BELAY):
        with worker(peer, COUNTED) as one:
            for order in ("connect", "define"):
                one.ask(order)
            for job in JOBS:
                before = one.board.counts()
                one.ask(job)
                trips = one.board.counts()["trips"] - before["trips"]
                ms = median(one.ask(job, times)["ns"]) / 1e6
                found.setdefault(job, {})[peer.name] = {"trips": trips, "ms": ms}
    return found


def importing(times: int) -> dict[str, float]:
    """Milliseconds of ``import belay`` over a bare interpreter (medians, taking turns)."""
    found = {}
    for peer in (OURS, OLD_BELAY):
        taken: dict[str, list[float]] = {"pass": [], "import belay": []}
        python = str(peer.python())
        for _ in range(times):
            for code, got in taken.items():
                got.append(run_time([python, "-c", code]))
        found[peer.name] = median(taken["import belay"]) - median(taken["pass"])
    return found


def run_time(command: list[str]) -> float:
    """How long a program takes, in milliseconds."""
    before = time.perf_counter()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, cwd=sys.prefix)
    return (time.perf_counter() - before) * 1e3


def about_this_machine() -> dict[str, Any]:
    """What the numbers depend on, without naming the machine."""
    import os
    import platform

    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
    }
