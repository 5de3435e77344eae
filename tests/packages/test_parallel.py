# SPDX-License-Identifier: Apache-2.0
"""Several things at a time: in order; the first failure ends all; nothing that hangs is awaited."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from belay.packages.download import Downloader
from belay.packages.parallel import in_parallel
from tests.packages.server import Server


def test_results_are_in_order() -> None:
    assert in_parallel(lambda n: n * n, range(100)) == [n * n for n in range(100)]
    assert in_parallel(str, []) == []


def test_so_many_at_once_and_no_more() -> None:
    together = threading.Barrier(3)

    def wait(_: int) -> int:
        return together.wait(60)  # needs three

    assert sorted(in_parallel(wait, range(9), workers=3)) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_the_first_failure_ends_it(server: Server) -> None:
    begun: list[int] = []
    given_up: list[str] = []
    failed = threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        if number == 1:
            failed.set()
            raise KeyError(number)
        failed.wait(60)

    with pytest.raises(KeyError):
        in_parallel(work, range(100), workers=2, give_up=lambda: given_up.append("once"))
    assert len(begun) <= 4  # one that was begun just then, for each worker
    assert given_up == ["once"]


HANGS = """
import sys, threading
from belay.packages.download import Downloader
from belay.packages.parallel import in_parallel
downloader = Downloader()
try:
    in_parallel(downloader.get, [sys.argv[1]] * 3, give_up=downloader.close)
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_waits_for_no_server(server: Server) -> None:
    """A server that takes the question and says nothing would hold it for half a minute."""
    url = server.give("/slow", b"x", faults=["hang"] * 3)
    command = [sys.executable, "-c", HANGS, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        server.wait_for(3)
        program.send_signal(signal.SIGINT)
        assert program.stdout.read() == "stopped\n"
        assert program.wait(20) == 0


def test_downloads_that_are_given_up(server: Server) -> None:
    urls = [server.give(f"/{n}", b"x" * 10_000) for n in range(30)]

    def interrupted(url: str, done: int, size: int) -> None:
        raise KeyboardInterrupt

    downloader = Downloader(progress=interrupted)
    with downloader, pytest.raises(KeyboardInterrupt):
        in_parallel(downloader.get, urls, workers=2, give_up=downloader.close)
    assert len(server.asked) <= 4
