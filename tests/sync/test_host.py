# SPDX-License-Identifier: Apache-2.0
"""What of a folder goes to the board, and in which form."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from belay import errors
from belay.sync.host import (
    HostTree,
    Making,
    board_path,
    check_for_fat,
    scan,
    stays_source,
)
from belay.sync.ignore import Patterns, ignoring

posix = pytest.mark.skipif(os.name != "posix", reason="names and links of POSIX")


def make(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def made(folder: Path, dst: str = "/", *, minify: bool = True) -> dict[str, bytes]:
    files = Making(minify).files(scan(folder, ignoring(None)), dst)
    return {file.path: file.data for file in files}


def test_scan(tmp_path: Path) -> None:
    make(
        tmp_path,
        {"b.py": "", "a/x.txt": "", "a/__pycache__/x.pyc": "", ".DS_Store": "", "c/d/e": ""},
    )
    (tmp_path / "empty").mkdir()
    tree = scan(tmp_path, ignoring(None))
    assert list(tree.files) == ["a/x.txt", "b.py", "c/d/e"] or set(tree.files) == {
        "a/x.txt", "b.py", "c/d/e",
    }  # fmt: skip
    assert tree.folders == {"a", "c", "c/d", "empty"}
    assert tree.files["a/x.txt"] == str(tmp_path / "a" / "x.txt")


def test_ignore_is_relative_to_the_folder(tmp_path: Path) -> None:
    # Belay 0.30 matched the host's whole path: below such a folder nothing was synced at all.
    folder = make(tmp_path / "__pycache__" / "app", {"a.py": "", "docs/a": "", "x/docs/b": ""})
    assert set(scan(folder, ignoring(None)).files) == {"a.py", "docs/a", "x/docs/b"}
    assert set(scan(folder, ignoring("/docs")).files) == {"a.py", "x/docs/b"}
    assert set(scan(folder, ignoring(["docs"])).files) == {"a.py"}
    assert scan(folder, ignoring("docs/")).folders == {"x"}


def test_a_single_file(tmp_path: Path) -> None:
    make(tmp_path, {"a.pyc": "x"})
    tree = scan(tmp_path / "a.pyc", ignoring(None))  # who names it means it
    assert tree == HostTree({"a.pyc": str(tmp_path / "a.pyc")})


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no file or folder"):
        scan(tmp_path / "x", Patterns([]))


@posix
def test_links_count_as_what_they_lead_to(tmp_path: Path) -> None:
    folder = make(tmp_path / "app", {"a.txt": "a"})
    make(tmp_path / "shared", {"b.txt": "b"})
    (folder / "link.txt").symlink_to("a.txt")
    (folder / "lib").symlink_to(tmp_path / "shared")
    (folder / "lib2").symlink_to(tmp_path / "shared")
    assert made(folder) == {
        "/a.txt": b"a", "/link.txt": b"a", "/lib/b.txt": b"b", "/lib2/b.txt": b"b",
    }  # fmt: skip


@posix
def test_links_that_lead_nowhere_or_round(tmp_path: Path) -> None:
    folder = make(tmp_path / "app", {"sub/a.txt": "a"})
    (folder / ".#a.py").symlink_to("me@host.123")  # as emacs makes while a file is edited
    with pytest.raises(errors.SyncError, match=r"\.#a\.py is a link to me@host\.123") as caught:
        scan(folder, ignoring(None))
    assert caught.value.path.endswith(".#a.py")
    assert set(scan(folder, ignoring(".#*")).files) == {"sub/a.txt"}
    (folder / ".#a.py").unlink()
    (folder / "sub" / "up").symlink_to(folder)
    with pytest.raises(errors.SyncError, match="up is a link to a folder that it is in"):
        scan(folder, ignoring(None))
    assert set(scan(folder, ignoring("up")).files) == {"sub/a.txt"}


@posix
def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(errors.SyncError, match="pipe is neither a file nor a folder"):
        scan(tmp_path, ignoring(None))
    assert scan(tmp_path, ignoring("pipe")).files == {}


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_what_cannot_be_read(tmp_path: Path) -> None:
    make(tmp_path, {"a.py": "", "d/b": ""})
    (tmp_path / "a.py").chmod(0)
    with pytest.raises(errors.SyncError, match=r"cannot read .*a\.py: Permission denied"):
        made(tmp_path)
    (tmp_path / "d").chmod(0)
    with pytest.raises(errors.SyncError, match=r"cannot read .*d: Permission denied"):
        scan(tmp_path, ignoring(None))
    (tmp_path / "d").chmod(0o700)


def test_what_goes_away_meanwhile(tmp_path: Path) -> None:
    make(tmp_path, {"a.py": ""})
    tree = scan(tmp_path, ignoring(None))
    (tmp_path / "a.py").unlink()
    with pytest.raises(errors.SyncError, match=r"cannot read .*a\.py"):
        Making().files(tree, "/")


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_names_that_no_board_holds(tmp_path: Path) -> None:
    make(tmp_path, {"good": ""})
    bad = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    with open(bad, "wb"):
        pass
    with pytest.raises(errors.SyncError, match=r"caf\\xe9.txt: the name is not UTF-8") as caught:
        scan(tmp_path, ignoring(None))
    caught.value.path.encode()  # can be printed
    assert set(scan(tmp_path, ignoring("caf*")).files) == {"good"}
    os.unlink(bad)


@posix
def test_odd_names(tmp_path: Path) -> None:
    names = [
        "it's.txt",
        'say "hi".txt',
        "a b.txt",
        "é😀.txt",
        "..data",
        "#x",
        "back\\slash",
        "n\nl",
    ]
    make(tmp_path, dict.fromkeys(names, "x"))
    assert made(tmp_path).keys() == {f"/{name}" for name in names}


@pytest.mark.parametrize("name", ['a"b', "a*", "a:b", "a?", "a\\b", "a|", "a\tb", "dot.", "space "])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_names_that_fat_does_not_have(name: str, kind: str) -> None:
    tree = HostTree({f"x/{name}": ""}) if kind == "file" else HostTree({}, {"x", f"x/{name}"})
    with pytest.raises(errors.SyncError, match="FAT file system"):
        check_for_fat(tree)


def test_names_that_fat_takes_for_one() -> None:
    check_for_fat(HostTree({"a.py": "", "b/A.py": "", "é 'x;+,=[]": "", ".hidden": ""}, {"b"}))
    for files, folders in (({"a.py", "A.py"}, set()), ({"Lib/a", "lib/b"}, {"Lib", "lib"})):
        with pytest.raises(errors.SyncError, match="are one file on this board"):
            check_for_fat(HostTree(dict.fromkeys(files, ""), folders))


def test_a_leftover_of_ours_stays_at_home(tmp_path: Path) -> None:
    make(tmp_path, {".belay.part": "x", "a": ""})
    assert made(tmp_path).keys() == {"/a"}


# -------------------------------------------------------------------------------- contents

SOURCE = '# comment\ndef f():\n    "doc"\n    return 1  # one\n'


def test_minify_but_not_what_the_firmware_starts(tmp_path: Path) -> None:
    make(tmp_path, {"a.py": SOURCE, "main.py": SOURCE, "sub/main.py": SOURCE, "a.txt": SOURCE})
    files = made(tmp_path)
    assert files["/a.py"] == files["/sub/main.py"] != SOURCE.encode()
    assert files["/a.py"].count(b"\n") == SOURCE.count("\n")
    assert files["/main.py"] == files["/a.txt"] == SOURCE.encode()
    assert made(tmp_path, "/app")["/app/main.py"] == files["/a.py"]
    assert set(made(tmp_path, minify=False).values()) == {SOURCE.encode()}


@pytest.mark.parametrize("name", ["boot.py", "main.py", "code.py", "webrepl_cfg.py"])
def test_what_the_firmware_starts(name: str) -> None:
    assert stays_source(f"/{name}")
    assert stays_source(f"/flash/{name}")  # where pyboards start
    assert not stays_source(f"/app/{name}")
    assert not stays_source("/other.py")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"x = 1\n\ndef f(:\n", 'a.py", line 3\n    def f(:\nSyntaxError: invalid syntax'),
        (b"x = 1\n\nname = '\xe9'\n", 'a.py", line 3: not UTF-8'),
        (b"if 1:\nx\n", 'a.py", line 2\n    x\nIndentationError: '),
        (b"x = 1\0\n", 'a.py"'),
    ],
)
@pytest.mark.parametrize("name", ["a.py", "sub/a.py"])
def test_what_does_not_parse_names_file_and_line(
    tmp_path: Path, name: str, text: bytes, said: str
) -> None:
    make(tmp_path, {name: text, "b.py": ""})
    with pytest.raises(errors.SyncError) as caught:
        made(tmp_path)
    assert said in str(caught.value)
    assert "Nothing was written." in str(caught.value)
    assert caught.value.path == str(tmp_path / name)
    assert made(tmp_path, minify=False)[f"/{name}"] == text


def test_also_what_the_firmware_starts_must_parse(tmp_path: Path) -> None:
    make(tmp_path, {"main.py": "def"})
    with pytest.raises(errors.SyncError, match=r'main\.py", line 1'):
        made(tmp_path)


def test_a_byte_order_mark_is_not_for_boards(tmp_path: Path) -> None:
    make(tmp_path, {"a.py": "\ufeffx = 'é'\n".encode()})
    assert made(tmp_path) == {"/a.py": "x='é'\n".encode()}


def test_merging(tmp_path: Path) -> None:
    one = HostTree({"a": "1/a", "b": "1/b"}, {"d"})
    one.merge(HostTree({"a": "2/a"}, {"e"}))
    assert one == HostTree({"a": "2/a", "b": "1/b"}, {"d", "e"})
    with pytest.raises(errors.SyncError, match="d is a folder in one"):
        one.merge(HostTree({"d": "3/d"}))


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("/", "/"),
        ("//", "/"),
        ("/lib/", "/lib"),
        ("/a//b/./c", "/a/b/c"),
        ("/a/../b", "/b"),
        ("/..", "/"),
    ],
)
def test_paths_on_the_board(path: str, normal: str) -> None:
    assert board_path(path) == normal


@pytest.mark.parametrize("path", ["", "lib", "./lib", ":lib"])
def test_paths_that_are_none(path: str) -> None:
    with pytest.raises(ValueError, match="begins with '/'"):
        board_path(path)
