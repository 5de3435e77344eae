# SPDX-License-Identifier: Apache-2.0
"""``belay terminal``: keys that run code, what is captured, and a board that is not disturbed."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from belay.cli import main
from tests.cli.person import Person


def test_keys_that_run_code(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("def fail():\n    return found / 0\n\nprint('runs')\nfail()\n")
    arguments = ("--inject-file", "script.py", "--inject-code", "found = 7; print('ready')")
    env = {"XDG_STATE_HOME": str(tmp_path)}
    arguments = ("terminal", "virtual:", *arguments, "--capture", "log")
    with Person(*arguments, folder=tmp_path, env=env) as person:
        person.sees(r"Ctrl-\] ends this terminal, Ctrl-T runs a file, Ctrl-K runs script.py")
        person.sees(">>> ")
        person.types("\n")  # Ctrl-J
        person.sees("ready(?s:.*)>>> ")
        person.types("found + 1\r")
        person.sees("\n8\r")
        person.sees(">>> ")
        person.types("\x0b")  # Ctrl-K
        person.sees(r'runs(?s:.*)File "script.py", line 5, in <module>(?s:.*)ZeroDivisionError')
        person.sees(">>> ")
        person.types("\x14")  # Ctrl-T
        person.sees("File to run")
        person.types("script.py\r")
        person.sees("ZeroDivisionError")
        person.sees(">>> ")
        person.types("half")
        person.sees("half")
        person.types("\x14")
        person.sees("File to run")
        person.types("\x03")  # rather not
        person.sees(">>> half")
        person.types(" = found / 2; half\r")
        person.sees(r"\n3\.5\r")
        script.unlink()
        person.types("\x0b")
        person.sees("No such file")
        person.sees(">>> ")
        person.types("\x1b[A\x1b[A\r")  # twice up
        person.sees(r"found \+ 1(?s:.*)\n8\r")
        person.types("\x1d")
        assert person.status() == 0
    assert b"found + 1" in (tmp_path / "log").read_bytes()
    lines = (tmp_path / "belay" / "terminal-history").read_text().splitlines()
    assert lines == ["found + 1", "half = found / 2; half", "found + 1"]


def test_a_running_program_goes_on(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "import time\nfor n in range(100000):\n    print('n', n)\n    time.sleep(0.05)\n"
    )
    with Person("terminal", f"virtual:?files={tmp_path}", "--no-history") as person:
        person.sees("n 0\r(?s:.*)n 3\r")
        person.types("\x03")
        person.sees("KeyboardInterrupt(?s:.*)>>> ")
        person.types("\x1d")
        assert person.status() == 0


def test_lines_of_a_file(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("print(6 * 7)\n"))
    assert main(["terminal", "virtual:", "--no-history"]) == 0
    assert b"\n42\n" in capsysbinary.readouterr().out.replace(b"\r", b"")


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["-t", "virtual:", "-t", "virtual:b"], 2, "one board"),
        (["virtual:", "--capture", "/no/such/folder/log"], 2, "--capture"),
        (["/dev/nowhere"], 1, "/dev/nowhere"),
        (["virtual:", "more"], 2, "one argument too many"),
    ],
)
def test_what_makes_no_sense(
    arguments: list[str], status: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["terminal", *arguments]) == status
    said = capsys.readouterr()
    assert said.out == ""
    assert says in said.err
