# SPDX-License-Identifier: Apache-2.0
"""``execpty:``: programs that open a pseudo-terminal and say which."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

import pytest

import belay
from belay.errors import ConnectionFailedError, ConnectionLost, PortNotFoundError
from belay.transports import Transport, open_transport
from belay.transports.terminals import ProgramTerminal

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")

ECHO = """
import os, sys, tty
master, slave = os.openpty()
tty.setraw(slave)
name = os.ttyname(slave)
stream = getattr(sys, sys.argv[1])
print("char device redirected to", name[:-1], end="", file=stream, flush=True)
print(name[-1], "(label serial0)", file=stream, flush=True)
print("pid", os.getpid(), file=sys.stderr, flush=True)
while data := os.read(master, 4096):
    if data == b"end":
        print("it broke", file=sys.stderr)
        sys.exit(3)
    os.write(master, data)
"""


def program(tmp_path: Path, source: str, *args: str) -> str:
    path = tmp_path / "program.py"
    path.write_text(source)
    return "execpty:" + shlex.join([sys.executable, str(path), *args])


def read_to_the_end(transport: Transport) -> None:
    while transport.wait(30):
        transport.read()


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_the_terminal_that_a_program_names(tmp_path: Path, stream: str) -> None:
    address = program(tmp_path, ECHO, stream)
    transport = open_transport(address)
    assert transport.address == address
    transport.write(b"x\xff\x03")
    data = b""
    while data != b"x\xff\x03":
        assert transport.wait(30)
        data += transport.read()
    transport.write(b"end")
    with pytest.raises(ConnectionLost) as caught:
        read_to_the_end(transport)
    assert "ended with exit code 3. It said:" in str(caught.value)
    assert str(caught.value).endswith("it broke")
    transport.close()


def test_a_virtual_board_as_a_serial_port() -> None:
    with belay.Device(f"execpty:{sys.executable} -m belay.virtual --pty") as device:
        assert device("6 * 7") == 42


def test_closing_ends_the_program(tmp_path: Path) -> None:
    stubborn = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + ECHO
    transport = open_transport(program(tmp_path, stubborn, "stdout"))
    assert isinstance(transport, ProgramTerminal)
    told = transport._program
    with told._news:
        assert told._news.wait_for(lambda: re.search(rb"pid \d+\n", told._said[1]), 30)
    pid = int(told._said[1].rpartition(b"pid ")[2])
    transport.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


FAILURES = {
    "execpty:belay-no-such-program": (PortNotFoundError, "There is no program"),
    "execpty:true": (ConnectionFailedError, "named no terminal .*exit code 0. It said nothing"),
    "execpty:echo hello": (ConnectionFailedError, "It said:\nhello"),
    "execpty:echo /dev/pts/99999": (PortNotFoundError, "no port /dev/pts/99999"),
    "execpty:sleep 60": (ConnectionFailedError, "it still runs"),
}


@pytest.mark.parametrize("address", FAILURES)
def test_a_program_that_names_no_terminal(address: str) -> None:
    kind, text = FAILURES[address]
    with pytest.raises(kind, match=text):
        open_transport(address, timeout=0.3 if "sleep" in address else 30)
