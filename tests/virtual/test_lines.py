# SPDX-License-Identifier: Apache-2.0
"""The board's line: stdin and stdout, TCP, a pseudo terminal; and its end, never an orphan."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.virtual.boardprocess import BANNER_END, RAW_BANNER, BoardProcess

posix = pytest.mark.skipif(os.name != "posix", reason="needs signals and terminals")

STATES = {
    "prompt": "",
    "tight loop": "print('go')\nwhile True: pass",
    "sleep": "print('go')\nimport time\ntime.sleep(1000)",
    "input": "print('go')\ninput()",
    "printing": "print('go')\nwhile True: print('x' * 1000)",
}


def into(board: BoardProcess, state: str) -> None:
    if STATES[state]:
        board.send(STATES[state].encode() + b"\x04")
        board.until(b"go\n")


class Client:
    """A descriptor that reads and writes a board."""

    def __init__(self, descriptor: int) -> None:
        self.fd = descriptor
        self.seen = b""

    def send(self, data: bytes) -> None:
        os.write(self.fd, data)

    def until(self, mark: bytes, timeout: float = 20) -> bytes:
        deadline = time.monotonic() + timeout
        while mark not in self.seen:
            left = deadline - time.monotonic()
            ready = left > 0 and select.select([self.fd], [], [], left)[0]
            assert ready, f"no {mark!r} after {self.seen[-300:]!r}"
            data = os.read(self.fd, 1 << 16)
            assert data, f"the end came after {self.seen[-300:]!r}"
            self.seen += data
        head, _, self.seen = self.seen.partition(mark)
        return head + mark


# ---- stdio


@pytest.mark.parametrize("state", STATES)
def test_end_of_stdin_ends_the_board(state: str) -> None:
    with BoardProcess() as board:
        board.raw()
        into(board, state)
        board.link.shutdown(socket.SHUT_WR)
        start = time.monotonic()
        assert board.process.wait(10) == 0
        assert time.monotonic() - start < 2
        assert board.process.stderr is not None
        assert board.process.stderr.read() == b""


@pytest.mark.parametrize("state", STATES)
def test_gone_peer_ends_the_board(state: str) -> None:
    with BoardProcess() as board:
        board.raw()
        into(board, state)
        board.link.close()
        assert board.process.wait(10) == 0


def test_pipes() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "belay.virtual"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        client = Client(process.stdout.fileno())
        client.until(BANNER_END)
        process.stdin.write(b"print(6*7)\r")
        process.stdin.flush()
        assert client.until(b">>> ") == b"print(6*7)\r\n42\n>>> "
        process.stdin.close()
        assert process.wait(10) == 0


@posix
def test_ctrl_c_in_the_terminal_is_not_for_the_board() -> None:
    with BoardProcess() as board:
        board.raw()
        board.process.send_signal(signal.SIGINT)
        assert board.exec("print(1)") == (b"1\n", b"")


@posix
@pytest.mark.parametrize("state", STATES)
def test_terminate(state: str) -> None:
    with BoardProcess() as board:
        board.raw()
        into(board, state)
        board.process.terminate()
        assert board.process.wait(10) in (0, -signal.SIGTERM)


def test_answer_of_a_command_is_one_write(raw: BoardProcess) -> None:
    answers = []
    for _ in range(20):
        raw.send(b"print(1)\nprint(2)\x04")
        select.select([raw.link], [], [], 20)
        answers.append(raw.link.recv(100))
        while not answers[-1].endswith(b"\x04\x04>"):  # torn, on a machine that stalled
            select.select([raw.link], [], [], 20)
            raw.link.recv(100)
    assert answers.count(b"OK1\n2\n\x04\x04>") >= 15


def test_output_comes_while_the_program_computes(raw: BoardProcess) -> None:
    raw.send(b"print('early')\nwhile True: pass\x04")
    raw.until(b"early\n")
    raw.send(b"\x03")
    raw.until(b"\x04>")


def test_usage_errors() -> None:
    for arguments in (["--tcp", "x"], ["--stdio", "--tcp", "0"], ["--flash", "big"], ["--no"]):
        done = subprocess.run(
            [sys.executable, "-m", "belay.virtual", *arguments], capture_output=True, text=True
        )
        assert done.returncode == 2
        assert done.stdout == ""
        assert "usage: python -m belay.virtual" in done.stderr


# ---- tcp and pty


@contextlib.contextmanager
def served(*options: str, command: tuple[str, ...] = ()) -> Iterator[tuple[subprocess.Popen, str]]:
    process = subprocess.Popen(
        [sys.executable, *(command or ("-m", "belay.virtual")), *options],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        line = Client(process.stderr.fileno()).until(b"\n").decode()
        match = re.search(r"ready at (\S+)", line)
        assert match, line
        yield process, match.group(1)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stderr):
            assert stream is not None
            stream.close()


@contextlib.contextmanager
def tcp_client(address: str) -> Iterator[Client]:
    host, port = address.removeprefix("socket://").split(":")
    with socket.create_connection((host, int(port)), 10) as link:
        link.setblocking(False)
        yield Client(link.fileno())


@contextlib.contextmanager
def pty_client(path: str) -> Iterator[Client]:
    descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        yield Client(descriptor)
    finally:
        os.close(descriptor)


def test_tcp_clients_one_after_another() -> None:
    with served("--tcp", "0") as (process, address):
        for number in range(3):
            with tcp_client(address) as client:
                client.send(b"\x03\x03\x02")  # what was printed while nobody was here is lost
                client.until(b">>> ")
                client.send(b"\x01x = globals().get('x', 0) + 1; print('x is', x)\x04")
                client.until(b"x is %d\n" % (number + 1))
        with tcp_client(address) as first, tcp_client(address) as second:
            first.send(b"\x02print('first')\r")
            first.until(b"first\n")
            second.send(b"print('second')\r")
            os.close(os.dup(first.fd))
        with tcp_client(address) as third:
            third.send(b"\x03\x02")
            third.until(b">>> ")
        assert process.poll() is None


def test_tcp_client_leaves_in_the_middle_of_a_program() -> None:
    with served("--tcp", "0") as (_, address):
        with tcp_client(address) as client:
            # It makes no garbage, for nothing collects it while a command runs; and between the two
            # clients it runs as fast as it can.
            client.send(b"\x01x = 'x' * 100\nwhile True: print(x)\x04")
            client.until(b"xxx")
        with tcp_client(address) as client:
            client.until(b"xxx")  # it still runs
            client.send(b"\x03")
            client.until(b"KeyboardInterrupt: \r\n\x04>")


def test_tcp_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(
            [sys.executable, "-m", "belay.virtual", "--tcp", str(taken.getsockname()[1])],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        assert done.stderr.startswith("belay virtual board: ")
        assert "Traceback" not in done.stderr


@posix
def test_pty_clients_come_and_go(tmp_path: Path) -> None:
    link = tmp_path / "port"
    with served("--pty", str(link)) as (process, address):
        assert address == str(link)
        for number in range(5):
            with pty_client(address) as client:
                client.send(b"\x03\x03\x02")
                client.until(b">>> ")
                client.send(b"\x01x = globals().get('x', 0) + 1; print('x is', x)\x04")
                client.until(b"x is %d\n" % (number + 1))
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert not link.is_symlink()


@posix
def test_pty_passes_every_byte(tmp_path: Path) -> None:
    with served("--pty") as (_, address), pty_client(address) as client:
        client.send(b"\x03\x03\x01")
        client.until(RAW_BANNER)
        every = bytes(set(range(256)) - {3})
        source = b"import sys;d=sys.stdin.buffer.read(255);_=sys.stdout.buffer.write(d)\x04"
        client.send(source + every)
        assert client.until(b"\x04\x04>") == b"OK" + every + b"\x04\x04>"


@posix
def test_pty_without_a_reader_does_not_stop_the_board(tmp_path: Path) -> None:
    program = tmp_path / "main.py"
    program.write_text(
        "import time\nfor i in range(3000): print('x' * 100)\n"
        "with open('done', 'w') as f: f.write('x')\n"
    )
    with served("--pty", "--files", str(tmp_path)) as (_, address):
        done = tmp_path / "done"
        deadline = time.monotonic() + 20
        with pty_client(address):  # open, but it does not read
            while not done.exists():
                assert time.monotonic() < deadline
                select.select([], [], [], 0.02)
        with pty_client(address) as client:
            client.send(b"\x03\x03\x02")
            client.until(b">>> ")
            client.send(b"print('alive')\r")
            client.until(b"\nalive\n")


@posix
@pytest.mark.parametrize("kind", ["--tcp", "--pty"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_busy_board(kind: str, number: signal.Signals) -> None:
    options = (kind, "0") if kind == "--tcp" else (kind,)
    connect = tcp_client if kind == "--tcp" else pty_client
    with served(*options) as (process, address), connect(address) as client:
        client.send(b"\x01while True: pass\x04")
        client.until(b"OK")
        process.send_signal(number)
        assert process.wait(10) == 0


PARENT = """
import subprocess, sys
board = subprocess.Popen([sys.executable, "-m", "belay.virtual", "--tcp", "0"])
sys.stdin.read()  # until the test kills this process
"""


@posix
@pytest.mark.parametrize("busy", [False, True])
def test_ends_with_its_parent(busy: bool) -> None:
    with served(command=("-c", PARENT)) as (parent, address), tcp_client(address) as client:
        if busy:
            client.send(b"\x01while True: pass\x04")
            client.until(b"OK")
        parent.kill()
        parent.wait()
        with pytest.raises((AssertionError, OSError)) as caught:
            client.until(b"never")
        assert "the end came" in str(caught.value) or isinstance(caught.value, ConnectionError)


@posix
def test_belay_virtual_is_the_same_program(tmp_path: Path) -> None:
    start = "import sys; from belay.cli import main; sys.exit(main(['virtual', *sys.argv[1:]]))"
    link = tmp_path / "port"
    with (
        served("--pty", str(link), command=("-c", start)) as (process, address),
        pty_client(address) as client,
    ):
        client.send(b"\x02")
        client.until(b">>> ")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pty", "--tcp", "0"], "Only one of"),
        (["port", "--tcp", "0"], "--pty"),
        (["--pty", "--flash", "big"], "--flash"),
    ],
)
def test_belay_virtual_says_what_is_wrong(arguments: list[str], message: str) -> None:
    start = "import sys; from belay.cli import main; sys.exit(main(['virtual', *sys.argv[1:]]))"
    done = subprocess.run([sys.executable, "-c", start, *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
