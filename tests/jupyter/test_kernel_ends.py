# SPDX-License-Identifier: Apache-2.0
"""Which board the first cell finds; what becomes of it at a restart and in the end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import belay
from tests.jupyter.kernels import PATIENCE, ROOT, Kernel, MicroPythonKernel, kernel_process


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


TWO = "Usb(device='/dev/one', product='Pico'), Usb(device='/dev/two')"
GONE = "Usb(device='/dev/nothing here')"


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo terminals")
def test_from_the_first_cell_to_the_end(port: str, tmp_path: Path) -> None:
    with kernel_process(tmp_path, MicroPythonKernel) as kernel:
        plugged = (
            "%%host\nimport belay.transports.usb as usb\nfrom belay import UsbSpecifier as Usb\n"
            "usb.list_devices = lambda: [{}]"
        )
        kernel.good(plugged.format(TWO))
        error = kernel.run("1").error
        assert "%belay_connect /dev/one" in error
        assert "%belay_connect /dev/two" in error
        kernel.good(plugged.format(GONE))
        assert "/dev/nothing here" in kernel.run("1").error
        kernel.good(plugged.format(""))
        reply = kernel.good("2")  # it looks again until it has found one
        assert reply.result == "2"
        assert "at virtual:\nNo board is on USB" in reply.stderr

        kernel.good(f"%belay_connect {port}\nkept = 1")
        kernel.manager.restart_kernel()
        kernel.client.wait_for_ready(timeout=PATIENCE)
        assert "NameError" in kernel.run("%%host\nkept").error
        assert "NameError" in kernel.run(f"%belay_connect {port}\nkept").error  # its memory, too
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


def test_an_installation_that_cannot_work_is_explained_in_the_notebook(tmp_path: Path) -> None:
    other = tmp_path / "other" / "belay"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("")
    path = os.pathsep.join([str(other.parent), str(ROOT)])
    with kernel_process(tmp_path, MicroPythonKernel, PYTHONPATH=path) as kernel:
        assert "Python finds another 'belay' first" in kernel.run("1").error


def shutdown(kernel: Kernel) -> None:
    """Ask for the end, as Jupyter does, and wait for the answer."""
    channel = kernel.client.control_channel
    channel.send(kernel.client.session.msg("shutdown_request", {"restart": False}))
    answer = kernel.client.get_control_msg(timeout=PATIENCE)
    assert answer["msg_type"] == "shutdown_reply"
