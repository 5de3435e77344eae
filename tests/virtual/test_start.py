# SPDX-License-Identifier: Apache-2.0
"""Starting a board: how long it takes, what it loads, and where it has no cache."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from belay.virtual.engine import Firmware
from tests.virtual.boardprocess import RAW_BANNER, BoardProcess


def test_second_start_takes_half_a_second_at_most() -> None:
    # On a busy machine everything takes longer: then four times what its two largest parts take,
    # starting Python and loading wasmtime, which are a quarter of it on a quiet one.
    times, parts = [], []
    for _ in range(8):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import wasmtime"], check=True)
        between = time.perf_counter()
        with BoardProcess():
            times.append(time.perf_counter() - between)
        parts.append(between - start)
        if min(times) <= 0.5:
            return
    assert min(times) <= 4 * min(parts), (times, parts)


@pytest.mark.skipif(os.name != "posix", reason="the cache lies elsewhere")
def test_a_cache_folder_that_cannot_be_made_costs_time_only(tmp_path: Path) -> None:
    obstacle = tmp_path / "file"
    obstacle.write_text("")
    elsewhere = {"XDG_CACHE_HOME": str(obstacle), "HOME": str(obstacle)}
    with BoardProcess(env=elsewhere) as board:
        board.raw()
        assert board.exec("print(1)") == (b"1\n", b"")


def test_missing_interpreter_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="fetched when belay is built"):
        Firmware(tmp_path / "micropython.wasm")


def test_the_package_is_cheap_to_import() -> None:
    code = "import sys, belay.virtual; print(*(m for m in sys.modules if 'wasmtime' in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_cooked_output_has_one_carriage_return_more() -> None:
    with BoardProcess("--cooked") as board:
        board.send(b"print('a\\r\\nb')\r1/0\r")
        assert board.until(b"divide by zero\r\n>>> ") == (
            b"print('a\\r\\nb')\r\na\r\r\nb\r\n>>> 1/0\r\n"
            b'Traceback (most recent call last):\r\n  File "<stdin>", line 1, in <module>\r\n'
            b"ZeroDivisionError: divide by zero\r\n>>> "
        )
        board.send(b"help()\r")
        assert b"\n" not in board.until(b">>> ").replace(b"\r\n", b"")
        board.send(b"input('? ')\rbob\r")
        assert board.until(b"'bob'\r\n>>> ") == b"input('? ')\r\n? bob\r\n'bob'\r\n>>> "
        board.raw()
        assert board.exec("print(1)") == (b"1\r\n", b"")
        output, _ = board.exec("import sys\nfor i in range(20000): sys.stdout.write('ab\\n')")
        assert output == b"ab\r\n" * 20_000
        board.send(b"\x05A\x01print(2)\x04")
        assert board.until(b"\x04>") == b"R\x01\x00\x20\x01\x042\r\n\x04\x04>"
        board.send(b"\x04")
        assert board.until(RAW_BANNER) == b"OK\r\nMPY: soft reboot\r\n" + RAW_BANNER


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="Linux tells it")
def test_memory_of_a_board_is_bounded(raw: BoardProcess) -> None:
    def private() -> int:
        text = Path(f"/proc/{raw.process.pid}/smaps_rollup").read_text()
        fields = dict(line.split(":")[:2] for line in text.splitlines()[1:])
        return sum(int(fields[name].split()[0]) for name in ("Private_Clean", "Private_Dirty"))

    raw.exec("def f(x): return x * x")
    assert private() < 60_000  # kB
    for _ in range(3000):
        raw.send(b"print(f(7))\x04")
        raw.until(b"\x04\x04>")
    for _ in range(100):
        raw.send(b"\x04")
        raw.until(RAW_BANNER)
    assert private() < 60_000
