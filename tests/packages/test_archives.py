# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import gzip
import io
import random
import stat
import tarfile
import zipfile
from collections.abc import Callable, Mapping

import pytest

from belay.errors import IntegrityError, PackageError, UnsafePathError
from belay.packages.sources.archives import unpack, without_common_folder

FILES = {"a-1/pkg/__init__.py": b"x = 1\n" * 50, "a-1/pkg/b.py": b"", "a-1/README.md": b"hello"}


def make_zip(files: Mapping[str, bytes], *, mode: int = 0) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a-1/", b"")
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.filename = info.orig_filename = name
            info.compress_type = zipfile.ZIP_DEFLATED
            if mode:
                info.create_system, info.external_attr = 3, mode << 16
            archive.writestr(info, data)
    return out.getvalue()


def make_tar(
    files: Mapping[str, bytes], *, type: bytes = tarfile.REGTYPE, how: str = "w:gz"
) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=how) as archive:  # type: ignore[call-overload]
        folder = tarfile.TarInfo("a-1")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = type, len(data), "/etc/passwd"
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


Maker = Callable[[Mapping[str, bytes]], bytes]
both = pytest.mark.parametrize(
    "make", [make_zip, make_tar, lambda files: make_tar(files, how="w")], ids=["zip", "gz", "tar"]
)


@both
def test_files_of_an_archive(make: Maker) -> None:
    assert unpack(make(FILES), "a") == FILES
    inner = {"__init__.py": FILES["a-1/pkg/__init__.py"], "b.py": b""}
    assert unpack(make(FILES), "a", below="*/pkg") == inner
    assert unpack(make(FILES), "a", below="a-1/pkg") == inner
    assert unpack(make(FILES), "a", below="*/pk") == {}
    assert set(without_common_folder(FILES)) == {"pkg/__init__.py", "pkg/b.py", "README.md"}
    assert without_common_folder({"a/b": b"", "c": b""}) == {"a/b": b"", "c": b""}


HOSTILE = ["../a.py", "a/../../b.py", "/etc/passwd", "C:/a.py", "C:a.py", "a\\b.py", "..\\a.py",
           "a//b.py", "con.py", "a\x01.py", "a:b.py", "a./b.py", "a\u202eb.py"]  # fmt: skip


@both
@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_are_refused(make: Maker, name: str) -> None:
    with pytest.raises(UnsafePathError, match=r"lib\.zip"):
        unpack(make({"good.py": b"", name: b"x"}), "lib.zip")
    if not name.startswith(("/", ".", "C")):  # elsewhere in the archive it does no harm
        assert unpack(make({"good/a.py": b"", name: b"x"}), "a", below="good") == {"a.py": b""}


@both
@pytest.mark.parametrize("pair", [("a.py", "A.py"), ("a/b", "a/B"), ("\u00e9", "e\u0301")])
def test_two_names_for_one_file(make: Maker, pair: tuple[str, str]) -> None:
    with pytest.raises(UnsafePathError, match="one file"):
        unpack(make(dict.fromkeys(pair, b"")), "a")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "data",
    [
        make_tar({"a": b""}, type=tarfile.SYMTYPE),
        make_tar({"a": b""}, type=tarfile.LNKTYPE),
        make_tar({"a": b""}, type=tarfile.CHRTYPE),
        make_tar({"a": b""}, type=tarfile.FIFOTYPE),
        make_zip({"a": b"/etc/passwd"}, mode=stat.S_IFLNK | 0o777),
        make_zip({"a": b""}, mode=stat.S_IFIFO | 0o777),
    ],
    ids=["symlink", "hard link", "device", "fifo", "zip symlink", "zip fifo"],
)
def test_what_is_no_file(data: bytes) -> None:
    with pytest.raises(UnsafePathError, match="'a' is"):
        unpack(data, "a")


@both
def test_bombs(make: Maker) -> None:
    data = make({f"{n}.py": bytes(1 << 20) for n in range(4)})
    with pytest.raises(IntegrityError, match="more than"):
        unpack(data, "a", most=3 << 20)


def test_a_tar_of_endless_headers() -> None:
    folder = tarfile.TarInfo("a")
    folder.type = tarfile.DIRTYPE
    header = folder.tobuf()
    with pytest.raises(IntegrityError, match="more than"):
        unpack(gzip.compress(header * 21_000), "a")


@both
def test_damage_is_no_crash(make: Maker) -> None:
    whole = make(FILES)
    chance = random.Random(7)
    for cut in range(0, len(whole), 7):
        _may_fail(whole[:cut])
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        _may_fail(bytes(damaged))
    for junk in (b"", b"PK", b"PK\x03\x04", b"\x1f\x8b", b"hello" * 200):
        with pytest.raises(IntegrityError):
            unpack(junk, "a")


def _may_fail(data: bytes) -> None:
    with contextlib.suppress(PackageError):
        unpack(data, "a")
