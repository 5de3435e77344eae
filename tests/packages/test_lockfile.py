# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belay.errors import LockError
from belay.packages.lockfile import check_fresh, dump_lock, load_lock, parse_lock, write_lock
from belay.packages.model import PROJECT, Lock, LockedFile, LockedPackage
from belay.packages.project import read_project

A, B, C = "a" * 64, "b" * 64, "c" * 64

AIOHTTP = LockedPackage(
    "aiohttp",
    "0.0.6",
    "index+https://micropython.org/pi/v2",
    requires=("ssl",),
    required_by=(PROJECT,),
    groups=("web", "main"),
    files=(
        LockedFile("aiohttp/__init__.py", "py", A, 8412, "https://micropython.org/pi/v2/file/aa/a"),
        LockedFile(
            "aiohttp/__init__.mpy", "mpy6", B, 5120, "https://micropython.org/pi/v2/file/bb/b"
        ),
    ),
)
SSL = LockedPackage(
    "ssl",
    "0.2.1",
    "index+https://micropython.org/pi/v2",
    required_by=("aiohttp",),
    files=(LockedFile("ssl.py", "py", C, 0, "https://micropython.org/pi/v2/file/cc/c"),),
)
DRIVER = LockedPackage(
    "driver", "", "git+ssh://git@example.org/r.git@main", "0" * 40, (), (PROJECT,), ("main",)
)
LOCK = Lock(f"sha256:{A}", (SSL, DRIVER, AIOHTTP))

GOLDEN = f"""\
# Made by belay from pyproject.toml; `belay lock` makes it anew.
lock-version = 1
requirements-hash = "sha256:{A}"

[[packages]]
name = "aiohttp"
version = "0.0.6"
source = "index+https://micropython.org/pi/v2"
groups = ["main", "web"]
required-by = ["."]
requires = ["ssl"]
files = [
    {{ dest = "aiohttp/__init__.mpy", target = "mpy6", size = 5120, sha256 = "{B}", \
url = "https://micropython.org/pi/v2/file/bb/b" }},
    {{ dest = "aiohttp/__init__.py", target = "py", size = 8412, sha256 = "{A}", \
url = "https://micropython.org/pi/v2/file/aa/a" }},
]

[[packages]]
name = "driver"
version = ""
source = "git+ssh://git@example.org/r.git@main"
commit = "{"0" * 40}"
groups = ["main"]
required-by = ["."]
requires = []
files = []

[[packages]]
name = "ssl"
version = "0.2.1"
source = "index+https://micropython.org/pi/v2"
groups = ["main"]
required-by = ["aiohttp"]
requires = []
files = [
    {{ dest = "ssl.py", target = "py", size = 0, sha256 = "{C}", \
url = "https://micropython.org/pi/v2/file/cc/c" }},
]
"""


def test_the_bytes_of_a_lock() -> None:
    assert dump_lock(LOCK) == GOLDEN
    assert dump_lock(replace(LOCK, packages=tuple(reversed(LOCK.packages)))) == GOLDEN
    assert dump_lock(parse_lock(GOLDEN)) == GOLDEN
    assert dump_lock(parse_lock(GOLDEN.replace("\n", "\r\n"))) == GOLDEN


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "belay.lock"
    assert write_lock(path, LOCK)
    read = load_lock(path)
    assert [package.name for package in read.packages] == ["aiohttp", "driver", "ssl"]
    assert read.packages[2] == SSL
    assert read.packages[1] == DRIVER
    stamp = path.stat().st_mtime_ns
    assert not write_lock(path, read)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))  # as git does it on Windows
    assert not write_lock(path, read)
    assert path.stat().st_mtime_ns >= stamp
    assert [each.name for each in tmp_path.iterdir()] == ["belay.lock"]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(texts, texts, st.integers(0, 2**40))
def test_any_text_survives(version: str, path: str, size: int) -> None:
    url = "./" + path
    file = replace(SSL.files[0], url=url, size=size)
    package = replace(SSL, version=version, source_text=url, files=(file,))
    assert parse_lock(dump_lock(Lock(f"sha256:{B}", (package,)))).packages == (package,)


def test_text_that_no_file_can_hold() -> None:
    with pytest.raises(LockError, match="no text"):
        dump_lock(replace(LOCK, packages=(replace(SSL, version="\ud800"),)))


@pytest.mark.parametrize(
    "source",
    [
        "https://user:secret@example.org/a.py",
        "https://secret@example.org/a.py",
        "git+https://secret@example.org/r.git@main",
        "git+ssh://git:secret@example.org/r.git",
        "index+https://u:secret@example.org",
        "bundle:https://secret@example.org/x.json#name",
        "https://u:secret@[bad/x",
    ],
)
def test_secrets_are_not_written(source: str) -> None:
    for package in (
        replace(SSL, source_text=source),
        replace(SSL, files=(replace(SSL.files[0], url=source),)),
    ):
        with pytest.raises(LockError, match="password") as caught:
            dump_lock(replace(LOCK, packages=(package,)))
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("lock-version = 1", "lock-version = 2", "lock-version 2"),
        ("lock-version = 1", "", "no lock-version"),
        ("lock-version = 1", "lock-version = true", "no lock-version"),
        ('"sha256:', '"md5:', "requirements-hash is wrong"),
        ('name = "ssl"', 'name = "../ssl"', "'../ssl' cannot name a package"),
        ('name = "ssl"', "name = 1", "1 cannot name a package"),
        ('"0.2.1"', "2", "(package 'ssl'): version is wrong: 2"),
        ("source =", "origin =", "source is missing"),
        (f'"{"0" * 40}"', '"main"', "commit is wrong"),
        ('["main", "web"]', '["main", "../web"]', "'../web' is no group"),
        ('["main", "web"]', '["main", ".."]', "'..'"),
        ('["aiohttp"]', '["/"]', "cannot name"),
        ('["aiohttp"]', '"aiohttp"', "required-by must be a list"),
        ('"ssl.py"', '"../ssl.py"', "contains '..'"),
        ('"ssl.py"', '"/lib/ssl.py"', "is absolute"),
        ('"ssl.py"', '"C:/ssl.py"', "drive letter"),
        ('"ssl.py"', '"a\\\\b.py"', "backslash"),
        ('"ssl.py"', '"./ssl.py"', "not written as belay writes it"),
        ('target = "py"', 'target = "mpy"', "target is wrong"),
        ("size = 0", "size = -1", "no size"),
        ("size = 0", "size = true", "no size"),
        (C, "c" * 63, "sha256 is wrong"),
        (C, "C" * 64, "sha256 is wrong"),
        ("files = []", "files = 1", "files must be tables"),
        (
            '"aiohttp/__init__.mpy", target = "mpy6"',
            '"aiohttp/__init__.py", target = "py"',
            "twice",
        ),
        ('name = "driver"', 'name = "driver"\nname = "x"', "no TOML"),
        ("\n\n", "\n<<<<<<< HEAD\n", "conflicts of a merge"),
    ],
)
def test_other_locks_are_refused(old: str, new: str, words: str) -> None:
    assert old in GOLDEN
    with pytest.raises(LockError) as caught:
        parse_lock(GOLDEN.replace(old, new))
    assert words in str(caught.value)
    assert "belay lock" in str(caught.value)


def test_a_package_that_is_there_twice() -> None:
    both = (SSL, replace(SSL, version="0.2.2"))
    with pytest.raises(LockError, match="ssl is there twice"):
        parse_lock(dump_lock(Lock(f"sha256:{A}", both)))


def test_locks_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "belay.lock"
    with pytest.raises(LockError, match="is missing"):
        load_lock(path)
    path.write_bytes(b"\xff")
    with pytest.raises(LockError, match="cannot be read"):
        load_lock(path)


def test_a_stale_lock(tmp_path: Path) -> None:
    page = tmp_path / "pyproject.toml"
    page.write_text("[tool.belay.dependencies]\nssl = '*'\n", encoding="utf-8")
    project = read_project(tmp_path)
    check_fresh(Lock(project.requirements_hash()), project)
    page.write_text("[tool.belay.dependencies]\nssl = '>=1'\n", encoding="utf-8")
    with pytest.raises(LockError, match="does not fit pyproject.toml"):
        check_fresh(Lock(project.requirements_hash()), read_project(tmp_path))
