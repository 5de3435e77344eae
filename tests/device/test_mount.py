# SPDX-License-Identifier: Apache-2.0
"""A folder of the host on the board: what programs there do with it."""

from __future__ import annotations

import gc
import os
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import belay
from belay.mounting import Mount
from belay.transports import Transport, open_transport
from tests.links.faulty import FaultyLink
from tests.session.boards import pretend

Connect = Callable[..., belay.Device]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What is mounted; beside it stands something that the board must never see."""
    (tmp_path / "secret.txt").write_text("secret")
    shared = tmp_path / "shared"
    (shared / "package" / "inner").mkdir(parents=True)
    (shared / "plain.py").write_text("value = 1\n\ndef fail():\n    return 1 // 0\n")
    (shared / "package" / "__init__.py").write_text("from .inner.deep import value\n")
    (shared / "package" / "inner" / "deep.py").write_text(f"value = 'é€😀'\n{'# ' * 2000}\n")
    (shared / "text.txt").write_text("é€😀abc\nline two\n\nlast")
    (shared / "bytes.bin").write_bytes(bytes(range(256)) * 20)
    (shared / "empty").write_bytes(b"")
    return shared


@pytest.fixture
def mount(device: belay.Device, folder: Path) -> Iterator[Mount]:
    with device.mount(folder, readonly=False) as mounted:
        yield mounted
        device("os.chdir('/')")
    device("for n in ('plain', 'package'): sys.modules.pop(n, None)")


def refused(device: belay.Device, code: str) -> tuple[Any, ...]:
    with pytest.raises(belay.PyboardException["OSError"]) as caught:  # type: ignore[misc]
        device(code)
    return tuple(caught.value.value_args)


def test_imports_run_from_it(device: belay.Device, mount: Mount, folder: Path) -> None:
    device("import plain, package")
    assert device("plain.value, package.value, plain.__file__") == (1, "é€😀", "/remote/plain.py")
    with pytest.raises(belay.PyboardException) as caught:
        device("plain.fail()")
    frame = caught.value.frames[-1]
    assert (frame.filename, frame.line) == (str(folder / "plain.py"), 4)
    (folder / "plain.py").write_text("value = 2\n")
    assert device("sys.modules.pop('plain').value") == 1
    assert device("__import__('plain').value") == 2


READS: dict[str, Any] = {
    "open(t).read()": "é€😀abc\nline two\n\nlast",
    "open(t).read(2)": "é€",
    "open(t).read(10 ** 6)": "é€😀abc\nline two\n\nlast",
    "[f.read(1) for f in [open(t)] for _ in range(5)]": ["é", "€", "😀", "a", "b"],
    "open(t).readline()": "é€😀abc\n",
    "open(t, 'rb').readline(4)": "é€".encode()[:4],
    "open(t).readlines()": ["é€😀abc\n", "line two\n", "\n", "last"],
    "[s for s in open(t, 'rb')]": ["é€😀abc\n".encode(), b"line two\n", b"\n", b"last"],
    "len(open(b, 'rb').read())": 5120,
    "open(b, 'rb').read() == bytes(range(256)) * 20": True,
    "[(f.seek(5000), f.read(3), f.tell()) for f in [open(b, 'rb')]]": [
        (5000, b"\x88\x89\x8a", 5003)
    ],
    "[(f.seek(-2, 2), f.read(), f.read()) for f in [open(b, 'rb')]]": [(5118, b"\xfe\xff", b"")],
    "[(f.seek(9999), f.read(3), f.tell()) for f in [open(b, 'rb')]]": [(9999, b"", 9999)],
    "[(f.readinto(a), a) for f in [open(b, 'rb')] for a in [bytearray(3)]]": [
        (3, bytearray(b"\0\1\2"))
    ],
    "open('/remote/empty').read()": "",
    "os.listdir('/remote')": ["bytes.bin", "empty", "package", "plain.py", "text.txt"],
    "list(os.ilistdir('/remote/package'))": [
        ("__init__.py", 0x8000, 0, 30),
        ("inner", 0x4000, 0, 0),
    ],
    "os.stat('/remote')[0], os.stat('/remote/package')[0]": (0x4000, 0x4000),
    "os.stat(b)[:7]": (0x8000, 0, 0, 0, 0, 0, 5120),
    "len(os.statvfs('/remote'))": 10,
    "[os.chdir('/remote/package/inner'), os.getcwd(), os.listdir(), os.stat('deep.py')[0]]": [
        None, "/remote/package/inner", ["deep.py"], 0x8000,
    ],
    "[os.chdir('..'), os.getcwd(), os.chdir('../package/./inner/..'), os.getcwd()]": [
        None, "/remote/package", None, "/remote/package",
    ],
    "[os.chdir('../../..'), os.getcwd()]": [None, "/remote"],
}  # fmt: skip


def test_reading(device: belay.Device, mount: Mount) -> None:
    device("t, b = '/remote/text.txt', '/remote/bytes.bin'")
    assert {code: device(code) for code in READS} == READS


def test_the_times_are_the_files_own(device: belay.Device, mount: Mount, folder: Path) -> None:
    os.utime(folder / "empty", (0, 1_700_000_000))
    assert (
        device("os.stat('/remote/empty')[8] - time.mktime((2023, 11, 14, 22, 13, 20, 0, 0))") == 0
    )


WRITES = """
with open('/remote/new.txt', 'w') as f:
    f.write('begin ')
    for i in range(400): f.write('é%d\\n' % i)
with open('/remote/new.bin', 'xb') as f: f.write(bytes(range(256)) * 9)
with open('/remote/new.bin', 'r+b') as f:
    f.seek(2000); f.write(b'here'); f.seek(-1, 1); last = f.read(2)
with open('/remote/new.txt', 'a') as f: f.write('end'); place = f.tell(); f.write('!')
for i in range(3):
    with open('/remote/log', 'a') as f: f.write('%d\\n' % i)
f = open('/remote/kept', 'w'); f.write('flushed'); f.flush()
os.mkdir('/remote/made'); os.rename('/remote/log', '/remote/made/log')
os.rename('/remote/made', '/remote/moved'); os.mkdir('/remote/gone'); os.rmdir('/remote/gone')
os.remove('/remote/empty')
"""


def test_writing(device: belay.Device, mount: Mount, folder: Path) -> None:
    device(WRITES)
    text = "begin " + "".join(f"é{i}\n" for i in range(400))
    assert (folder / "new.txt").read_text(encoding="utf-8") == text + "end!"
    data = bytes(range(256)) * 9
    assert (folder / "new.bin").read_bytes() == data[:2000] + b"here" + data[2004:]
    assert device("last, place") == (b"e" + data[2004:2005], len((text + "end").encode()))
    assert (folder / "moved" / "log").read_text() == "0\n1\n2\n"
    assert (folder / "kept").read_text() == "flushed"
    assert not (folder / "gone").exists()
    assert not (folder / "empty").exists()
    assert device("f.close(), f.close()") == (None, None)


def test_it_is_read_only_unless_asked(device: belay.Device, folder: Path) -> None:
    before = sorted(path.name for path in folder.rglob("*"))
    with device.mount(folder, "/ro") as mounted:
        assert mounted.readonly
        for code in (
            "open('/ro/new', 'w')", "open('/ro/text.txt', 'a')", "open('/ro/text.txt', 'r+')",
            "os.remove('/ro/empty')", "os.mkdir('/ro/d')", "os.rmdir('/ro/package')",
            "os.rename('/ro/empty', '/ro/full')",
        ):  # fmt: skip
            assert refused(device, code) == (30, "/ro is mounted read-only")
        assert device("open('/ro/text.txt').read(1)") == "é"
    assert sorted(path.name for path in folder.rglob("*")) == before


ERRORS: dict[str, tuple[Any, ...]] = {
    "open('/remote/none')": (2,),
    "os.stat('/remote/none/none')": (2,),
    "os.stat('/remote/text.txt/x')": (20, "Not a directory"),
    "open('/remote/package')": (21,),
    "open('/remote/text.txt', 'q')": (22, "no such mode"),
    "open('/remote/text.txt', 'x')": (17,),
    "open('/remote/text.txt').write('x')": (9,),
    "open('/remote/w', 'w').read()": (9,),
    "os.remove('/remote/package')": (21,),
    "os.rmdir('/remote/package')": (39, "Directory not empty"),
    "os.rmdir('/remote')": (16, "/remote itself"),
    "os.chdir('/remote/text.txt')": (20,),
    "os.rename('/remote/none', '/remote/x')": (2,),
    "os.mkdir('/remote/a\\nb')": (22, "no such path"),
    "os.mkdir('/remote/' + 'x' * 256)": (22, "no such path"),
}


def test_what_is_wrong_is_said(device: belay.Device, mount: Mount) -> None:
    assert {code: refused(device, code) for code in ERRORS} == ERRORS
    with pytest.raises(belay.PyboardException, match="closed file"):
        device("f = open('/remote/text.txt'); f.close(); f.read()")


def test_a_file_that_changes_while_it_is_read_is_an_error(
    device: belay.Device, mount: Mount, folder: Path
) -> None:
    device("f = open('/remote/bytes.bin', 'rb'); start = f.read(10)")
    (folder / "bytes.bin").write_bytes(bytes(5120))
    assert refused(device, "f.read()") == (116, "the file was changed while it was being read")
    assert device("open('/remote/bytes.bin', 'rb').read() == bytes(5120)")


def test_input_goes_on_beside_it(connect: Connect, folder: Path) -> None:
    lines = iter(["one", "two", "three"])
    device = connect(stdin=lambda: next(lines))
    device.mount(folder)
    device("""
        with open('/remote/text.txt') as f:
            got = [input(), f.readline(), sys.stdin.readline(), f.readline(), input()]
    """)
    assert device("got") == ["one", "é€😀abc\n", "two\n", "line two\n", "three"]


def test_between_calls_nobody_answers_so_nobody_is_asked(
    device: belay.Device, mount: Mount
) -> None:
    questions = mount.questions
    device("""
        def late(timer):
            try:
                open('/remote/text.txt')
            except OSError as error:
                seen.append(error.args[0])
        seen = []
        timer = machine.Timer(-1, mode=machine.Timer.ONE_SHOT, period=1, callback=late)
    """)
    # The timer comes while the board waits, or at the latest in this call's sleep: then it may ask.
    device("time.sleep_ms(20)")
    assert device("seen") == [19] or mount.questions > questions
    assert device("open('/remote/text.txt').read(3)") == "é€😀"


class Interrupting:
    """Takes prints; interrupts at one of them."""

    def __init__(self, device: belay.Device, after: int) -> None:
        self.device, self.left = device, after

    def write(self, text: str) -> None:
        self.left -= 1
        if self.left == 0:
            self.device.interrupt()


@pytest.mark.parametrize("after", [1, 2, 5, 9])
def test_an_interrupted_reader_leaves_everything_in_order(
    device: belay.Device, mount: Mount, after: int
) -> None:
    reading = "while True:\n    with open('/remote/text.txt') as f: f.read()\n    print('.')"
    with pytest.raises(KeyboardInterrupt):
        device(reading, stream_out=Interrupting(device, after))
    assert device("open('/remote/text.txt').readline()") == "é€😀abc\n"


def test_taken_away(device: belay.Device, folder: Path) -> None:
    before = device("sys.path[:]")
    mounted = device.mount(folder, "/a/", importing=False)
    assert repr(mounted) == f"<Mount {folder} at /a (read-only)>"
    assert device("open('/a/empty').read(), sys.path") == ("", before)
    with device.mount(folder, "/c"):
        assert device("sys.path") == ["/c", *before]
        device("os.chdir('/c')")
        device("held = open('/c/text.txt')")
    assert device("sys.path, os.getcwd(), os.listdir('/')") == (before, "/", ["a"])
    assert refused(device, "held.seek(0); held.folder.stat('/')") == (19,)
    device.umount("/a")
    mounted.umount()
    assert not mounted.active
    assert "unmounted" in repr(mounted)
    assert refused(device, "os.stat('/a')") == (2,)
    with pytest.raises(ValueError, match="nothing is mounted at /a"):
        device.umount("/a")


def test_bad_requests(device: belay.Device, folder: Path, tmp_path: Path) -> None:
    for at in ("remote", "/", "", "/a/b", "//", "/.."):
        with pytest.raises(ValueError, match="one name below /"):
            device.mount(folder, at)
    with pytest.raises(FileNotFoundError, match="no folder"):
        device.mount(tmp_path / "none")
    with pytest.raises(NotADirectoryError, match="no folder"):
        device.mount(tmp_path / "secret.txt")
    with device.mount(folder), pytest.raises(ValueError, match="umount it first"):
        device.mount(folder)


def test_it_is_there_again_after_a_reset_and_a_reconnect(connect: Connect, folder: Path) -> None:
    device = connect("virtual:mounted", attempts=1)
    device.mount(folder)
    gone = device.mount(folder, "/gone")
    gone.umount()
    device.soft_reset()
    assert device("os.listdir('/')") == ["remote"]
    device.reconnect()
    assert device("os.listdir('/'), open('/remote/text.txt').read(1)") == (["remote"], "é")


def test_a_device_that_is_forgotten_is_closed_all_the_same(folder: Path) -> None:
    device = belay.Device("virtual:")
    mounted = device.mount(folder)
    reference = weakref.ref(device)
    gc.disable()
    try:
        del device
        assert reference() is None
    finally:
        gc.enable()
    mounted.umount()


def test_a_board_without_room_says_so(
    connect: Connect, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, free=9 * 1024)
    with pytest.raises(belay.FeatureUnavailableError, match="no room"):
        connect().mount(folder)


def test_a_firmware_that_cannot_mount_says_so(connect: Connect, folder: Path) -> None:
    device = connect()
    device("class Old: pass\nsys.modules['vfs'] = Old")
    with pytest.raises(belay.FeatureUnavailableError, match="cannot mount"):
        device.mount(folder)


@pytest.mark.parametrize(
    ("address", "facts"),
    [
        ("virtual:?cooked=1", {}),
        ("virtual:", {"binary": False}),
        ("virtual:?cooked=1", {"binary": False, "deflate": False}),
    ],
    ids=["cooked", "text", "cooked text, not deflated"],
)
def test_on_boards_of_other_kinds(
    connect: Connect,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    facts: dict[str, bool],
) -> None:
    pretend(monkeypatch, **facts)
    device = connect(address)
    device.mount(folder, readonly=False)
    device("import plain, package")
    assert device("plain.value, package.value") == (1, "é€😀")
    device("t, b = '/remote/text.txt', '/remote/bytes.bin'")
    assert {code: device(code) for code in READS} == READS
    device("os.chdir('/')")
    device(WRITES)
    assert (folder / "moved" / "log").read_text() == "0\n1\n2\n"


@pytest.mark.skipif(os.name != "posix", reason="the port runs at a pseudo terminal")
def test_on_the_unix_port(unix_port: Callable[..., Transport], folder: Path) -> None:
    with belay.Device(unix_port(), reset=False) as device:
        device("import os, sys")
        with device.mount(folder, readonly=False):
            device("import plain, package")
            assert device("plain.value, package.value") == (1, "é€😀")
            device("t, b = '/remote/text.txt', '/remote/bytes.bin'")
            assert {code: device(code) for code in READS} == READS
            device("os.chdir('/')")
            device(WRITES)
            assert (folder / "moved" / "log").read_text() == "0\n1\n2\n"


def test_a_sync_leaves_it_alone(connect: Connect, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "new.py").write_text("x = 1\n")
    device = connect()
    device.mount(folder, readonly=False)
    # Even where both file systems say the same of themselves.
    device("os.statvfs = lambda path: (4096, 4096, 1000, 900, 900, 0, 0, 0, 0, 255)")
    before = sorted(path.name for path in folder.rglob("*"))
    device.sync(other, keep=False)
    assert sorted(device("os.listdir('/')")) == ["new.py", "remote"]
    assert sorted(path.name for path in folder.rglob("*")) == before


SEEDS = [5, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(100, 200))]


@pytest.mark.parametrize("seed", SEEDS)
def test_over_a_line_that_damages_bytes(folder: Path, seed: int) -> None:
    link = FaultyLink(open_transport("virtual:"), seed=seed)
    with belay.Device(link) as device:
        device._session._timing.floor = 0.03  # the silence before a repetition
        device.mount(folder, readonly=False)
        device("os.stat('/remote')")
        link.set_rate(up=1 / 1000, down=1 / 1000)
        try:
            device("""
            for i in range(3):
                with open('/remote/bytes.bin', 'rb') as f: assert f.read() == bytes(range(256)) * 20
                with open('/remote/log', 'a') as f:
                    for n in range(40): f.write('%d %d\\n' % (i, n)), f.flush()
            """)
        except belay.PyboardException["KeyboardInterrupt"]:  # type: ignore[misc]
            pytest.skip("the line has made a Ctrl-C of a byte")
        link.disarm()
        assert len(link.hits("up")) + len(link.hits("down")) > 4
    written = "".join(f"{i} {n}\n" for i in range(3) for n in range(40))
    assert (folder / "log").read_text() == written
