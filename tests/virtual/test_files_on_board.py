# SPDX-License-Identifier: Apache-2.0
"""Files as programs on the board see them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.virtual.boardprocess import RAW_BANNER, BoardProcess

VALUES = {
    "os.listdir('/')": "['d', 'f']",
    "os.listdir()": "['d', 'f']",
    "os.listdir('d')": "['g']",
    "sorted(os.ilistdir('/'))": "[('d', 16384, 0, 0), ('f', 32768, 0, 5)]",
    "list(os.ilistdir('d')), list(os.ilistdir())[1]": (
        "([('g', 32768, 0, 5)], ('f', 32768, 0, 5))"
    ),
    "os.stat('f')[0], os.stat('f')[6]": "(32768, 5)",
    "os.stat('d')[0]": "16384",
    "os.stat('/')[0]": "16384",
    "time.time() - os.stat('f')[8] < 100": "True",
    "open('f').read(), open('/d/../f', 'rb').read(2)": "('hello', b'he')",
    "open('d/g').read()": "'inner'",
    "[os.chdir('d'), os.getcwd(), open('g').read(), os.listdir(), os.chdir('/')]": (
        "[None, '/d', 'inner', ['g'], None]"
    ),
    "[os.rename('f', 'h'), os.listdir(), os.rename('h', 'f')]": "[None, ['d', 'h'], None]",
    "[os.mkdir('e'), os.rmdir('e'), os.listdir()]": "[None, None, ['d', 'f']]",
}


@pytest.fixture
def files(shared_raw: BoardProcess) -> BoardProcess:
    output, error = shared_raw.exec(
        "import os, time\n"
        "def wipe(path):\n"
        "  for name, kind, *_ in list(os.ilistdir(path)):\n"
        "    full = path + '/' + name\n"
        "    if kind == 0x4000: wipe(full); os.rmdir(full)\n"
        "    else: os.remove(full)\n"
        "wipe('')\n"
        "with open('f', 'w') as f: f.write('hello')\n"
        "os.mkdir('d')\n"
        "with open('d/g', 'w') as f: f.write('inner')\n"
    )
    assert (output, error) == (b"", b"")
    return shared_raw


@pytest.mark.parametrize("expression", VALUES)
def test_values(files: BoardProcess, expression: str) -> None:
    assert files.eval(expression) == VALUES[expression]


ERRORS = {
    "open('no')": "[Errno 2] ENOENT",
    "os.stat('no')": "[Errno 2] ENOENT",
    "os.remove('no')": "[Errno 2] ENOENT",
    "os.listdir('no')": "[Errno 2] ENOENT",
    "os.ilistdir('no')": "[Errno 2] ENOENT",
    "os.chdir('no')": "[Errno 2] ENOENT",
    "open('no/f', 'w')": "[Errno 2] ENOENT",
    "open('d')": "[Errno 21] EISDIR",
    "os.mkdir('d')": "[Errno 17] EEXIST",
    "os.rmdir('d')": "39",
    "os.rmdir('f')": "20",
    "open('/.board/machine.py', 'w')": "30",
    "os.remove('/.board/machine.py')": "30",
    "os.mkdir('/.board/x')": "30",
    "os.rename('/.board/machine.py', '/x')": "30",
}


@pytest.mark.parametrize("source", ERRORS)
def test_errors_have_the_numbers_of_boards(files: BoardProcess, source: str) -> None:
    error = files.exec(source)[1].decode()
    assert f"OSError: {ERRORS[source]}\r\n" in error


def test_frozen_modules_are_no_files(files: BoardProcess) -> None:
    assert files.exec("wipe('')\nprint(os.listdir('/'), [n for n in os.ilistdir()])") == (
        b"[] []\n",
        b"",
    )
    assert files.exec("import machine, time; print(machine.Pin(25))") == (
        b"Pin(GPIO25, mode=IN)\n",
        b"",
    )
    files.send(b"\x04")
    files.until(RAW_BANNER)
    assert files.exec("import machine; print(machine.Pin(25))")[1] == b""


def test_a_file_of_the_user_wins_over_a_frozen_module(files: BoardProcess) -> None:
    files.exec("with open('machine.py', 'w') as f: f.write('mine = 1')")
    assert files.eval("__import__('machine').mine") == "1"


def test_import_of_py_and_packages(files: BoardProcess) -> None:
    source = (
        "os.mkdir('/lib'); os.mkdir('/lib/pkg')\n"
        "for n, t in (('/lib/m.py', 'x = 1'), ('/lib/pkg/__init__.py', 'y = 2')):\n"
        "  with open(n, 'w') as f: f.write(t)\n"
        "import m, pkg\nprint(m.x, pkg.y)\n"
    )
    assert files.exec(source) == (b"1 2\n", b"")


def test_statvfs_tells_the_truth_and_flash_gets_full() -> None:
    with BoardProcess("--flash", "64k") as board:
        board.raw()
        board.exec("import os\ns = os.statvfs('/')")
        assert board.eval("s[0] * s[2], s[0] * s[3]") == "(65536, 65536)"
        board.exec("f = open('f', 'wb'); f.write(bytes(40000)); f.close(); s = os.statvfs('/')")
        assert board.eval("s[0] * s[3]") == "24576"
        error = board.exec("f = open('g', 'wb')\nfor i in range(9): f.write(bytes(4096))")[1]
        assert b"OSError: 28\r\n" in error
        assert board.eval("os.statvfs('/')[3]") == "0"
        # As littlefs has it: what a file had before, here nothing, stays.
        assert board.eval("[f.close(), os.stat('g')[6], os.statvfs('/')[3]]") == "[None, 0, 6]"
        assert board.eval("[os.remove('f'), os.statvfs('/')[3]]") == "[None, 16]"
        board.exec("f = open('g', 'wb'); f.write(bytes(65536)); f.close()")
        assert board.eval("os.stat('g')[6], os.statvfs('/')[3]") == "(65536, 0)"
        assert b"OSError: 28\r\n" in board.exec("os.mkdir('d')")[1]


def test_what_is_written_counts_from_flush_or_close_on(files: BoardProcess) -> None:
    files.exec("f = open('f', 'w'); f.write('new')")
    assert files.eval("open('f').read()") == "'hello'"
    files.exec("f.flush()")
    assert files.eval("open('f').read()") == "'new'"
    files.exec("f.write(' and more')")
    assert files.eval("open('f').read()") == "'new'"
    files.exec("g = open('g', 'w'); g.write('left open')")
    files.send(b"\x04")  # a soft reset closes what is open
    files.until(RAW_BANNER)
    assert files.eval("open('f').read(), open('g').read()") == "('new and more', 'left open')"


def test_a_reset_forgets_what_was_not_flushed(files: BoardProcess) -> None:
    files.send(b"f = open('f', 'w'); f.write('new'); __import__('machine').reset()\x04")
    files.until(b">>> ")
    files.raw()
    assert files.eval("open('f').read()") == "'hello'"


def test_a_folder_keeps_files_and_lets_nothing_out(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    flash = tmp_path / "flash"
    with BoardProcess("--files", str(flash)) as board:
        board.raw()
        board.exec("import os\nos.mkdir('d')\nwith open('d/f', 'w') as f: f.write('kept')")
        for path in ("../secret", "/../secret", "/d/../../secret", str(tmp_path / "secret")):
            assert b"ENOENT" in board.exec(f"open({path!r})")[1], path
        assert board.eval("[os.chdir('../..'), os.getcwd(), os.listdir()]") == "[None, '/', ['d']]"
    assert (flash / "d" / "f").read_text() == "kept"
    (flash / "main.py").write_text("print(open('d/f').read())")
    with BoardProcess("--files", str(flash), wait=False) as board:
        assert board.until(b"MicroPython").startswith(b"kept\n")


def test_uname(files: BoardProcess) -> None:
    assert files.eval("__import__('os').uname().sysname") == "'webassembly'"
    assert files.eval("__import__('uos').uname()[2]") == "'1.27.0'"
