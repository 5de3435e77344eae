# SPDX-License-Identifier: Apache-2.0
"""A mounted folder and a board that means no good: it reaches nothing outside the folder."""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import belay
from belay.hostfolder import MOST_BYTES, HostFolder
from tests.wire.profiles import examples

SECRET = b"the secret"
ROOM = 1024
posix = pytest.mark.skipif(os.name != "posix", reason="links and pipes are POSIX's")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder ``shared`` beside things that nobody may reach from it."""
    world = tmp_path_factory.mktemp("world")
    (world / "secret").write_bytes(SECRET)
    (world / "outside").mkdir()
    (world / "outside" / "secret").write_bytes(SECRET)
    (world / "shared-too").mkdir()
    (world / "shared-too" / "secret").write_bytes(SECRET)
    shared = world / "shared"
    (shared / "sub").mkdir(parents=True)
    (shared / "file").write_bytes(b"0123456789")
    (shared / "sub" / "inner").write_bytes(b"inner")
    if os.name == "posix":
        (shared / "to-file").symlink_to("file")
        (shared / "to-sub").symlink_to(shared / "sub")
        (shared / "out-file").symlink_to("../secret")
        (shared / "out-absolute").symlink_to(world / "secret")
        (shared / "out-folder").symlink_to(world / "outside")
        (shared / "out-beside").symlink_to(world / "shared-too")
        (shared / "out-twice").symlink_to("out-folder/secret")
        (shared / "out-missing").symlink_to(world / "missing")
        (shared / "out-by-itself").symlink_to("sub/../../secret")
        (shared / "loop").symlink_to("loop")
        os.mkfifo(shared / "pipe")
        (shared / "device").symlink_to("/dev/zero")
    return world


@pytest.fixture
def host(world: Path) -> HostFolder:
    return HostFolder(world / "shared", readonly=False, name="/remote")


def ask(host: HostFolder, *question: Any, room: int = ROOM) -> bytes:
    answer = host.answer(list(question), room)
    assert SECRET not in answer
    assert 1 <= len(answer) <= max(room, 1)
    return answer


@pytest.fixture(autouse=True)
def untouched(world: Path) -> Iterator[None]:
    """Whatever a test does, the world outside stays as it was."""

    def seen() -> dict[str, bytes | None]:
        outside = [p for p in world.rglob("*") if (world / "shared") not in (p, *p.parents)]
        return {str(p): p.read_bytes() if p.is_file() else None for p in outside}

    before = seen()
    yield
    assert seen() == before
    assert (world / "shared" / "file").exists()


FORGED = [
    "/..", "/../secret", "/sub/../../secret", "/./../secret", "/sub/../file", "/.", "//", "/file/",
    "//secret", "/sub//inner", "", "file", "..", "../secret", "secret", "/..\\secret\0", "/file\0",
    "/\0", "/file\n", "/\x1b[2J", "/%2e%2e/secret/..", "/" + "a" * 300, "/" + "a/" * 600,
    "/\ud800", "/" + "é" * 200,
]  # fmt: skip
ON_PATHS: dict[str, tuple[Any, ...]] = {
    "stat": (), "statvfs": (), "list": ("",), "open": ("w",), "read": (b"", 0),
    "write": (0, b"x"), "mkdir": (), "rmdir": (), "remove": (),
}  # fmt: skip


@pytest.mark.parametrize("path", FORGED)
def test_forged_paths_are_refused(host: HostFolder, path: str) -> None:
    for what, args in ON_PATHS.items():
        assert ask(host, what, path, *args)[0] == 22
    for pair in ((path, "/new"), ("/file", path)):
        assert ask(host, "rename", *pair)[0] == 22


def test_an_absolute_path_of_the_host_is_one_inside(host: HostFolder, world: Path) -> None:
    for path in (world / "secret", Path("/etc/passwd"), world / "shared" / "file"):
        assert ask(host, "open", path.as_posix(), "r")[0] in (2, 22)


@posix
@pytest.mark.parametrize(
    "name",
    ["out-file", "out-absolute", "out-twice", "out-missing", "out-by-itself", "device",
     "out-folder", "out-folder/secret", "out-folder/new", "out-beside/secret"],
)  # fmt: skip
def test_links_that_leave_the_folder_lead_nowhere(host: HostFolder, name: str) -> None:
    refused = b"\x0da link that leaves the folder"
    path = f"/{name}"
    assert ask(host, "stat", path) == refused
    assert ask(host, "list", path, "") == refused
    for mode in ("r", "w", "a", "x", "r+"):
        assert ask(host, "open", path, mode) == refused
    assert ask(host, "write", path, 0, b"x") == refused
    assert ask(host, "mkdir", f"{path}/x") == refused
    assert ask(host, "remove", f"{path}/secret") == refused
    assert ask(host, "rename", f"{path}/secret", "/stolen") == refused
    assert ask(host, "rename", "/file", f"{path}/given") == refused


@posix
def test_links_that_stay_inside_work(host: HostFolder) -> None:
    assert ask(host, "open", "/to-file", "r")[17:] == b"0123456789"
    assert ask(host, "open", "/to-sub/inner", "rb")[17:] == b"inner"
    assert ask(host, "stat", "/loop")[0] in (1, 40, 5)


@posix
def test_a_listing_names_what_can_be_reached_only(host: HostFolder) -> None:
    answer = ask(host, "list", "/", "")
    names, at = [], 2
    while at < len(answer):
        kind, size, length = struct.unpack_from("<BQB", answer, at)
        names.append((answer[at + 10 : at + 10 + length].decode(), kind, size))
        at += 10 + length
    assert names == [
        ("file", 0x80, 10), ("sub", 0x40, 0), ("to-file", 0x80, 10), ("to-sub", 0x40, 0),
    ]  # fmt: skip
    assert answer[:2] == b"\0\0"


@posix
def test_pipes_sockets_and_devices_are_not_opened(host: HostFolder, world: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        place = os.open(world / "shared", os.O_RDONLY)
        try:
            bound.bind(f"/proc/self/fd/{place}/socket" if sys.platform == "linux" else "socket")
            for name in ("/pipe", "/socket"):  # opening a pipe would wait for ever
                for question in (("stat",), ("open", "r"), ("open", "w"), ("write", 0, b"x")):
                    assert ask(host, question[0], name, *question[1:])[0] == 1
        finally:
            os.close(place)
            for left in (world / "shared" / "socket", Path("socket")):
                left.unlink(missing_ok=True)


MALFORMED: list[list[Any]] = [
    [], [None], [1], ["nothing"], ["__init__", "/"], ["stat"], ["stat", b"/file"], ["stat", 1],
    ["stat", None], ["stat", ["/file"]], ["stat", "/file", 1], ["open", "/file"],
    ["open", "/file", b"r"], ["open", "/file", "rw"], ["open", "/file", "r" * 999],
    ["open", "/file", ""], ["open", "/file", "rbt"], ["read", "/file", 7, 0],
    ["read", "/file", b"", 0.5], ["read", "/file", b"", True], ["write", "/file", 0, "text"],
    ["write", "/file", None, b""], ["rename", "/file"], ["list", "/", 0], [["stat"], "/"],
    [{}, "/"], [b"stat", "/file"],
]  # fmt: skip


@pytest.mark.parametrize("question", MALFORMED, ids=repr)
def test_malformed_questions_get_an_answer(host: HostFolder, question: list[Any]) -> None:
    assert host.answer(question, ROOM)[0] == 22


def stamp_of(host: HostFolder, path: str) -> bytes:
    return ask(host, "open", path, "r")[9:17]


def test_numbers_without_measure(host: HostFolder, world: Path) -> None:
    stamp = stamp_of(host, "/file")
    assert ask(host, "read", "/file", stamp, 0, room=1 << 30) == b"\x000123456789"
    assert ask(host, "read", "/file", stamp, 10**9) == b"\0"
    for offset in (-1, -(2**70), 2**63, 2**70):
        assert ask(host, "read", "/file", stamp, offset)[0] == 22
    for offset in (-2, 2**31, 2**63, 2**70):
        assert ask(host, "write", "/file", offset, b"x")[0] == 22
    assert ask(host, "write", "/file", MOST_BYTES - 1, b"xy")[0] == 27
    for room in (-5, 0, 1, 299):
        assert host.answer(["read", "/file", stamp, 0], room) == b"\x16"
    (world / "shared" / "large").write_bytes(bytes(100_000))
    large = stamp_of(host, "/large")
    assert len(host.answer(["read", "/large", large, 0], 65535)) == 8192
    (world / "shared" / "large").unlink()


def test_a_folder_of_many_files_is_listed_in_pieces(host: HostFolder, world: Path) -> None:
    many = world / "shared" / "many"
    many.mkdir()
    names = sorted(f"{i}-{'é' * 40}" for i in range(100))
    for name in names:
        (many / name).touch()
    found: list[str] = []
    more = 1
    while more:
        answer = ask(host, "list", "/many", found[-1] if found else "", room=300)
        more, at = answer[1], 2
        while at < len(answer):
            length = answer[at + 9]
            found.append(answer[at + 10 : at + 10 + length].decode())
            at += 10 + length
    assert found == names
    for path in many.iterdir():
        path.unlink()
    many.rmdir()


def test_read_only_means_that_nothing_changes(world: Path) -> None:
    host = HostFolder(world / "shared", name="/remote")
    refused = b"\x1e/remote is mounted read-only"
    for mode in ("w", "a", "x", "r+", "rb+", "wb"):
        assert ask(host, "open", "/file", mode) == refused
        assert ask(host, "open", "/new", mode) == refused
    for question in (
        ("write", "/file", 0, b"x"), ("mkdir", "/new"), ("rmdir", "/sub"), ("remove", "/file"),
        ("rename", "/file", "/new"), ("rename", "/new", "/file"),
    ):  # fmt: skip
        assert ask(host, *question) == refused
    assert (world / "shared" / "file").read_bytes() == b"0123456789"


def test_names_that_mean_something_else_on_windows(host: HostFolder) -> None:
    host._windows = True
    for name in ("CON", "nul.txt", "aux .py", "com1", "LPT9.x", "a:b", "C:", "x\\y", "dot.", "sp ",
                 "what?", "a*", "conin$", "COM²"):  # fmt: skip
        assert ask(host, "stat", f"/{name}")[0] == 22, name
    for name in ("console", "com", "nulls", "a.b", ".hidden", "lpt10"):
        assert ask(host, "stat", f"/{name}")[0] == 2, name


NAMES = st.sampled_from(
    ["", ".", "..", "file", "sub", "secret", "outside", "to-sub", "out-folder", "out-file", "\0",
     "~", "shared", "shared-too", "/etc"]
)  # fmt: skip
PATHS = st.lists(NAMES, max_size=6).map(lambda names: "/".join(["", *names]))
SCALARS = PATHS | st.binary(max_size=9) | st.integers() | st.none() | st.sampled_from(["r", "rb"])
READING = st.sampled_from(["stat", "statvfs", "list", "open", "read"])


@examples(150)
@given(question=st.tuples(READING | SCALARS, st.lists(SCALARS, max_size=4)))
def test_any_question_gets_an_answer_without_the_secret(
    world: Path, question: tuple[Any, list[Any]]
) -> None:
    ask(HostFolder(world / "shared"), question[0], *question[1])


# ------------------------------------------------------------------------------- over a session

FORGE = """
import belay
_agent = belay.receive.__globals__
def forge(*question, room=1000):
    return bytes(belay.receive(room, _agent["pull"]([iter((list(question),))])[0]))
"""


def test_a_board_that_forges_its_questions(
    connect: Callable[..., belay.Device], world: Path, caplog: pytest.LogCaptureFixture
) -> None:
    device = connect()
    with device.mount(world / "shared") as mounted:
        device(FORGE)
        number = mounted._number
        forged = {
            f"forge('mount', {number}, 'open', '/../secret', 'r')": 22,
            f"forge('mount', {number}, 'open', '{world}/secret', 'r')": 2,
            f"forge('mount', {number}, 'open', '/out-file', 'r')": 13,
            f"forge('mount', {number}, 'remove', '/file')": 30,
            f"forge('mount', {number}, 'open', '/file', 'r', room=65535)": 0,
            f"forge('mount', {number}, 'open', '/file', 'r', room=0)": None,
            f"forge('mount', {number}, {{}}, ('a', 1), 1.5)": 22,
            f"forge('mount', {number})": 22,
            f"forge('mount', {number + 1}, 'stat', '/')": 19,
            "forge('mount', 'x')": 19,
            "forge('mount', True, 'stat', '/')": 19,
            "forge('mount')": 19,
            "forge('other')": None,
            "forge()": None,
            "bytes(belay.receive(1000, b'\\xff\\x00rubbish'))": None,
            "bytes(belay.receive(1000, b'l' * 5000))": None,
        }  # fmt: skip
        if os.name != "posix":
            del forged[f"forge('mount', {number}, 'open', '/out-file', 'r')"]
        answers = {code: device(code) for code in forged}
        assert {code: answer[0] if answer else None for code, answer in answers.items()} == forged
        assert not any(SECRET in answer for answer in answers.values())
        # In the middle of all that, and behind it, what is honest works.
        assert device("open('/remote/file').read()") == "0123456789"
    assert device(f"forge('mount', {number}, 'stat', '/')") == b"\x13"
    assert not caplog.records


def test_a_program_that_asks_for_ever_can_be_stopped(
    connect: Callable[..., belay.Device], world: Path
) -> None:
    device = connect()
    with device.mount(world / "shared"), pytest.raises(belay.CallTimeoutError):
        device("while True: os.stat('/remote/file')", timeout=0.3)
    assert device("1 + 1") == 2
