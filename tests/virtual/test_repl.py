# SPDX-License-Identifier: Apache-2.0
"""The REPL byte for byte: what goes in, and exactly what comes out."""

from __future__ import annotations

import pytest

from tests.virtual.boardprocess import RAW_BANNER, BoardProcess

BANNER = (
    b"\r\nMicroPython v1.27.0 on 2025-12-10; JS with Emscripten\r\n"
    b'Type "help()" for more information.\r\n>>> '
)
PASTE = b"\r\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n=== "
REBOOT = b"MPY: soft reboot\r\n"
ANNOUNCEMENT = b"R\x01\x00\x20\x01"  # raw paste: a window of 8192 bytes, and one more is free
HERE = b'Traceback (most recent call last):\r\n  File "<stdin>", line 1, in <module>\r\n'


def dialogue(board: BoardProcess, sent: bytes, expected: bytes) -> None:
    """Send; read until as many bytes came as expected; compare."""
    board.send(sent)
    got = board.read(len(expected))
    assert got == expected


FRIENDLY = {
    "expression": (b"1+1\r", b"1+1\r\n2\n>>> "),
    "print": (b"print('a')\r", b"print('a')\r\na\n>>> "),
    "a program's own CR": (b"print('a\\r\\nb')\r", b"print('a\\r\\nb')\r\na\r\nb\n>>> "),
    "error": (b"1/0\r", b"1/0\r\n" + HERE + b"ZeroDivisionError: divide by zero\r\n>>> "),
    "backspace": (b"1\x7f2\r", b"1\x08\x1b[K2\r\n2\n>>> "),
    "block": (
        b"for i in range(2):\rprint(i)\r\r\r\r",
        b"for i in range(2):\r\n...     print(i)\r\n...     \r\n...     \r\n... \r\n0\n1\n>>> ",
    ),
    "Ctrl-C in a line": (b"abc\x03", b"abc\r\n>>> "),
    "Ctrl-C in a block": (b"if 1:\r\x03", b"if 1:\r\n...     \r\n>>> "),
    "empty line": (b"\r", b"\r\n>>> "),
    "Ctrl-B": (b"\x02", b"\r\n" + BANNER.removeprefix(b"\r\n")),
    "paste": (b"\x05a=1\rprint(a)\r\x04", PASTE + b"a=1\r\n=== print(a)\r\n=== \r\n1\n>>> "),
    "paste cancelled": (b"\x05a=1\r\x03", PASTE + b"a=1\r\n=== \r\n>>> "),
    "soft reset": (b"\x04", b"\r\n" + REBOOT + BANNER),
    "SystemExit": (b"raise SystemExit\r", b"raise SystemExit\r\n" + REBOOT + BANNER),
    "raw REPL and back": (b"\x01\x02", b"\r\n" + RAW_BANNER + BANNER),
    "input": (
        b"input('? ')\rab\x7fc\r",
        b"input('? ')\r\n? ab\x08 \x08c\r\n'ac'\n>>> ",
    ),
}


@pytest.mark.parametrize("name", FRIENDLY)
def test_friendly(shared: BoardProcess, name: str) -> None:
    sent, expected = FRIENDLY[name]
    dialogue(shared, sent, expected)


RAW = {
    "command": (b"print(1)\x04", b"OK1\n\x04\x04>"),
    "no output": (b"a=1\x04", b"OK\x04\x04>"),
    "several lines": (b"for i in range(2):\n print(i)\n\x04", b"OK0\n1\n\x04\x04>"),
    "CR LF in the source": (b"a=1\r\nprint(a)\r\n\x04", b"OK1\n\x04\x04>"),
    "error": (b"1/0\x04", b"OK\x04" + HERE + b"ZeroDivisionError: divide by zero\r\n\x04>"),
    "output before an error": (
        b"print(1);1/0\x04",
        b"OK1\n\x04" + HERE + b"ZeroDivisionError: divide by zero\r\n\x04>",
    ),
    "no Python": (
        b"a b\x04",
        b'OK\x04Traceback (most recent call last):\r\n  File "<stdin>", line 1\r\n'
        b"SyntaxError: invalid syntax\r\n\x04>",
    ),
    "Ctrl-C clears the line": (b"nonsense(\x03print(1)\x04", b"OK1\n\x04\x04>"),
    "Ctrl-A clears the line": (b"nonsense(\x01print(1)\x04", RAW_BANNER + b"OK1\n\x04\x04>"),
    "0x05 inside a line is data": (b"print(b'\x05A'[0])\x04", b"OK5\n\x04\x04>"),
    "0x05 and Ctrl-A behind a line": (b"x=1\x05A\x01print(2)\x04", RAW_BANNER + b"OK2\n\x04\x04>"),
    "unknown request": (b"\x05B\x01", b"R\x00>"),
    "two commands at once": (b"print(1)\x04print(2)\x04", b"OK1\n\x04\x04>OK2\n\x04\x04>"),
    "high bytes": ("print('ü')\x04".encode(), "OKü\n\x04\x04>".encode()),
    "bytes read by the program": (
        b"import sys;print(sys.stdin.buffer.read(3))\x04ab\x04",
        b"OKb'ab\\x04'\n\x04\x04>",
    ),
    "a line read by the program": (
        b"import sys;print(sys.stdin.readline())\x04abc\nprint(2)\x04",
        b"OKabc\n\n\x04\x04>OK2\n\x04\x04>",
    ),
    "any byte is output": (
        b"import sys;_=sys.stdout.buffer.write(bytes(range(256)))\x04",
        b"OK" + bytes(range(256)) + b"\x04\x04>",
    ),
    "soft reset": (b"\x04", b"OK\r\n" + REBOOT + RAW_BANNER),
    "SystemExit": (b"raise SystemExit\x04", b"OK\x04\x04" + REBOOT + RAW_BANNER),
    "raw paste": (b"\x05A\x01print(1)\x04", ANNOUNCEMENT + b"\x041\n\x04\x04>"),
    "raw paste, error": (
        b"\x05A\x01\n1/0\x04",
        ANNOUNCEMENT
        + b"\x04\x04"
        + HERE.replace(b"line 1", b"line 2")
        + b"ZeroDivisionError: divide by zero\r\n\x04>",
    ),
    "raw paste, no Python": (
        b"\x05A\x01a b\x04",
        ANNOUNCEMENT + b'\x04\x04Traceback (most recent call last):\r\n  File "<stdin>", line 1\r\n'
        b"SyntaxError: invalid syntax\r\n\x04>",
    ),
    "raw paste, interrupted": (
        b"\x05A\x01print(\x03",
        ANNOUNCEMENT + b"\x04\x04KeyboardInterrupt: \r\n\x04>",
    ),
    "raw paste, empty": (b"\x05A\x01\x04", ANNOUNCEMENT + b"\x04\x04\x04>"),
    "raw paste, control bytes are data": (
        b"\x05A\x01print(b'\x01\x02\x05')\x04",
        ANNOUNCEMENT + b"\x04b'\\x01\\x02\\x05'\n\x04\x04>",
    ),
    "raw paste, SystemExit": (
        b"\x05A\x01raise SystemExit\x04",
        ANNOUNCEMENT + b"\x04\x04\x04" + REBOOT + RAW_BANNER,
    ),
}


@pytest.mark.parametrize("pieces", ["whole", "bytes"])
@pytest.mark.parametrize("name", RAW)
def test_raw(shared_raw: BoardProcess, name: str, pieces: str) -> None:
    sent, expected = RAW[name]
    if pieces == "whole":
        dialogue(shared_raw, sent, expected)
    else:  # one byte at a time, in segments of their own
        for at in range(len(sent)):
            shared_raw.send(sent[at : at + 1])
        assert shared_raw.read(len(expected)) == expected
    dialogue(shared_raw, b"print('still in step')\x04", b"OKstill in step\n\x04\x04>")


def test_banner_comes_first() -> None:
    with BoardProcess(wait=False) as board:
        assert board.read(len(BANNER)) == BANNER


def test_raw_paste_announces_every_window(raw: BoardProcess) -> None:
    raw.send(b"\x05A\x01")
    assert raw.read(len(ANNOUNCEMENT)) == ANNOUNCEMENT
    source = b"x = '''" + b"a" * 20_000 + b"'''\nprint(len(x))"
    free, sent, windows = 2 * 8192, 0, 0
    while sent < len(source):
        if not free:
            assert raw.read(1) == b"\x01"
            free += 8192
            windows += 1
        piece = source[sent : sent + min(free, 3000)]
        raw.send(piece)
        sent += len(piece)
        free -= len(piece)
    raw.send(b"\x04")
    assert raw.until(b"\x04>") == b"\x01" * (2 - windows) + b"\x0420000\n\x04\x04>"


def test_a_long_line_arrives_whole(raw: BoardProcess) -> None:
    raw.send(b"x='" + b"abcdefgh" * 25_000 + b"'\x04")
    assert raw.until(b">") == b"OK\x04\x04>"
    assert raw.eval("len(x), x == 'abcdefgh' * 25000") == "(200000, True)"


def test_much_output_arrives_whole(raw: BoardProcess) -> None:
    output, error = raw.exec("for i in range(20000): print('line', i)")
    assert error == b""
    assert output == b"".join(b"line %d\n" % i for i in range(20_000))


def test_boot_and_main_run_as_on_a_board(board: BoardProcess) -> None:
    files = {
        "boot.py": "import sys\nprint('boot')\nname = 'set by boot'\n",
        "main.py": "print('main sees', name)\ndef broken():\n    1/0\nbroken()\n",
    }
    for name, text in files.items():
        board.send(f"f=open({name!r},'w');_=f.write({text!r});f.close()\r".encode())
        board.until(b">>> ")
    expected = (
        b"\r\n" + REBOOT + b"boot\nmain sees set by boot\n"
        b'Traceback (most recent call last):\r\n  File "main.py", line 4, in <module>\r\n'
        b'  File "main.py", line 3, in broken\r\nZeroDivisionError: divide by zero\r\n' + BANNER
    )
    dialogue(board, b"\x04", expected)
    dialogue(board, b"broken.__name__\r", b"broken.__name__\r\n'broken'\n>>> ")
    # In the raw REPL a soft reset runs boot.py, but not main.py: tools rely on it.
    dialogue(board, b"\x01", b"\r\n" + RAW_BANNER)
    dialogue(board, b"\x04", b"OK\r\n" + REBOOT + b"boot\n" + RAW_BANNER)
    assert board.eval("name") == "'set by boot'"
    assert board.eval("'broken' in globals()") == "False"


def test_main_that_loops_can_be_interrupted(board: BoardProcess) -> None:
    board.send(b"f=open('main.py','w');_=f.write('print(1)\\nwhile True: pass');f.close()\r")
    board.until(b">>> ")
    board.send(b"\x04")
    board.until(REBOOT + b"1\n")
    board.send(b"\x03")
    expected = (
        b'Traceback (most recent call last):\r\n  File "main.py", line 2, in <module>\r\n'
        b"KeyboardInterrupt: \r\n" + BANNER
    )
    assert board.read(len(expected)) == expected


def test_soft_reset_forgets_names_and_keeps_files(raw: BoardProcess) -> None:
    raw.exec("a = 1\nwith open('kept', 'w') as f: f.write('x')")
    raw.send(b"\x04")
    raw.until(RAW_BANNER)
    assert raw.eval("'a' in globals(), open('kept').read()") == "(False, 'x')"


def test_machine_soft_reset(raw: BoardProcess) -> None:
    dialogue(raw, b"import machine;machine.soft_reset()\x04", b"OK\x04\x04" + REBOOT + RAW_BANNER)


@pytest.mark.parametrize("wrapper", ["{}", "try:\n  {}\nexcept BaseException: print('caught')"])
def test_machine_reset_is_a_power_cycle(raw: BoardProcess, wrapper: str) -> None:
    raw.exec("f=open('main.py','w');f.write('print(\"main\")');f.close()")
    source = "import machine\n" + wrapper.format("machine.reset()")
    dialogue(raw, source.encode() + b"\x04", b"OKmain\n" + BANNER)


def test_deep_recursion_is_an_exception(raw: BoardProcess) -> None:
    _, error = raw.exec("def f(n): return f(n+1)\nf(0)")
    assert b"RuntimeError: maximum recursion depth exceeded" in error
    assert raw.eval("1") == "1"


def test_too_much_memory_is_an_exception(raw: BoardProcess) -> None:
    patience = 100  # collecting 200 MB takes a second, on a machine that does nothing else
    _, error = raw.exec("x = []\nwhile True: x.append(bytearray(1000000))", patience)
    assert b"MemoryError" in error
    raw.exec("x = None", patience)
    output = raw.exec("x = bytearray(30000000); print(len(x))", patience)
    assert output == (b"30000000\n", b"")


def test_a_command_may_use_megabytes_and_the_next_one_too(raw: BoardProcess) -> None:
    for _ in range(40):
        assert raw.exec("for i in range(10): x = bytearray(1000000)") == (b"", b"")


def test_seed_makes_random_numbers_repeatable() -> None:
    values = []
    for _ in range(2):
        with BoardProcess("--seed", "7") as board:
            board.raw()
            values.append(board.exec("import random\nfor i in range(5): print(random.random())"))
    assert values[0] == values[1]
    assert values[0][1] == b""


def test_a_crash_of_the_interpreter_is_a_power_cycle() -> None:
    # This build's `re` recurses in C without looking at its stack.
    with BoardProcess() as board:
        board.raw()
        board.exec("with open('kept', 'w') as f: f.write('x')")
        board.send(b"import re\nre.match('(a*)*b', 'a' * 30000)\x04")
        assert board.until(b">>> ") == b"OK" + BANNER
        board.raw()
        assert board.eval("open('kept').read()") == "'x'"
        board.link.close()
        board.process.wait(10)
        assert board.process.stderr is not None
        assert b"the interpreter crashed" in board.process.stderr.read()


def test_nonsense_for_the_host_does_no_harm(shared_raw: BoardProcess) -> None:
    for call in ("pin_get('x')", "pin_get()", "pin_set(99, 1)", "sleep_ms('x')", "sleep_ms(a=1)"):
        shared_raw.exec(f"import _board\n_board.{call}")
    assert shared_raw.exec("print(1)") == (b"1\n", b"")
