# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C may come between any two steps: of taking a turn at the link, and of using it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

import belay
from belay.session import channel, listening, turns

FILES = {turns.__file__, listening.__file__, channel.__file__}


class CtrlC:
    """Raises KeyboardInterrupt at the n-th step that this thread makes in those files."""

    def __init__(self, step: int) -> None:
        self.left = step

    def __call__(self, frame: FrameType, event: str, argument: Any) -> CtrlC | None:
        if frame.f_code.co_filename not in FILES:
            return None
        if event != "exception":
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return self


def interrupted(step: int, use: Callable[[], object]) -> bool:
    """Whether a use had that many steps; it was then interrupted there."""
    tracing, ctrl_c = sys.gettrace(), CtrlC(step)
    sys.settrace(ctrl_c)
    try:
        use()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(tracing)
    return ctrl_c.left <= 0


@pytest.mark.parametrize("listens", [False, True])
def test_a_turn_is_never_lost(listens: bool) -> None:
    with belay.Device("virtual:") as device:
        events = device.events("topic") if listens else None
        device("import belay")
        step, done = 0, list[int]()
        while interrupted(step := step + 1, lambda: device("1 + 1")):
            assert device("2 + 2") == 4
            if events is not None:  # and the board is heard between the calls
                device("belay.emit('topic', 5)")
                assert events.get(timeout=5) == 5
            done.clear()
            other = threading.Thread(target=lambda: done.append(device("3 + 3")))
            other.start()
            other.join(10)
            assert done == [6]
        assert step > 15
        assert not interrupted(1000, lambda: device.connected)
        assert device.connected
    assert device.closed


def test_a_callback_is_still_refused(device: belay.Device) -> None:
    class Calls:
        def write(self, text: str) -> None:
            assert device.connected
            device("1")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="called the same board"):
            device("print(1)", stream_out=Calls())
    assert device("1") == 1
