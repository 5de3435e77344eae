# SPDX-License-Identifier: Apache-2.0
"""Files of a real MicroPython: lists, hashes, reading and writing, and what each costs."""

from __future__ import annotations

import hashlib
import random
import threading
from binascii import crc32
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from belay import errors
from belay.sync import transfer
from belay.sync.board import BoardFiles
from belay.sync.transfer import Step
from belay.transports import open_transport
from tests.links.counting import CountingLink
from tests.session.boards import open_session
from tests.sync.boards import contents, files_of

RANDOM = random.Random(7)
NAMES = ["plain.txt", "with space", "it's", 'a"b', "grün-日本", "back\\slash", "{x}", "#", "a.b.c"]


@pytest.fixture(scope="module")
def link() -> Iterator[CountingLink]:
    link = CountingLink(open_transport("virtual:?flash=3M"))
    yield link
    link.close()


@pytest.fixture(scope="module")
def files(link: CountingLink) -> Iterator[BoardFiles]:
    session = open_session(link)
    yield files_of(session)
    session.close()


@pytest.fixture(autouse=True)
def _empty(files: BoardFiles) -> Iterator[None]:
    yield
    manifest = files.manifest("/")
    files.run([Step("remove", path) for path in manifest.files])
    files.run([Step("rmdir", path) for path in sorted(manifest.folders - {"/"}, reverse=True)])


@pytest.mark.parametrize("name", NAMES)
def test_names(files: BoardFiles, name: str) -> None:
    data = name.encode() * 3
    files.run([Step("mkdir", f"/{name}"), Step("put", f"/{name}/{name}", data)])
    path = f"/{name}/{name}"
    assert files.read(path) == data
    manifest = files.manifest("/")
    assert manifest.folders == {"/", f"/{name}"}
    assert manifest.files[path].size == len(data)
    assert manifest.files[path].digest == hashlib.sha256(data).digest()
    assert files.digest(path) == ("sha256", hashlib.sha256(data).digest())
    assert files.stat(path)[6] == len(data)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 7900, 8192, 100_000, 1 << 20])
def test_sizes(files: BoardFiles, size: int) -> None:
    data = RANDOM.randbytes(size)
    told: list[int] = []
    files.write("/data", data, progress=told.append)
    assert told == sorted(told)
    assert told[-1:] == [size]
    told.clear()
    assert files.read("/data", progress=told.append) == data
    assert told[-1:] == ([size] if size else [])
    assert list(files.manifest("/").files) == ["/data"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=3000), offset=st.integers(0, 3100), size=st.integers(-1, 3100))
def test_parts(files: BoardFiles, data: bytes, offset: int, size: int) -> None:
    files.write("/data", data)
    expected = data[offset:] if size < 0 else data[offset : offset + size]
    assert files.read("/data", offset=offset, size=size) == expected


def test_round_trips_and_bytes(files: BoardFiles, link: CountingLink) -> None:
    source = b"".join(
        b"def f%d(self, x):\n    return x * %d\n\n\n" % (n, n * n) for n in range(2000)
    )
    source, noise = source[: 1 << 16], RANDOM.randbytes(1 << 16)
    files.manifest("/")
    # name: what, round trips, bytes on the wire over those of the file
    steps = {
        "write source": (lambda: files.write("/s.py", source), 9, 0.40),
        "write noise": (lambda: files.write("/n.bin", noise), 9, 1.03),
        "read": (lambda: files.read("/n.bin"), 1, 1.03),
        "hash": (lambda: files.digest("/n.bin"), 1, 0.01),
    }
    for name, (step, round_trips, factor) in steps.items():
        link.reset()
        step()
        assert link.round_trips == round_trips, name
        assert link.up + link.down <= factor * (1 << 16), name


def test_a_new_session_brings_what_it_needs_with_its_first_request() -> None:
    link = CountingLink(open_transport("virtual:"))
    session = open_session(link)
    files = files_of(session)
    link.reset()
    assert files.manifest("/").files == {}
    files.write("/noise", RANDOM.randbytes(1 << 16))
    assert link.round_trips == 10
    assert link.up + link.down <= 1.07 * (1 << 16)
    session.close()


def test_many_small_files_share_requests(files: BoardFiles, link: CountingLink) -> None:
    told: dict[str, int] = {}
    wanted = {f"/f{n}/m{n}.py": b"x = %d\n" % n * 60 for n in range(50)}
    steps = [
        step
        for path, data in wanted.items()
        for step in (Step("mkdir", path.rpartition("/")[0]), Step("put", path, data))
    ]
    link.reset()
    files.run(steps, told.__setitem__)
    assert link.round_trips <= 9
    link.reset()
    manifest = files.manifest("/")
    assert link.round_trips == 1
    assert {path: file.size for path, file in manifest.files.items()} == told
    assert contents(files) == wanted


def test_a_tree_of_any_size_is_told_in_one_round_trip(
    files: BoardFiles, link: CountingLink
) -> None:
    wanted = {f"/folder {n % 40}/{'long' * 20} {n}.py": b"%d" % n for n in range(500)}
    files.run([Step("mkdir", f"/folder {n}") for n in range(40)])
    files.run([Step("put", path, data) for path, data in wanted.items()])
    link.reset()
    manifest = files.manifest("/")
    assert link.round_trips == 1
    assert {path: file.digest for path, file in manifest.files.items()} == {
        path: hashlib.sha256(data).digest() for path, data in wanted.items()
    }
    assert len(manifest.folders) == 41


def test_a_folder_that_is_not_there(files: BoardFiles) -> None:
    manifest = files.manifest("/lib/none")
    assert (manifest.files, manifest.folders) == ({}, set())
    assert manifest.block > 0
    assert manifest.free > 0
    files.run([Step("mkdir", "/lib")])
    assert files.manifest("/lib").folders == {"/lib"}


def test_times_instead_of_hashes(files: BoardFiles) -> None:
    files.write("/a", b"1")
    (file,) = files.manifest("/", hashes=False).files.values()
    assert (file.size, file.digest) == (1, b"")
    assert file.modified == files.stat("/a")[8]


def test_a_board_without_sha256(files: BoardFiles) -> None:
    session = open_session("virtual:")
    # What stands on a small CircuitPython: the module is there and has sha1 only.
    session.execute("import sys\nclass hashlib: pass\nsys.modules['hashlib'] = hashlib", "t")
    files = files_of(session)
    files.write("/a", b"abc")
    manifest = files.manifest("/")
    assert manifest.hash_name == "crc32"
    assert manifest.files["/a"].digest == crc32(b"abc").to_bytes(4, "little")
    assert files.digest("/a")[0] == "crc32"


REFUSALS = [
    (Step("put", "/none/a", b"1"), errors.SyncError, "/none/a: there is no such"),
    (Step("put", "/folder", b"1"), errors.SyncError, "/folder: this is a folder"),
    (Step("put", "/file/a", b"1"), errors.SyncError, "/file/a: "),
    (Step("rmdir", "/folder", b""), errors.SyncError, "/folder: "),
    (Step("put", "/big", bytes(3 << 20)), errors.NoSpaceError, "/big: the board's flash is full"),
]


@pytest.mark.parametrize(("step", "kind", "text"), REFUSALS)
@pytest.mark.parametrize("alone", [True, False])
def test_what_the_board_refuses(
    files: BoardFiles, step: Step, kind: type[errors.SyncError], text: str, alone: bool
) -> None:
    before = [Step("mkdir", "/folder"), Step("put", "/folder/x", b""), Step("put", "/file", b"")]
    files.run(before)
    around = [] if alone else [Step("put", "/other", b"2")]
    with pytest.raises(kind) as caught:
        files.run([*around, step, Step("put", "/never", b"3")])
    assert str(caught.value).startswith(text)
    assert caught.value.path == step.path
    assert set(contents(files)) == {"/folder/x", "/file", *(one.path for one in around)}


def test_done_before_is_no_error(files: BoardFiles) -> None:
    """A request whose answer was lost may have done it."""
    files.run([Step("mkdir", "/a"), Step("mkdir", "/a"), Step("remove", "/b"), Step("rmdir", "/c")])
    files.run([Step("mkdir", "/a")])
    files.run([Step("remove", "/b")])


def test_threads_take_turns(files: BoardFiles) -> None:
    wanted = {f"/{n}": RANDOM.randbytes(20_000) for n in range(6)}
    failed: list[BaseException] = []

    def write(path: str) -> None:
        try:
            files.write(path, wanted[path])
            assert files.read(path) == wanted[path]
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(path,)) for path in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert contents(files) == wanted


def test_an_interrupted_transfer_leaves_nothing(files: BoardFiles) -> None:
    files.write("/a", b"old")

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write("/a", RANDOM.randbytes(30_000), progress=stop)
    assert contents(files) == {"/a": b"old"}


@pytest.mark.parametrize("size", [3, 20_000])
def test_flash_that_stores_something_else(
    files: BoardFiles, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    files.write("/a", b"old")
    data = RANDOM.randbytes(size)
    with monkeypatch.context() as patch:  # the contents are not what was announced
        digests = transfer._digests
        patch.setattr(transfer, "_digests", lambda data: digests(data + b"!"))
        with pytest.raises(errors.TransferError, match=r"/a: what the board has stored") as caught:
            files.write("/a", data)
    assert caught.value.path == "/a"
    assert contents(files) == {"/a": b"old"}
    files.write("/a", data)
    assert contents(files) == {"/a": data}
