# SPDX-License-Identifier: Apache-2.0
"""Restart and shutdown: what becomes of the board, and when another program can have it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import belay
from tests.jupyter.kernels import PATIENCE, Kernel, MicroPythonKernel, kernel_process


@pytest.fixture
def port(tmp_path: Path) -> Iterator[str]:
    """The serial port of a board that outlives the kernel."""
    link = tmp_path / "board"
    with subprocess.Popen(
        [sys.executable, "-m", "belay.virtual", "--pty", str(link)],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as board:
        assert board.stderr is not None
        assert b"ready" in board.stderr.readline()
        try:
            yield str(link)
        finally:
            board.terminate()


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo terminals")
def test_restart_and_shutdown(port: str, tmp_path: Path) -> None:
    with kernel_process(tmp_path, MicroPythonKernel, BELAY_DEVICE=port) as kernel:
        reply = kernel.good("kept = 1")
        assert port in reply.stderr
        kernel.manager.restart_kernel()
        kernel.client.wait_for_ready(timeout=PATIENCE)
        assert "NameError" in kernel.run("kept").error  # its memory is empty
        assert "NameError" in kernel.run("%%host\nkept").error
        kernel.good("kept = 2")

        busy = kernel.client.execute("print('go')\nwhile True: pass")
        while kernel.client.get_iopub_msg(timeout=PATIENCE)["content"].get("text") != "go\n":
            pass
        shutdown(kernel)
        # The port is free by the time of the answer, though a cell ran and the kernel still ends.
        with belay.Device(port, reset=False, startup="") as device:
            assert device("kept") == 2
        assert busy
        kernel.manager.finish_shutdown()
    assert not kernel.manager.is_alive()


def shutdown(kernel: Kernel) -> None:
    """Ask for the end, as Jupyter does, and wait for the answer."""
    channel = kernel.client.control_channel
    channel.send(kernel.client.session.msg("shutdown_request", {"restart": False}))
    answer = kernel.client.get_control_msg(timeout=PATIENCE)
    assert answer["msg_type"] == "shutdown_reply"
