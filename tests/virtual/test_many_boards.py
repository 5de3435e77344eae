# SPDX-License-Identifier: Apache-2.0
"""A class of sixteen boards on two cores: what they take of the computer."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import pytest

from tests.virtual.boardprocess import BANNER_END, BoardProcess

BOARDS = 16
START_SECONDS = 6.0
CORES = 2
PRIVATE_MB = 60

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="Linux tells how much memory is private"
)


def private(pid: int) -> float:
    """MB that no other process shares."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    fields = dict(line.split(":")[:2] for line in text.splitlines()[1:])
    return sum(int(fields[name].split()[0]) for name in ("Private_Clean", "Private_Dirty")) / 1024


def processor(pid: int) -> float:
    """Seconds of processor time that a process has used, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start(count: int, stack: contextlib.ExitStack) -> list[BoardProcess]:
    boards = [stack.enter_context(BoardProcess(wait=False)) for _ in range(count)]
    for board in boards:
        board.until(BANNER_END, timeout=100)
    return boards


def test_memory_and_processor_time_of_sixteen_boards() -> None:
    """The gate is on processor time, which does not depend on who else works on the machine."""
    with contextlib.ExitStack() as stack:
        boards = start(BOARDS, stack)
        used = sum(processor(board.process.pid) for board in boards)
        assert used <= START_SECONDS * CORES
        for board in boards:
            board.send(b"\r\x03import machine, json, asyncio\r\n")
            board.until(b">>> ")
        assert max(private(board.process.pid) for board in boards) <= PRIVATE_MB
        before = sum(processor(board.process.pid) for board in boards)
        boards[0].quiet(1.0)
        assert sum(processor(board.process.pid) for board in boards) - before < 0.5  # they idle


@pytest.mark.soak
def test_sixteen_boards_start_in_six_seconds() -> None:
    """On two cores of one's own: the time on the clock."""
    times = []
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:CORES])
    try:
        for _ in range(3):
            with contextlib.ExitStack() as stack:
                began = time.perf_counter()
                start(BOARDS, stack)
                times.append(time.perf_counter() - began)
    finally:
        os.sched_setaffinity(0, before)
    print(f"16 boards: {min(times):.2f} s, load {os.getloadavg()[0]:.1f}")
    assert min(times) <= START_SECONDS
