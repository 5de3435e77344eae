# SPDX-License-Identifier: Apache-2.0
"""mpremote, as its authors publish it, drives the virtual board through a pseudo terminal."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.virtual.toolenvironments import python_with

VERSION = "1.29.0"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a pseudo terminal")


@pytest.fixture(scope="session")
def mpremote() -> list[str]:
    """The command."""
    return [python_with(f"mpremote-{VERSION}", f"mpremote=={VERSION}"), "-m", "mpremote"]


@contextlib.contextmanager
def board_at(link: Path, *options: str) -> Iterator[str]:
    """A board behind a pseudo terminal, as mpremote wants one; its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "belay.virtual", "--pty", str(link), *options],
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        assert "ready at" in process.stderr.readline()
        yield str(link)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


@pytest.fixture(scope="module", params=["", "--cooked"])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    link = tmp_path_factory.mktemp("board") / "port"
    with board_at(link, *filter(None, [request.param])) as port:
        yield port


class Remote:
    def __init__(self, command: list[str], port: str) -> None:
        self.command = [*command, "connect", port]

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self.command, *arguments], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def remote(mpremote: list[str], port: str) -> Remote:
    return Remote(mpremote, port)


def test_exec_eval_run(remote: Remote, tmp_path: Path) -> None:
    assert remote("exec", "print(6 * 7)") == "42\n"
    assert remote("eval", "[1 / 4, 'text']") == "[0.25, 'text']\n"
    script = tmp_path / "script.py"
    script.write_text("import sys\nfor i in range(3):\n    print('line', i)\n")
    assert remote("run", str(script)) == "line 0\nline 1\nline 2\n"


def test_an_error_on_the_board_is_reported(remote: Remote) -> None:
    done = subprocess.run(
        [*remote.command, "exec", "1/0"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0
    assert "ZeroDivisionError" in done.stdout + done.stderr


def test_files(remote: Remote, tmp_path: Path) -> None:
    data = bytes(range(256)) * 12
    source, back = tmp_path / "data.bin", tmp_path / "back.bin"
    source.write_bytes(data)
    remote("cp", str(source), ":data.bin")
    assert "3072 data.bin" in remote("ls")
    remote("cp", ":data.bin", str(back))
    assert back.read_bytes() == data
    remote("mkdir", "folder")
    remote("cp", str(source), ":folder/")
    assert "data.bin" in remote("ls", "folder")
    remote("rm", "folder/data.bin")
    remote("rmdir", "folder")
    listing = remote("ls")
    assert "folder" not in listing
    assert "machine" not in listing
    assert "3072 data.bin" in listing


def test_soft_reset(remote: Remote) -> None:
    remote("exec", "kept = 1")
    assert remote("resume", "exec", "print('kept' in globals())") == "True\n"
    remote("soft-reset")
    assert remote("resume", "exec", "print('kept' in globals())") == "False\n"


def test_ctrl_c_in_mpremote_interrupts_the_program(remote: Remote) -> None:
    process = subprocess.Popen(
        [*remote.command, "exec", "print('go')\nwhile True: pass"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    with process:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 30)[0]
        assert os.read(process.stdout.fileno(), 100).startswith(b"g")
        process.send_signal(signal.SIGINT)
        process.wait(30)
    assert remote("resume", "exec", "print('alive')") == "alive\n"


def test_the_next_mpremote_gets_in_while_a_program_runs(remote: Remote) -> None:
    remote("exec", "--no-follow", "while True: pass")
    assert remote("exec", "print('alive')") == "alive\n"
