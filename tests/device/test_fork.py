# SPDX-License-Identifier: Apache-2.0
"""A forked child has copies of its parent's Devices: the boards stay the parent's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.device.programs import run_program

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

PROGRAM = """\
import gc, os, sys
import belay

private, forgotten = belay.Device("virtual:"), belay.Device("virtual:")
events = private.events("topic")  # its listener is in the middle of things
private("import belay; x = 5")

def fork(child):
    pid = os.fork()
    if not pid:
        child()
        sys.exit(0)
    print(os.waitpid(pid, 0)[1], end=" ")

def forget():
    global forgotten
    forgotten = None
    gc.collect()

def connect():
    with belay.Device("virtual:name") as own:
        assert own("1 + 1") == 2

with belay.Device("virtual:name") as named:
    @named.teardown
    def bye():
        print("bye")

    named("x = 6")
    for child in (int, forget, private.close, connect):
        fork(child)
    private("belay.emit('topic', x + 2)")
    print(private("x"), named("x"), next(events), forgotten("8"))
"""


def test_what_a_child_does_leaves_its_parents_boards_alone(tmp_path: Path) -> None:
    # subprocess.Popen warns in a child of every program that its parent runs.
    done = run_program(tmp_path / "fork.py", PROGRAM, PYTHONWARNINGS="ignore")
    assert done.stdout == "0 0 0 0 5 6 7 8\nbye\n"
