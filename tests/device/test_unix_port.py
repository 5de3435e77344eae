# SPDX-License-Identifier: Apache-2.0
"""The Unix port of MicroPython is a board too: a newer version, with threads and sockets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import belay
from belay.transports import Transport


def test_values_errors_deadlines_and_threads(
    unix_port: Callable[..., Transport], capsys: pytest.CaptureFixture[str]
) -> None:
    with belay.Device(unix_port(), reset=False) as device:

        @device.task
        def quotient(a, b):  # type: ignore[no-untyped-def]
            print("dividing")
            return a / b, [b"\x00\xff", {"k": (a,)}], 1 << 70

        assert quotient(1, 4) == (0.25, [b"\x00\xff", {"k": (1,)}], 1 << 70)
        with pytest.raises(belay.PyboardException, match="ZeroDivisionError"):
            quotient(1, 0)
        with pytest.raises(TimeoutError):
            device("while True: pass", timeout=0.1)
        device("import _thread, time\nflag = _thread.allocate_lock()\nflag.acquire()")
        device("def work():\n    print('from a thread')\n    flag.release()")
        device("_thread.start_new_thread(work, ())")
        assert device("flag.acquire(1, 5.0)") is True
    assert capsys.readouterr().out == "dividing\ndividing\nfrom a thread\n"
