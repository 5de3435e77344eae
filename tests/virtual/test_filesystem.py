# SPDX-License-Identifier: Apache-2.0
"""The board's flash, in memory and in a folder: the same answers, and no way out of the folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belay.virtual.errnos import Errno
from belay.virtual.filesystem import BLOCK, Filesystem, MemoryFilesystem, OpenMode
from belay.virtual.folder import FolderFilesystem

WRITE = OpenMode(read=False, write=True, create=True, truncate=True)
APPEND = OpenMode(read=False, write=True, create=True, append=True)
UPDATE = OpenMode(read=True, write=True)
READ = OpenMode()


@pytest.fixture(params=["memory", "folder"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[int], Filesystem]:
    if request.param == "memory":
        return MemoryFilesystem
    return lambda flash: FolderFilesystem(tmp_path / "flash", flash)


@pytest.fixture
def fs(make: Callable[[int], Filesystem]) -> Filesystem:
    return make(16 * BLOCK)


def put(fs: Filesystem, path: str, data: bytes, mode: OpenMode = WRITE) -> None:
    file = fs.open(path, mode)
    try:
        file.write(data)
    finally:
        file.close()


def get(fs: Filesystem, path: str) -> bytes:
    file = fs.open(path, READ)
    try:
        return file.read(1 << 30)
    finally:
        file.close()


def code(function: Callable[..., object], *args: object) -> int:
    with pytest.raises(OSError) as caught:
        function(*args)
    assert caught.value.errno is not None
    return caught.value.errno


def test_files_and_directories(fs: Filesystem) -> None:
    fs.mkdir("/lib")
    put(fs, "/lib/a.py", b"abc")
    put(fs, "/main.py", b"")
    assert fs.names("/") == [("lib", True), ("main.py", False)]
    assert get(fs, "/lib/a.py") == b"abc"
    entry = fs.stat("/lib/a.py")
    assert (entry.is_directory, entry.size) == (False, 3)
    assert fs.stat("/").is_directory
    fs.rename("/lib/a.py", "/main.py")
    assert get(fs, "/main.py") == b"abc"
    fs.rename("/lib", "/other")
    fs.unlink("/main.py")
    fs.rmdir("/other")
    assert fs.names("/") == []
    assert fs.used == 0


def test_positions(fs: Filesystem) -> None:
    put(fs, "/f", b"0123456789")
    put(fs, "/f", b"ab", APPEND)
    file = fs.open("/f", UPDATE)
    assert file.seek(-4, 2) == 8
    assert file.read(3) == b"89a"
    assert file.seek(1, 0) == 1
    assert file.write(b"XY") == 2
    assert file.seek(0, 1) == 3
    assert file.seek(15, 0) == 15
    assert file.write(b"!") == 1
    assert file.entry().size == 16
    assert code(file.seek, -1, 0) == Errno.EINVAL
    file.close()
    file.close()
    assert get(fs, "/f") == b"0XY3456789ab\0\0\0!"


def test_errors(fs: Filesystem) -> None:
    fs.mkdir("/d")
    fs.mkdir("/d/e")
    put(fs, "/f", b"x")
    exclusive = OpenMode(read=False, write=True, create=True, exclusive=True)
    cases = [
        (Errno.ENOENT, fs.stat, "/no"),
        (Errno.ENOENT, fs.open, "/no", READ),
        (Errno.ENOENT, fs.open, "/no/f", WRITE),
        (Errno.ENOENT, fs.unlink, "/no"),
        (Errno.ENOENT, fs.rmdir, "/no"),
        (Errno.ENOENT, fs.mkdir, "/no/d"),
        (Errno.ENOENT, fs.names, "/no"),
        (Errno.ENOENT, fs.rename, "/no", "/x"),
        (Errno.ENOENT, fs.rename, "/f", "/no/x"),
        (Errno.ENOTDIR, fs.open, "/f/x", WRITE),
        (Errno.ENOTDIR, fs.names, "/f"),
        (Errno.ENOTDIR, fs.rmdir, "/f"),
        (Errno.ENOTDIR, fs.mkdir, "/f/x"),
        (Errno.ENOTDIR, fs.rename, "/d", "/f"),
        (Errno.EISDIR, fs.open, "/d", READ),
        (Errno.EISDIR, fs.open, "/", WRITE),
        (Errno.EISDIR, fs.unlink, "/d"),
        (Errno.EISDIR, fs.rename, "/f", "/d/e"),
        (Errno.EEXIST, fs.mkdir, "/d"),
        (Errno.EEXIST, fs.mkdir, "/f"),
        (Errno.EEXIST, fs.mkdir, "/"),
        (Errno.EEXIST, fs.open, "/f", exclusive),
        (Errno.ENOTEMPTY, fs.rmdir, "/d"),
        (Errno.EINVAL, fs.rmdir, "/"),
        (Errno.EINVAL, fs.rename, "/d", "/d/e/x"),
        (Errno.EINVAL, fs.rename, "/", "/x"),
        (Errno.EBADF, fs.open("/f", READ).write, b"x"),
        (Errno.EBADF, fs.open("/g", WRITE).read, 1),
    ]
    for number, function, *args in cases:
        assert code(function, *args) == number, (function, args)
    assert code(fs.open, "/" + "n" * 256, WRITE) == Errno.ENAMETOOLONG


def test_rename_over_an_empty_directory(fs: Filesystem) -> None:
    fs.mkdir("/a")
    fs.mkdir("/b")
    fs.mkdir("/c")
    put(fs, "/a/f", b"x")
    fs.rename("/a", "/b")
    assert get(fs, "/b/f") == b"x"
    assert code(fs.rename, "/c", "/b") == Errno.ENOTEMPTY
    fs.rename("/b/f", "/b/f")
    assert get(fs, "/b/f") == b"x"
    assert fs.used == 3


def test_flash_is_limited(fs: Filesystem) -> None:
    assert fs.blocks == 16
    put(fs, "/a", b"x" * (10 * BLOCK))
    assert fs.free == 6
    file = fs.open("/b", WRITE)
    assert file.write(b"y" * (6 * BLOCK)) == 6 * BLOCK
    file.sync()
    assert code(file.write, b"z") == Errno.ENOSPC
    assert file.entry().size == 6 * BLOCK
    file.close()
    assert fs.stat("/b").size == 6 * BLOCK
    assert code(fs.mkdir, "/d") == Errno.ENOSPC
    put(fs, "/empty", b"")  # a name alone takes nothing
    put(fs, "/a", b"")
    assert fs.free == 10
    fs.unlink("/b")
    assert fs.free == 16
    fs.mkdir("/d")
    assert fs.free == 15


def test_a_file_that_is_open_keeps_its_space(fs: Filesystem) -> None:
    put(fs, "/a", b"x" * BLOCK)
    file = fs.open("/a", READ)
    fs.unlink("/a")
    assert file.read(3) == b"xxx"
    file.close()
    assert fs.used == 0


def test_others_see_what_is_written_when_it_is_synced(fs: Filesystem) -> None:
    put(fs, "/a", b"old")
    file = fs.open("/a", WRITE)
    file.write(b"newer")
    assert (get(fs, "/a"), fs.stat("/a").size, file.entry().size) == (b"old", 3, 5)
    assert fs.used == 2  # the old and the new
    before = fs.open("/a", READ)
    file.sync()
    assert (get(fs, "/a"), before.read(9), fs.used) == (b"newer", b"old", 1)
    file.write(b"!" * BLOCK)
    assert (get(fs, "/a"), fs.used) == (b"newer", 2)
    file.close()
    assert (fs.stat("/a").size, fs.used) == (BLOCK + 5, 2)
    before.close()


def test_what_does_not_fit_leaves_the_old_content(fs: Filesystem) -> None:
    put(fs, "/a", b"o" * 9 * BLOCK)
    file = fs.open("/a", WRITE)
    file.write(b"n" * 7 * BLOCK)
    assert code(file.write, b"n") == Errno.ENOSPC
    file.close()
    assert (get(fs, "/a"), fs.used) == (b"o" * 9 * BLOCK, 9)
    file = fs.open("/a", APPEND)
    file.write(b"n" * 7 * BLOCK)
    file.close()
    assert (fs.stat("/a").size, fs.free) == (16 * BLOCK, 0)


def test_a_power_cut_leaves_the_flash_as_it_was(fs: Filesystem) -> None:
    put(fs, "/a", b"old")
    for path, mode in (("/a", WRITE), ("/a", APPEND), ("/a", UPDATE), ("/new", WRITE)):
        file = fs.open(path, mode)
        file.write(b"new" * BLOCK)
        file.abandon()
        file.close()
    assert (get(fs, "/a"), get(fs, "/new"), fs.used) == (b"old", b"", 1)


def test_what_is_written_follows_its_name(fs: Filesystem) -> None:
    fs.mkdir("/d")
    written = {}
    for name in ("/gone", "/moved", "/replaced", "/d/inside"):
        put(fs, name, b"old")
        written[name] = fs.open(name, WRITE)
        written[name].write(b"new")
    put(fs, "/other", b"other")
    fs.unlink("/gone")
    fs.rename("/moved", "/there")
    fs.rename("/other", "/replaced")
    fs.rename("/d", "/e")
    for file in written.values():
        file.close()
    assert tree(fs) == {
        "/e": None, "/e/inside": b"new", "/replaced": b"other", "/there": b"new"
    }  # fmt: skip
    assert fs.used == 4


class Cut(BaseException):
    """The process is killed here."""


CHANGES: dict[str, Callable[[FolderFilesystem], None]] = {
    "rewrite": lambda fs: put(fs, "/a", b"new" * 5000),
    "append": lambda fs: put(fs, "/a", b"more", APPEND),
    "create": lambda fs: put(fs, "/c", b"new"),
    "rename": lambda fs: fs.rename("/a", "/c"),
    "rename over": lambda fs: fs.rename("/a", "/b"),
    "remove": lambda fs: fs.unlink("/a"),
    "mkdir": lambda fs: fs.mkdir("/e"),
    "rmdir": lambda fs: fs.rmdir("/d"),
    "rename directory": lambda fs: fs.rename("/d", "/e"),
}
WAYS = ["open", "write", "close", "replace", "unlink", "mkdir", "rmdir", "fchmod"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_process_that_is_killed_leaves_the_old_or_the_new(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = 0

    def until(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Cut
            if function is os.write and left == 0:
                return function(args[0], bytes(args[1])[:100])  # a part of it, and then no more
            return function(*args, **options)

        return call

    def world(number: int) -> FolderFilesystem:
        fs = FolderFilesystem(tmp_path / str(number), 16 * BLOCK)
        fs.mkdir("/d")
        put(fs, "/a", b"old")
        put(fs, "/b", b"other")
        return fs

    old = tree(world(-2))
    fs = world(-1)
    CHANGES[change](fs)
    new = tree(fs)
    created = {**old, "/c": b""}
    seen = set()
    for steps in range(40):
        fs = world(steps)
        with monkeypatch.context() as patched:
            for name in WAYS:
                patched.setattr(os, name, until(getattr(os, name)))
            left = steps
            try:
                CHANGES[change](fs)
                over = True
            except Cut:
                over = False
        after = FolderFilesystem(tmp_path / str(steps), 16 * BLOCK)
        found = tree(after)
        allowed = [old, new, created] if change == "create" else [old, new]
        assert found in allowed, steps
        assert after.used == blocks(found)
        assert len(list((tmp_path / str(steps)).rglob("*"))) == len(found)  # nothing lies about
        seen.add(str(found))
        if over:
            break
    else:
        raise AssertionError("it never came to its end")
    assert len(seen) > 1


# ---- against a model, and memory against folder

NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
OPERATIONS = st.one_of(
    st.tuples(st.just("mkdir"), PATHS),
    st.tuples(st.just("rmdir"), PATHS),
    st.tuples(st.just("unlink"), PATHS),
    st.tuples(st.just("rename"), PATHS, PATHS),
    st.tuples(st.just("write"), PATHS, st.integers(0, 3 * BLOCK)),
    st.tuples(st.just("append"), PATHS, st.integers(0, BLOCK)),
    st.tuples(st.just("names"), PATHS),
    st.tuples(st.just("read"), PATHS),
)


def apply(fs: Filesystem, operation: tuple[object, ...]) -> object:
    """Do it: what came of it, or the number of the error."""
    name, *args = operation
    try:
        if name in ("write", "append"):
            path, size = args
            data = bytes([int(str(size)[-1])]) * int(str(size))
            return put(fs, str(path), data, WRITE if name == "write" else APPEND)
        if name == "read":
            return get(fs, str(args[0]))
        return getattr(fs, str(name))(*args)
    except OSError as error:
        return error.errno


def tree(fs: Filesystem, path: str = "/") -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}
    for name, is_directory in fs.names(path):
        inner = path.rstrip("/") + "/" + name
        found[inner] = None if is_directory else get(fs, inner)
        if is_directory:
            found |= tree(fs, inner)
    return found


def blocks(content: dict[str, bytes | None]) -> int:
    return sum(1 if data is None else -(-len(data) // BLOCK) for data in content.values())


def model(content: dict[str, bytes | None], operation: tuple[object, ...]) -> None:
    """What a successful operation does to a tree kept as a dictionary of paths."""
    name, path, *rest = (str(part) for part in operation)
    if name == "mkdir":
        content[path] = None
    elif name in ("rmdir", "unlink"):
        del content[path]
    elif name == "write":
        content[path] = bytes([int(rest[0][-1])]) * int(rest[0])
    elif name == "append":
        content[path] = (content.get(path) or b"") + bytes([int(rest[0][-1])]) * int(rest[0])
    elif name == "rename" and path != rest[0]:
        moved = {p: d for p, d in content.items() if p == path or p.startswith(path + "/")}
        for old in moved:
            del content[old]
        content.pop(rest[0], None)
        content.update({rest[0] + old[len(path) :]: data for old, data in moved.items()})


@settings(max_examples=150, deadline=None)
@given(st.lists(OPERATIONS, max_size=25))
def test_memory_and_folder_agree_with_a_model(operations: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        memory, disk = MemoryFilesystem(8 * BLOCK), FolderFilesystem(folder, 8 * BLOCK)
        content: dict[str, bytes | None] = {}
        for operation in operations:
            outcome = apply(memory, operation)
            assert apply(disk, operation) == outcome, operation
            if not isinstance(outcome, int):
                model(content, operation)
            elif operation[0] in ("write", "append") and outcome == Errno.ENOSPC:
                # Opening has made the file before the write found no room.
                content.setdefault(str(operation[1]), b"")
        assert tree(memory) == tree(disk) == content
        assert memory.used == disk.used == blocks(content)
        disk.refresh()
        assert disk.used == blocks(content)
        assert memory.used <= memory.blocks


# ---- the folder's walls


@pytest.fixture
def walled(tmp_path: Path) -> FolderFilesystem:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "flash").mkdir()
    (tmp_path / "flash" / "file").write_text("x")
    try:
        (tmp_path / "flash" / "link").symlink_to(tmp_path / "secret")
        (tmp_path / "flash" / "relative").symlink_to("../secret")
        (tmp_path / "flash" / "dir").symlink_to(tmp_path / "outside")
        (tmp_path / "flash" / "dangling").symlink_to(tmp_path / "new")
        (tmp_path / "flash" / "inside").symlink_to("file")
    except OSError:
        pytest.skip("no symbolic links here")
    return FolderFilesystem(tmp_path / "flash", 16 * BLOCK)


@pytest.mark.parametrize("path", ["/link", "/relative", "/dir", "/dir/x", "/dangling"])
def test_links_out_of_the_folder_do_not_exist(walled: FolderFilesystem, path: str) -> None:
    for function, *args in (
        (walled.stat, path),
        (walled.open, path, READ),
        (walled.open, path, WRITE),
        (walled.open, path, APPEND),
        (walled.names, path),
        (walled.unlink, path),
        (walled.rmdir, path),
        (walled.rename, path, "/x"),
    ):
        assert code(function, *args) == Errno.ENOENT, function


def test_nothing_outside_is_touched(walled: FolderFilesystem, tmp_path: Path) -> None:
    for path in ("/dir/x", "/dangling"):
        assert code(put, walled, path, b"evil") == Errno.ENOENT
    assert code(walled.mkdir, "/dir/x") == Errno.ENOENT
    assert code(walled.rename, "/file", "/dir/x") == Errno.ENOENT
    walled.rename("/file", "/link")  # replaces the link itself
    assert get(walled, "/link") == b"x"
    assert (tmp_path / "secret").read_text() == "secret"
    assert list((tmp_path / "outside").iterdir()) == []
    assert not (tmp_path / "new").exists()


def test_links_that_stay_inside_work(walled: FolderFilesystem) -> None:
    assert walled.names("/") == [("file", False), ("inside", False)]
    assert get(walled, "/inside") == b"x"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_pipes_do_not_exist(tmp_path: Path) -> None:
    fs = FolderFilesystem(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert fs.names("/") == []
    assert code(fs.open, "/pipe", READ) == Errno.ENOENT
