# SPDX-License-Identifier: Apache-2.0
"""``exec:`` — children as boards: how they start, end, and what their end tells."""

from __future__ import annotations

import gc
import os
import select
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from belay.errors import ConnectionFailedError, ConnectionLost, DeviceClosedError, PortNotFoundError
from belay.transports import Transport, open_transport
from belay.transports.process import BoardProcess, connect_threaded

SOON = 30.0
ROOT = Path(__file__).resolve().parents[2]


def python(source: str) -> str:
    return f"exec:{shlex.quote(sys.executable)} -u -c {shlex.quote(source)}"


def read_all(transport: Transport) -> tuple[bytes, str]:
    """What came until the link ended, and what was said about its end."""
    data = b""
    while True:
        assert transport.wait(SOON)
        try:
            data += transport.read()
        except ConnectionLost as error:
            return data, str(error)


def read_line(transport: Transport) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        assert transport.wait(SOON)
        data += transport.read()
    return data


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ends_soon(pid: int) -> bool:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], SOON)[0])
    finally:
        os.close(descriptor)


def test_the_command_line_is_split_and_no_shell_sees_it() -> None:
    transport = open_transport("exec:printf '%s|' 'a b' $HOME c\\;d")
    data, _ = read_all(transport)
    assert data == b"a b|$HOME|c;d|"
    transport.close()


def test_output_before_the_end_is_not_lost() -> None:
    transport = open_transport("exec:sh -c 'echo words; exit 0'")
    data, said = read_all(transport)
    assert data == b"words\n"
    assert "ended with exit code 0." in said
    transport.close()


@pytest.mark.parametrize("threaded", [False, True])
def test_the_end_of_a_child_tells_how_and_its_stderr(threaded: bool) -> None:
    source = "import sys; sys.stderr.write('x' * 100_000 + '\\nlast words'); sys.exit(3)"
    address = python(source)
    if threaded:
        argv = shlex.split(address[5:])
        transport = connect_threaded(BoardProcess(argv, command="it"), address=address)
    else:
        transport = open_transport(address)
    data, said = read_all(transport)
    assert data == b""
    assert "ended with exit code 3. Its stderr:" in said
    assert said.endswith("last words")
    assert len(said) < 5_000
    with pytest.raises(ConnectionLost):
        transport.write(b"x" * 1_000_000)
    transport.close()


def test_a_killed_child_tells_the_signal() -> None:
    transport = open_transport(python("import os; print(os.getpid(), flush=True); input()"))
    os.kill(int(read_line(transport)), signal.SIGKILL)
    assert "ended with signal SIGKILL." in read_all(transport)[1]
    transport.close()


def test_a_child_that_only_closes_its_output() -> None:
    transport = open_transport("exec:sh -c 'exec >&-; read x'")
    assert "closed its output." in read_all(transport)[1]
    transport.close()


def test_a_child_that_floods_stderr_does_not_block() -> None:
    source = "import sys; sys.stderr.write('x' * 1_000_000); print('done')"
    transport = open_transport(python(source))
    assert read_line(transport) == b"done\n"
    transport.close()


def test_missing_programs() -> None:
    with pytest.raises(PortNotFoundError, match="no program 'belay-no-such-program'"):
        open_transport("exec:belay-no-such-program --flag")
    with pytest.raises(ConnectionFailedError, match="may not be run"):
        open_transport(f"exec:{ROOT}")


def test_a_file_that_is_no_program(tmp_path: Path) -> None:
    file = tmp_path / "board"
    file.write_bytes(b"\x00\x01nonsense")
    file.chmod(0o755)
    with pytest.raises(ConnectionFailedError, match="could not be started"):
        open_transport(f"exec:{file}")


def test_a_child_has_its_own_session() -> None:
    # So Ctrl-C in the terminal does not end the board.
    transport = open_transport(python("import os; print(os.getsid(0), os.getpid())"))
    session, pid = read_line(transport).split()
    assert session == pid
    assert int(session) != os.getsid(0)
    transport.close()


@pytest.mark.parametrize(
    "stubbornness",
    [
        "sys.stdin.read()",  # ends at the end of its input
        "signal.pause()",  # must be asked
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: signal.pause()",  # forced
    ],
)
def test_no_child_outlives_its_link(stubbornness: str) -> None:
    source = f"import os, signal, sys\nprint(os.getpid())\n{stubbornness}"
    transport = open_transport(python(source))
    pid = int(read_line(transport))
    transport.close()
    assert not is_running(pid)


def test_a_child_that_is_busy_printing_ends_too() -> None:
    transport = open_transport("exec:yes")
    assert transport.wait(SOON)
    transport.close()
    with pytest.raises(DeviceClosedError):
        transport.read()


@pytest.mark.skipif(sys.platform != "linux", reason="waits for a process that is not its child")
def test_children_end_with_the_host_program() -> None:
    # Also when the program forgot to close, or was killed.
    child = "import os; print(os.getpid()); input()"
    for ending in ("", "os.kill(os.getpid(), 9)"):
        host = (
            "import os\nfrom belay.transports import open_transport\n"
            f"link = open_transport({python(child)!r})\n"
            "link.wait(30); data = link.read()\n"
            "while b'\\n' not in data: link.wait(30); data += link.read()\n"
            f"print(data.decode(), flush=True)\n{ending}"
        )
        done = subprocess.run(
            [sys.executable, "-c", host], capture_output=True, text=True, timeout=SOON, cwd=ROOT
        )
        assert ends_soon(int(done.stdout))


def test_a_forgotten_link_is_reported_and_its_child_ends() -> None:
    transport = open_transport(python("import os; print(os.getpid()); input()"))
    pid = int(read_line(transport))
    with pytest.warns(ResourceWarning, match="was never closed"):  # noqa: PT031
        del transport
        gc.collect()
    assert not is_running(pid)


def test_account_while_others_close() -> None:
    process = BoardProcess(["cat"], command="cat")
    closers = [threading.Thread(target=process.close) for _ in range(4)]
    for closer in closers:
        closer.start()
    for closer in closers:
        closer.join(SOON)
    assert not process.alive
    assert process.account().startswith("the program 'cat' ended with exit code 0.")
