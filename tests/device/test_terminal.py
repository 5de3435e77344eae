# SPDX-License-Identifier: Apache-2.0
"""The board's prompt in a terminal: here a pseudo-terminal, and files in its place."""

from __future__ import annotations

import functools
import io
import os
import re
import select
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import belay
from belay.errors import ConnectionLost
from belay.terminal import run_terminal
from belay.terminal.history import LineHistory
from belay.terminal.keyboard import ConsoleKeys
from belay.transports import Transport, open_transport

SOON = 30.0


class Person:
    """Someone in front of a terminal, in which a program runs."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        self.stdin = os.fdopen(os.dup(self.slave), "r")
        self.stdout = os.fdopen(os.dup(self.slave), "w")
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.error: BaseException | None = None

    def runs(self, program: Callable[..., None], *args: Any) -> None:
        def run() -> None:
            try:
                program(*args, stdin=self.stdin, stdout=self.stdout)
            except BaseException as error:
                self.error = error

        self.thread = threading.Thread(target=run)
        self.thread.start()

    def types(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def sees(self, text: str) -> bytes:
        """Wait for a text; returns what came up to its end."""
        end = time.monotonic() + SOON
        while not (found := re.search(text.encode(), self.seen)):
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            assert ready, f"{text!r} did not come; this did: {self.seen!r}"
            self.seen += os.read(self.master, 4096)
        upto, self.seen = self.seen[: found.end()], self.seen[found.end() :]
        return upto

    def is_done(self) -> None:
        self.thread.join(SOON)
        assert not self.thread.is_alive()
        assert termios.tcgetattr(self.slave) == self.before

    def leaves(self) -> None:
        self.stdin.close()
        self.stdout.close()
        os.close(self.slave)
        os.close(self.master)


@pytest.fixture
def person() -> Iterator[Person]:
    person = Person()
    yield person
    person.leaves()


@pytest.fixture(scope="module")
def board() -> Iterator[Transport]:
    transport = open_transport("virtual:")
    yield transport
    transport.close()


def test_a_person_at_the_prompt(person: Person, board: Transport) -> None:
    person.runs(run_terminal, board)
    person.sees(r"virtual:: Ctrl-\] ends this terminal")
    person.sees(">>> ")
    assert termios.tcgetattr(person.slave) != person.before
    person.types("6 * 7\r")
    person.sees(r"6 \* 7\r+\n42\r+\n>>> ")
    person.types("print('gr\\xfcn')\r")
    person.sees("\ngr\xfcn")
    person.types("while True: pass\r\r")
    person.sees(r"\.\.\. ")
    person.types("\x03")  # goes to the board, not to this program
    person.sees("KeyboardInterrupt")
    person.types("\x1dnobody reads this")
    person.is_done()
    assert person.error is None


def test_older_lines_and_pasted_blocks(person: Person, board: Transport, tmp_path: Path) -> None:
    for _ in range(2):  # in the second terminal the line of the first is still known
        history = LineHistory(tmp_path / "history")
        person.runs(functools.partial(run_terminal, board, history=history))
        person.sees(re.escape("\x1b[?2004h"))
        person.sees(">>> ")
        if not history.lines:
            person.types("print('first', 6 * 7)\r")
            person.sees("\nfirst 42\r")
            person.sees(">>> ")
        person.types("pri")
        person.sees("pri")
        person.types("\x1b[A\r")
        person.sees("\nfirst 42\r")
        person.sees(">>> ")
        block = "  def f(x):\n      if x:\n\n          return x\n\n  print(f('got it'))"
        person.types(f"\x1b[200~{block}\x1b[201~")
        person.sees("paste mode")
        person.sees("\ngot it\r")
        person.sees(">>> ")
        person.types("\x1d")
        person.is_done()
        person.sees(re.escape("\x1b[?2004l"))
        assert person.error is None
    assert LineHistory(tmp_path / "history").lines == ["print('first', 6 * 7)"]


def test_another_key_ends_it(person: Person, board: Transport) -> None:
    person.runs(run_terminal, board, "\x18")
    person.sees("Ctrl-X ends")
    person.sees(">>> ")
    person.types("7\x1d0 + 1\r")  # which the board's prompt drops
    person.sees("\n71\r")
    person.types("\x18")
    person.is_done()
    assert person.error is None


@pytest.mark.parametrize("key", ["", "ab", "é"])
def test_a_key_is_one_character(board: Transport, key: str) -> None:
    with pytest.raises(ValueError, match="one ASCII character"):
        run_terminal(board, key)


@pytest.mark.parametrize("pipe", [True, False], ids=["a pipe", "text in memory"])
def test_input_that_is_no_terminal(board: Transport, pipe: bool) -> None:
    text = "a = 6\nprint(a * 7, 'gr\\xfcn')\n"
    stdout: Any = io.TextIOWrapper(io.BytesIO()) if pipe else io.StringIO()
    stdin: Any = io.StringIO(text)
    if pipe:
        readable, writable = os.pipe()
        os.write(writable, text.encode())
        os.close(writable)
        stdin = os.fdopen(readable)
    run_terminal(board, stdin=stdin, stdout=stdout)
    stdin.close()
    shown = stdout.buffer.getvalue().decode() if pipe else stdout.getvalue()
    assert re.search(r"\n42 grün\r*\n>>> $", shown)
    assert "ends this terminal" not in shown


def test_a_link_that_ends(person: Person) -> None:
    link = open_transport("exec:sh -c 'echo bye; read line'")
    person.runs(run_terminal, link)
    person.sees("bye")
    person.types("\n")  # a second line could come after the program's end
    person.is_done()
    assert isinstance(person.error, ConnectionLost)
    link.close()


def test_a_terminal_that_is_closed(board: Transport) -> None:
    person = Person()
    person.runs(run_terminal, board)
    person.sees(">>> ")
    os.close(person.master)
    person.thread.join(SOON)
    assert not person.thread.is_alive()
    person.master = os.dup(person.slave)
    person.leaves()


def test_a_device_goes_on_after_it(
    person: Person, connect: Callable[..., belay.Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    device = connect("virtual:", startup="def twice(x): return 2 * x")

    def program(stdin: Any, stdout: Any) -> None:
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(sys, "stdout", stdout)
        device.terminal()

    person.runs(program)
    person.sees(">>> ")
    person.types("found = twice(21)\r")
    person.sees(r"\n>>> ")
    person.types("while True: pass\r\r")
    person.sees(r"\.\.\. ")
    person.types("\x1d")
    person.is_done()
    monkeypatch.undo()
    assert person.error is None
    assert device("found, twice('a')") == (42, "aa")


def test_keys_of_a_windows_console(monkeypatch: pytest.MonkeyPatch) -> None:
    typed: list[Any] = ["a", "\xe0", "H", "ü", "\x00", "?", KeyboardInterrupt(), "\x1d"]

    def getwch() -> str:
        key = typed.pop(0)
        if isinstance(key, BaseException):
            raise key
        return str(key)

    console = SimpleNamespace(kbhit=lambda: bool(typed), getwch=getwch)
    monkeypatch.setitem(sys.modules, "msvcrt", console)
    keys = ConsoleKeys()
    seen = [keys.read() for _ in range(6)]
    assert seen == [b"a", b"\x1b[A", "ü".encode(), b"", b"\x03", b"\x1d"]
    keys.wake()
    assert keys.read() == b""
