# SPDX-License-Identifier: Apache-2.0
"""What the terminal knows of keys, of the line at the prompt, and of older lines."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belay.terminal.history import LineHistory
from belay.terminal.prompt import CONTINUED, FRESH, PASTING, PromptLine
from belay.terminal.strokes import Asked, Pasted, Stroke, Strokes, Typed, Walked
from belay.terminal.typist import Typist

# ------------------------------------------------------------------------------------- keys


def merged(strokes: list[Stroke]) -> list[Stroke]:
    """Neighbouring typed keys as one."""
    found: list[Stroke] = []
    for stroke in strokes:
        if found and isinstance(stroke, Typed) and isinstance(found[-1], Typed):
            found[-1] = Typed(found[-1].data + stroke.data)
        else:
            found.append(stroke)
    return found


TYPED = [
    (b"abc", [Typed(b"abc")]),
    (b"a\x1b[Ab", [Typed(b"a"), Walked(True, b"\x1b[A"), Typed(b"b")]),
    (b"\x1bOB", [Walked(False, b"\x1bOB")]),
    (b"a\x1b[200~x\n\x1d\x1b[A\x1b[201~b", [Typed(b"a"), Pasted(b"x\n\x1d\x1b[A"), Typed(b"b")]),
    (b"a\x1db", [Typed(b"a"), Asked(b"\x1d"), Typed(b"b")]),
    (b"\x1b[D\x1b[3~", [Typed(b"\x1b[D\x1b[3~")]),
    (b"]^-", [Typed(b"]^-")]),
    (b"\x1b", [Typed(b"\x1b")]),
]


@pytest.mark.parametrize(("data", "meaning"), TYPED, ids=range(len(TYPED)))
def test_keys_wherever_they_are_cut(data: bytes, meaning: list[Stroke]) -> None:
    for cut in range(len(data) + 1):
        strokes = Strokes(b"\x1d\x14")
        seen = strokes.feed(data[:cut]) + strokes.feed(data[cut:])
        assert strokes.waiting == (data == b"\x1b")
        assert merged(seen + strokes.flush()) == meaning


@given(st.lists(st.sampled_from([b"a", b"\x1b", b"[", b"2", b"0", b"~", b"A", b"\x1d"])))
def test_nothing_that_was_typed_is_lost(keys: list[bytes]) -> None:
    strokes = Strokes(b"\x1d")
    seen: list[Stroke] = []
    for key in keys:
        seen += strokes.feed(key)
    seen += strokes.flush()
    typed = b"".join(
        stroke.data if isinstance(stroke, Typed) else stroke.key
        for stroke in seen
        if not isinstance(stroke, Pasted)
    )
    whole = b"".join(keys)
    assert typed == whole.partition(b"\x1b[200~")[0]


# --------------------------------------------------------------------- the line at the prompt

SCREENS = [
    (b"hello\r\n>>> ", FRESH, ""),
    (b">>> 1 + 1", FRESH, "1 + 1"),
    (b">>> abc\b\b\x1b[Kx", FRESH, "ax"),
    (b">>> abc\x1b[3DX\x1b[2C", FRESH, "Xbc"),
    (b">>> if 1:\r\n...     ", CONTINUED, "    "),
    (b">>> x\r\n=== ", PASTING, ""),
    (b">>> gr\xc3\xbcn", FRESH, "grün"),
    (b"\x1b[1;32mcolour\x1b[0m\r\n>>> a", FRESH, "a"),
    (b">>> wrong\x1b[2K\r>>> right", FRESH, "right"),
    (b"output", "", ""),
    (b">>", "", ""),
]


@pytest.mark.parametrize(("data", "prompt", "text"), SCREENS, ids=range(len(SCREENS)))
def test_the_line_wherever_the_output_is_cut(data: bytes, prompt: str, text: str) -> None:
    for cut in range(len(data) + 1):
        line = PromptLine()
        line.feed(data[:cut])
        line.feed(data[cut:])
        assert (line.prompt, line.text) == (prompt, text)
        assert line.length == len(text.encode())


def test_lines_that_are_ended_are_told() -> None:
    told: list[tuple[str, str]] = []
    line = PromptLine(lambda prompt, text: told.append((prompt, text)))
    line.feed(b">>> a = 1\r\n>>> if a:\r\n...     print(a)\r\n... \r\n1\r\n>>> ")
    assert told == [
        (FRESH, "a = 1"),
        (FRESH, "if a:"),
        (CONTINUED, "    print(a)"),
        (CONTINUED, ""),
    ]
    assert line.ended == 5


def test_endless_output_is_not_kept() -> None:
    line = PromptLine()
    for _ in range(100):
        line.feed(b"x" * 1000)
    assert len(line._line) < 10_000


# ------------------------------------------------------------------------------ older lines


def test_a_history_stays(tmp_path: Path) -> None:
    path = tmp_path / "state" / "history"
    first = LineHistory(path)
    for line in ["a = 1", "", " secret", "a = 1", "print('grün')", "\x1b[A"]:
        first.add(line)
    assert LineHistory(path).lines == first.lines == ["a = 1", "print('grün')"]
    assert path.stat().st_mode & 0o77 == 0


def test_a_history_does_not_grow_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_text("".join(f"line {n}\n" for n in range(5000)))
    assert LineHistory(path).lines[0] == "line 4000"
    assert len(path.read_text().splitlines()) == 1000
    assert list(tmp_path.iterdir()) == [path]


def test_a_history_that_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    history = LineHistory(tmp_path / "file" / "history")
    history.add("a")
    assert history.lines == ["a"]


def test_a_walk() -> None:
    history = LineHistory()
    for line in ["import os", "x = 1", "import sys", "x = 1", "import os"]:
        history.add(line)
    walk = history.walk("")
    assert [walk.older() for _ in range(4)] == ["import os", "x = 1", "import sys", None]
    assert [walk.newer() for _ in range(4)] == ["x = 1", "import os", "", None]
    walk = history.walk("import")
    assert [walk.older() for _ in range(3)] == ["import os", "import sys", None]
    assert [walk.newer() for _ in range(3)] == ["import os", "import", None]


# ------------------------------------------------------------------------------- the typist


class Screen:
    """A board that only echoes, as a line editor does."""

    def __init__(self, history: LineHistory | None) -> None:
        self.sent = b""
        self.typist = Typist(self.take, history)
        self.typist.line.feed(b">>> ")

    def take(self, data: bytes) -> None:
        self.sent += data
        for byte in data:
            code = bytes([byte])
            echo = {b"\r": b"\r\n>>> ", b"\x7f": b"\b\x1b[K", b"\x05": b"\r\n=== "}.get(code, code)
            if code == b"\x7f" and self.typist.line.length == 0:
                continue
            if code == b"\r" and self.typist.line.prompt == PASTING:
                echo = b"\r\n=== "
            if code == b"\x04":
                echo = b"\r\n>>> "
            self.typist.line.feed(echo)

    def does(self, *strokes: Stroke) -> bytes:
        self.sent = b""
        for stroke in strokes:
            self.typist.do(stroke)
        return self.sent


UP, DOWN = Walked(True, b"\x1b[A"), Walked(False, b"\x1b[B")


def test_older_lines_replace_what_stands_there() -> None:
    history = LineHistory()
    screen = Screen(history)
    screen.does(Typed(b"a = 1\r"), Typed(b"b"), Typed(b" = 2\r"))
    assert history.lines == ["a = 1", "b = 2"]
    screen.does(UP)
    assert screen.typist.line.text == "b = 2"
    screen.does(UP, UP, UP)
    assert screen.typist.line.text == "a = 1"
    screen.does(DOWN, DOWN, DOWN)
    assert screen.typist.line.text == ""
    screen.does(Typed(b"a"), UP)
    assert screen.typist.line.text == "a = 1"


def test_the_arrows_belong_to_the_board_elsewhere() -> None:
    assert Screen(None).does(UP) == b"\x1b[A"
    screen = Screen(LineHistory())
    screen.typist.line.feed(b"\r\nPassword: ")
    assert screen.does(DOWN) == b"\x1b[B"


def test_keys_that_the_board_has_not_shown_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    history = LineHistory()
    for line in ("a = 1", "b = 2"):
        history.add(line)
    sent: list[bytes] = []
    typist = Typist(sent.append, history)
    typist.line.feed(b">>> ")
    typist.do(Typed(b"a"))
    fed = typist.line.fed

    def echo(since: int, timeout: float) -> bool:
        assert since == fed
        typist.line.feed(b"a")
        return True

    monkeypatch.setattr(typist.line, "wait_for_more", echo)
    typist.do(UP)
    assert sent[-1] == b"a = 1"
    assert set(sent[-2]) == {0x7F}


def test_lines_that_nobody_typed_are_not_kept() -> None:
    history = LineHistory()
    screen = Screen(history)
    screen.typist.line.feed(b"printed by a program\r\n>>> print(1)\r\n")
    assert history.lines == []


def test_several_lines_are_pasted_in_paste_mode() -> None:
    screen = Screen(LineHistory())
    sent = screen.does(Pasted(b"  def f():\r\n      return 1\n\n  f()\r\n"))
    assert sent == b"\x05def f():\r    return 1\r\rf()\r\x04"
    sent = screen.does(Typed(b"x = "), Pasted(b"[\n1]"))
    assert sent == b"x = " + b"\x7f" * 8 + b"\x05x = [\r1]\r\x04"


def test_a_board_with_a_small_buffer_gets_all_of_a_paste() -> None:
    """It loses what exceeds its buffer, as UARTs without flow control do."""
    waiting: queue.Queue[bytes] = queue.Queue(64)
    read = bytearray()
    screen = Screen(None)

    def take(data: bytes) -> None:
        for byte in data:
            waiting.put_nowait(bytes([byte]))  # raises where there is no room

    def run() -> None:
        echo = Screen.take
        while (byte := waiting.get()) != b"\x04":
            read.extend(byte)
            echo(screen, byte)

    screen.typist._write = take
    board = threading.Thread(target=run, daemon=True)
    board.start()
    text = b"".join(b"value_%d = %d\n" % (n, n) for n in range(300))
    screen.typist.do(Pasted(text))
    board.join(30)
    assert bytes(read) == b"\x05" + text.replace(b"\n", b"\r")


def test_one_line_is_pasted_as_if_typed() -> None:
    screen = Screen(LineHistory())
    assert screen.does(Pasted(b"print(\x031)")) == b"print(1)"
    assert screen.does(Pasted(b" # done\n")) == b" # done\r"
    screen.typist.line.feed(b"\r\nName: ")  # a program reads its input
    assert screen.does(Pasted(b"a\nb\n")) == b"a\rb\r"
