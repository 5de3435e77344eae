# SPDX-License-Identifier: Apache-2.0
"""The first program that anyone writes."""

from __future__ import annotations

from pathlib import Path

import pytest

import belay
from tests.device.programs import run_program


def test_in_this_process(capsys: pytest.CaptureFixture[str]) -> None:
    with belay.Device("virtual:") as device:  # or any other address

        @device.task
        def area(w, h):
            print("on the board")
            return {"area": w * h, "unit": b"mm2"}

        assert area(3, 4) == {"area": 12, "unit": b"mm2"}
        assert device("1 / 3") == 1 / 3
    assert capsys.readouterr().out == "on the board\n"


PROGRAM = """\
import belay
with belay.Device("virtual:") as device:      # or any address above
    @device.task
    def area(w, h):
        print("on the board")
        return {"area": w * h, "unit": b"mm2"}
    print(area(3, 4))
    print(device("1 / 3"))
"""


def test_as_a_program(tmp_path: Path) -> None:
    done = run_program(tmp_path / "first.py", PROGRAM)
    assert done.stdout == ("on the board\n{'area': 12, 'unit': b'mm2'}\n0.3333333333333333\n")


MAIN = """\
import belay

def main():
    with belay.Device() as device:
        @device.task
        def area(w, h):
            return w * h

        @device.task
        def volume(w, h, d):
            return area(w, h) * d

        @device.task
        def factorial(n):
            return n * factorial(n - 1) if n else 1

        @device.task
        def early():
            return late()

        @device.task
        def late():
            return "late"

        print(volume(2, 3, 4), factorial(20), early())

main()
"""


def test_tasks_inside_a_function_that_call_each_other(tmp_path: Path) -> None:
    # To Python these are closures, but what they close over is on the board.
    done = run_program(tmp_path / "inside.py", MAIN, BELAY_DEVICE="virtual:")
    assert done.stdout == "24 2432902008176640000 late\n"
