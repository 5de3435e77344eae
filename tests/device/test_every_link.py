# SPDX-License-Identifier: Apache-2.0
"""The same program over every kind of link."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest

import belay
from tests.device import decorated

BOARD = [sys.executable, "-m", "belay.virtual"]
posix = pytest.mark.skipif(os.name != "posix", reason="pseudo terminals are of POSIX")


@pytest.fixture(
    params=[
        "virtual:",
        "exec:",
        pytest.param("--pty", marks=posix),
        pytest.param("--pty --cooked", marks=posix),
        "--tcp 0",
    ]
)
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    kind: str = request.param
    if not kind.startswith("--"):
        yield "virtual:" if kind == "virtual:" else f"exec:{shlex.join([*BOARD, '--stdio'])}"
        return
    with subprocess.Popen([*BOARD, *kind.split()], stderr=subprocess.PIPE, text=True) as board:
        assert board.stderr is not None
        line = board.stderr.readline()
        yield line.removeprefix("virtual board ready at ").split("  ")[0]
        board.terminate()
        board.wait(30)


def test_a_program(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    with belay.Device(address) as device:
        same = device.task(decorated.same)
        divide = device.task(decorated.divide)
        everything = {"bytes": bytes(range(256)) * 40, "text": "é\r\n\0" * 500, "n": -(2**70)}
        assert same(everything) == everything
        with pytest.raises(belay.PyboardException, match="ZeroDivisionError"):
            divide(1, 0)
        with pytest.raises(belay.CallTimeoutError):
            device("while True: pass", timeout=0.05)
        device("kept = 1")
    assert capsys.readouterr().out == "dividing\n"
    if "virtual:" in address or "exec:" in address:
        return
    with belay.Device(address, reset=False) as device:
        assert device("kept") == 1
    with belay.Device(address) as device, pytest.raises(belay.PyboardException, match="NameError"):
        device("kept")
