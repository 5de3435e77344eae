# SPDX-License-Identifier: Apache-2.0
"""`Device.sync` with a second real MicroPython, which runs native code: the Unix port."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import belay
from belay.transports import Transport
from tests.sync.test_host import make

if os.name != "posix":
    pytest.skip("the Unix port runs on POSIX", allow_module_level=True)

from tests.links.unixport import unix_port as unix_port
from tests.links.unixport import unix_python as unix_python

NATIVE = """\
import micropython

@micropython.native
def add(x, y):
    return x + y  # native

@micropython.viper
def double(x: int) -> int:
    return x * 2

def fail():
    "doc"
    return 1 / 0  # here
"""


def test_native_code(unix_port: Callable[..., Transport], tmp_path: Path) -> None:
    board = tmp_path / "board"
    data = os.urandom(30_000)
    app = make(tmp_path / "app", {"native.py": NATIVE, "sub/it's.txt": "x", "big.bin": data})
    with belay.Device(unix_port(), reset=False) as device:
        device.sync(app, str(board))
        assert (board / "big.bin").read_bytes() == data
        assert (board / "sub" / "it's.txt").read_text() == "x"
        assert device.sync(app, str(board)).operations == ()
        done = device.sync(app, str(board), mpy_cross_binary=True)
        assert [file.path for file in done.written] == [f"{board}/native.mpy"]
        compiled = (board / "native.mpy").read_bytes()
        assert compiled[2] >> 2  # holds native code, for this architecture
        assert sorted(os.listdir(board)) == ["big.bin", "native.mpy", "sub"]
        device(f"import sys\nsys.path.append({str(board)!r})\nimport native")
        assert device("native.add(1, 2), native.double(4)") == (3, 8)
        with pytest.raises(belay.PyboardException) as caught:
            device("native.fail()")
        frame = caught.value.frames[-1]
        assert (frame.filename, frame.line) == (str(app / "native.py"), 13)
        with pytest.raises(belay.SyncError, match="runs on a computer"):
            device.sync(app)
