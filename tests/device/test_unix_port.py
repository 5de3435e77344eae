# SPDX-License-Identifier: Apache-2.0
"""The Unix port of MicroPython is a board too: a newer version, with threads and sockets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import belay
from belay.transports import Transport


def test_values_errors_and_threads(
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
        # No deadlines here: a second Ctrl-C that comes before the first one was noticed ends the
        # port's process. And its threads have no lock around what they print.
        device("""
            import _thread
            go, done = _thread.allocate_lock(), _thread.allocate_lock()
            go.acquire(); done.acquire()
            def work():
                with go:
                    print('from a thread')
                done.release()
            _thread.start_new_thread(work, ())
        """)
        device("go.release(); print('waiting', done.acquire(1, 20.0))")
    assert capsys.readouterr().out == "dividing\ndividing\nfrom a thread\nwaiting True\n"
