# SPDX-License-Identifier: Apache-2.0
"""``device.files``: what a program does with the files of its board."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import pickle
import stat
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest

import belay
from belay.files import Files
from belay.transports import Transport, open_transport
from tests.links.counting import CountingLink
from tests.links.faulty import FaultyLink

Connect = Callable[..., belay.Device]
DATA = bytes(range(256)) * 90
STRANGE = ['it\'s "both"', "spa ce", "ünï€😀", "-rf", "%s{}", "a\\b", "#", "..x"]


@pytest.fixture(scope="module")
def link() -> CountingLink:
    return CountingLink(open_transport("virtual:"), keep=True)


@pytest.fixture(scope="module")
def device(link: CountingLink) -> Iterator[belay.Device]:
    with belay.Device(link) as connected:
        yield connected


@pytest.fixture
def files(device: belay.Device) -> Iterator[Files]:
    """The files of a board that has a few, in folders."""
    files = device.files
    files.remove("/", recursive=True)
    files.mkdir("/lib/deep", parents=True)
    files.mkdir("/empty")
    files.write("/main.py", b"print('main')\n")
    files.write("/lib/data.bin", DATA)
    files.write("/lib/deep/text.txt", "é€😀\nline\r\n".encode())
    yield files
    device("os.chdir('/')")


def test_asking(files: Files, device: belay.Device) -> None:
    assert files.listdir() == ["empty", "lib", "main.py"]
    assert files.listdir("/empty") == []
    lib = files.scandir("/lib")
    assert [entry[:4] for entry in lib] == [
        ("data.bin", "/lib/data.bin", False, len(DATA)),
        ("deep", "/lib/deep", True, 0),
    ]
    assert files.stat("/lib/data.bin") == lib[0]
    assert abs(lib[0].modified - time.time()) < 600
    assert files.stat("/")[:4] == ("", "/", True, 0)
    assert (files.exists("/lib"), files.exists("/none"), files.exists("/main.py/x")) == (
        True, False, False,
    )  # fmt: skip
    assert (files.is_dir("/lib"), files.is_dir("/main.py"), files.is_dir("/none")) == (
        True, False, False,
    )  # fmt: skip
    assert (files.is_file("/lib"), files.is_file("/main.py"), files.is_file("/none")) == (
        False, True, False,
    )  # fmt: skip
    usage = files.usage()
    assert usage.total == 4 << 20
    assert usage.used == usage.total - usage.free > len(DATA)
    assert files.hash("/main.py") == (
        "sha256",
        device("__import__('hashlib').sha256(open('/main.py','rb').read()).digest()"),
    )
    assert set(files.manifest("/lib").files) == {"/lib/data.bin", "/lib/deep/text.txt"}


def test_walking(files: Files) -> None:
    assert list(files.walk()) == [
        ("/", ["empty", "lib"], ["main.py"]),
        ("/empty", [], []),
        ("/lib", ["deep"], ["data.bin"]),
        ("/lib/deep", [], ["text.txt"]),
    ]
    assert list(files.walk("/lib/deep")) == [("/lib/deep", [], ["text.txt"])]


def test_paths(files: Files, device: belay.Device) -> None:
    for path in (
        "main.py",
        "/./lib/../main.py",
        "//main.py",
        "/../main.py",
        PurePosixPath("/main.py"),
    ):
        assert files.stat(path).path == "/main.py"
    device("os.chdir('/lib')")
    assert files.listdir(".") == ["data.bin", "deep"]
    assert files.stat("deep/../../main.py").path == "/main.py"
    for path in ("", "/a\0b"):
        with pytest.raises(ValueError, match="no path on the board"):
            files.read(path)
    with pytest.raises(TypeError):
        files.read(b"/main.py")  # type: ignore[arg-type]


def test_contents(files: Files) -> None:
    told: list[int] = []
    assert files.read("/lib/data.bin", progress=told.append) == DATA
    assert told == sorted(told)
    assert told[-1] == len(DATA)
    told.clear()
    files.write("/new", bytearray(DATA[::-1]), progress=told.append)
    assert files.read("/new") == DATA[::-1]
    assert told[-1] == len(DATA)
    files.write("/new", memoryview(b"short"))
    assert files.read("/new") == b"short"
    files.write("/new", b"")
    assert files.read("/new") == b""
    files.write_text("/text", "é\r\n\n")
    assert files.read_text("/text") == "é\r\n\n"
    assert files.read("/text") == "é\r\n\n".encode()


def test_names_of_all_kinds(files: Files, tmp_path: Path) -> None:
    names = [name for name in STRANGE if os.sep not in name or os.name == "posix"]
    for name in STRANGE:
        files.write(f"/{name}", name.encode())
        assert files.read(f"/{name}") == name.encode()
        assert files.stat(f"/{name}").size == len(name.encode())
    assert set(STRANGE) <= set(files.listdir())
    files.mkdir(f"/{STRANGE[0]}2/{STRANGE[2]}", parents=True)
    for name in names:
        files.get(f"/{name}", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == name.encode()
        files.rename(f"/{name}", f"/{name}3")
        files.remove(f"/{name}3")


def test_open_for_reading(files: Files) -> None:
    with files.open("/lib/deep/text.txt") as text:
        assert text.read() == "é€😀\nline\n"
    assert list(files.open("/lib/deep/text.txt", newline="")) == ["é€😀\n", "line\r\n"]
    with files.open("/lib/data.bin", "rb") as data:
        assert data.read(5) == DATA[:5]
        assert data.seek(20000) == 20000
        assert data.read(3) == DATA[20000:20003]
        assert data.seek(-4, os.SEEK_END) == len(DATA) - 4
        assert data.read() == DATA[-4:]
        assert data.read() == b""
    with files.open("/lib/data.bin", "rb") as data:
        assert data.read() == DATA
    with pytest.raises(ValueError, match="closed"):
        data.read()


def test_open_for_writing(files: Files) -> None:
    with files.open("/log", "w") as log:
        print("first", file=log)
        log.flush()
        assert not files.exists("/log"), "it goes there as a whole, at the end"
    with files.open("/log", "a") as log:
        log.write("second\n")
    assert files.read("/log") == b"first\nsecond\n"
    with files.open("/log", "r+b") as data:
        data.seek(2)
        data.write(b"__")
        data.seek(-2, os.SEEK_END)
        assert data.read() == b"d\n"
    assert files.read("/log") == b"fi__t\nsecond\n"
    with files.open("/log", "ab+") as data:
        data.seek(0)
        assert data.read(2) == b"fi"
        data.write(b"!")
    assert files.read("/log") == b"fi__t\nsecond\n!"
    with files.open("/log", "w+", encoding="latin-1") as log:
        log.write("é")
        log.seek(0)
        assert log.read() == "é"
    assert files.read("/log") == b"\xe9"
    with files.open("/fresh", "xb") as data:
        data.write(b"new")
    assert files.read("/fresh") == b"new"


@pytest.mark.parametrize("mode", ["w", "wb", "a", "r+"])
def test_a_block_that_raises_leaves_the_old_file(files: Files, mode: str) -> None:
    with contextlib.suppress(ZeroDivisionError), files.open("/main.py", mode) as file:
        file.write(b"x" if "b" in mode else "x")
        raise ZeroDivisionError
    assert files.read("/main.py") == b"print('main')\n"


@pytest.mark.parametrize("mode", ["w", "wb"])
def test_a_file_that_is_never_closed_is_told_of_and_not_written(files: Files, mode: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        files.open("/main.py", mode).write(b"x" if "b" in mode else "x")
        gc.collect()
    assert [w.category for w in caught] == [ResourceWarning]
    assert "/main.py was never closed" in str(caught[0].message)
    assert files.read("/main.py") == b"print('main')\n"


def test_folders(files: Files) -> None:
    files.mkdir("/one")
    files.mkdir("/one", exist_ok=True)
    files.mkdir("/one/two/three", parents=True)
    files.mkdir("/one/two/three", parents=True, exist_ok=True)
    assert files.is_dir("/one/two/three")
    assert files.remove("/one/two/three") == ["/one/two/three"]
    assert files.remove("/lib", recursive=True) == [
        "/lib/data.bin", "/lib/deep/text.txt", "/lib/deep", "/lib",
    ]  # fmt: skip
    assert files.remove("/none", missing_ok=True) == []
    assert files.remove("/main.py", recursive=True) == ["/main.py"]
    files.rename("/one", "/uno")
    assert files.listdir() == ["empty", "uno"]


REFUSED: list[tuple[Callable[[Files], object], type[OSError], int, str]] = [
    (lambda f: f.read("/none"), FileNotFoundError, errno.ENOENT, "/none"),
    (lambda f: f.open("/none"), FileNotFoundError, errno.ENOENT, "/none"),
    (lambda f: f.open("/none", "r+"), FileNotFoundError, errno.ENOENT, "/none"),
    (lambda f: f.stat("/none/x"), FileNotFoundError, errno.ENOENT, "/none/x"),
    (lambda f: f.hash("/none"), FileNotFoundError, errno.ENOENT, "/none"),
    (lambda f: list(f.walk("/none")), FileNotFoundError, errno.ENOENT, "/none"),
    (lambda f: f.write("/none/x", b""), FileNotFoundError, errno.ENOENT, "/none/x"),
    (lambda f: f.mkdir("/none/x"), FileNotFoundError, errno.ENOENT, "/none/x"),
    (lambda f: f.remove("/none"), FileNotFoundError, errno.ENOENT, "/none"),
    (lambda f: f.rename("/none", "/x"), FileNotFoundError, errno.ENOENT, "/none"),
    (lambda f: f.get("/none", "nowhere"), FileNotFoundError, errno.ENOENT, "/none"),
    (lambda f: f.mkdir("/lib"), FileExistsError, errno.EEXIST, "/lib"),
    (lambda f: f.mkdir("/main.py", exist_ok=True), FileExistsError, errno.EEXIST, "/main.py"),
    (lambda f: f.open("/main.py", "x"), FileExistsError, errno.EEXIST, "/main.py"),
    (lambda f: f.listdir("/main.py"), NotADirectoryError, errno.ENOTDIR, "/main.py"),
    (lambda f: f.manifest("/main.py"), NotADirectoryError, errno.ENOTDIR, "/main.py"),
    (lambda f: f.read("/lib"), IsADirectoryError, errno.EISDIR, "/lib"),
    (lambda f: f.open("/lib"), IsADirectoryError, errno.EISDIR, "/lib"),
    (lambda f: f.open("/lib", "w"), IsADirectoryError, errno.EISDIR, "/lib"),
    (lambda f: f.write("/lib", b"x"), IsADirectoryError, errno.EISDIR, "/lib"),
    (lambda f: f.put(__file__, "/lib"), IsADirectoryError, errno.EISDIR, "/lib"),
    (lambda f: f.remove("/lib"), OSError, 39, "/lib"),
]  # fmt: skip


@pytest.mark.parametrize(("work", "kind", "number", "path"), REFUSED)
def test_what_the_board_refuses(
    files: Files, work: Callable[[Files], object], kind: type[OSError], number: int, path: str
) -> None:
    with pytest.raises(belay.BoardFileError, match=f"^{path}: ") as caught:
        work(files)
    error = caught.value
    assert isinstance(error, kind)
    assert isinstance(error, belay.SyncError)
    assert (error.errno, error.path, error.filename) == (number, path, path)
    assert "\n" not in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.errno) == (type(error), str(error), number)
    assert files.read("/main.py") == b"print('main')\n"


def test_a_full_flash_leaves_the_old_file(connect: Connect) -> None:
    files = connect("virtual:?flash=64K").files
    files.write("/a", b"old")
    with pytest.raises(belay.NoSpaceError, match="^/a: "):
        files.write("/a", os.urandom(100_000))
    assert files.read("/a") == b"old"
    assert files.listdir() == ["a"]


def test_what_a_mounted_folder_refuses(connect: Connect, tmp_path: Path) -> None:
    device = connect()
    device.mount(tmp_path)
    with pytest.raises(belay.ReadOnlyError, match="^/remote/x: /remote is mounted read-only"):
        device.files.mkdir("/remote/x")
    with pytest.raises(belay.ReadOnlyError, match="^/remote/x: "):
        device.files.write("/remote/x", b"")


def test_circuitpython(connect: Connect, tmp_path: Path, tree: Path) -> None:
    address = f"virtual:?circuitpython=1&files={tmp_path / 'drive'}"
    (tmp_path / "drive").mkdir()
    device = connect(address)
    files = device.files
    assert files.listdir() == ["boot_out.txt"]
    assert files.scandir()[0].modified > time.time() - 600
    works: list[Callable[[], object]] = [
        lambda: files.write("/x", b""),
        lambda: files.mkdir("/x"),
        lambda: files.put(tree, "/x"),
        lambda: files.remove("/boot_out.txt"),
    ]
    for work in works:
        with pytest.raises(belay.ReadOnlyError, match="enable-write"):
            work()
    with pytest.raises(belay.FeatureUnavailableError):
        device.mount(tmp_path)
    device.close()
    (tmp_path / "drive" / "boot.py").write_text("import storage\nstorage.remount('/', False)\n")
    files = connect(address).files
    assert files.put(tree, "/x/y") == [
        "/x/y/main.py",
        "/x/y/package/data",
        "/x/y/package/nested/ü.txt",
    ]
    files.get("/x/y", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(tree)


# ----------------------------------------------------------------------------------- copies


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "package" / "nested").mkdir(parents=True)
    (tree / "nothing").mkdir()
    (tree / "main.py").write_bytes(b'"""Stays."""\n# all of it\n')
    (tree / "package" / "data").write_bytes(DATA)
    (tree / "package" / "nested" / "ü.txt").write_text("é", encoding="utf-8")
    return tree


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        p.relative_to(folder).as_posix(): None if p.is_dir() else p.read_bytes()
        for p in folder.rglob("*")
    }


def test_a_folder_to_the_board_and_back(files: Files, tree: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    copied = files.put(tree, "/new/place", progress=lambda *one: told.append(one))
    assert copied == [
        "/new/place/main.py", "/new/place/package/data", "/new/place/package/nested/ü.txt",
    ]  # fmt: skip
    assert {path for path, done, size in told if done == size} == set(copied)
    assert files.is_dir("/new/place/nothing")
    told.clear()
    back = files.get("/new/place", tmp_path / "x" / "back", progress=lambda *one: told.append(one))
    assert contents(tmp_path / "x" / "back") == contents(tree)
    assert [Path(path).name for path in back] == ["main.py", "data", "ü.txt"]
    assert {path for path, done, size in told if done == size} == set(copied)


def test_what_is_there_already_is_not_sent(files: Files, tree: Path, link: CountingLink) -> None:
    files.put(tree, "/t")
    link.reset()
    assert files.put(tree, "/t") == []
    assert link.up < 1000
    (tree / "package" / "data").write_bytes(DATA[:-1] + b"!")
    (tree / "nothing" / "more").write_bytes(b"")
    assert files.put(tree, "/t") == ["/t/nothing/more", "/t/package/data"]
    assert files.read("/t/package/data") == DATA[:-1] + b"!"
    assert files.put(tree / "main.py", "/t/main.py") == []
    assert files.put(tree / "main.py", "/made/for/it.py") == ["/made/for/it.py"]
    assert files.read("/made/for/it.py") == (tree / "main.py").read_bytes()


def test_a_copy_on_this_computer_is_replaced_as_a_whole(files: Files, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    target.write_bytes(b"old")
    target.chmod(0o640)
    files.get("/lib/data.bin", target)
    assert target.read_bytes() == DATA
    if os.name == "posix":
        assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(os.name != "posix", reason="no pipes with names, and links need a right")
def test_a_copy_to_a_link_or_a_pipe(files: Files, tmp_path: Path) -> None:
    """The link stays, and its file is the copy; so does the pipe, and gets the bytes."""
    (tmp_path / "far").mkdir()
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(Path("far") / "file")
    assert files.get("/lib/data.bin", link) == [str(link)]
    assert link.is_symlink()
    assert (tmp_path / "far" / "file").read_bytes() == DATA
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        files.get("/lib/data.bin", pipe)
        assert os.read(reader, 2 * len(DATA)) == DATA
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_what_is_not_here_is_not_put(files: Files, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file or folder") as caught:
        files.put(tmp_path / "none", "/x")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError):  # and not the current folder
        files.put("", "/x")


HOSTILE = ["../out", "a/../../out", "/etc/out", "", ".", "..", "new\nline", "\x1b[2Jx"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_board_with_forged_names_writes_nothing_here(
    connect: Connect, tmp_path: Path, name: str
) -> None:
    device = connect("virtual:forged")
    device("""
        real = os.listdir, os.stat
        def listdir(path='/'):
            return [forged] if path in ('/here', '/here/') else real[0](path)
        def stat(path):
            return (0x8000, 0, 0, 0, 0, 0, 1, 0, 0, 0) if '/here/' in path else real[1](path)
    """)
    device.files.mkdir("/here", exist_ok=True)
    device.proxy("os").listdir = device.proxy("listdir")
    device.proxy("os").stat = device.proxy("stat")
    device(f"forged = {name!r}")
    inside = tmp_path / "a" / "b"
    with pytest.raises(belay.SyncError, match="a name that no file of this computer may have"):
        device.files.get("/here", inside)
    assert list(tmp_path.rglob("*")) == []
    device("os.listdir, os.stat = real")


# ----------------------------------------------------------------------------------- links


def test_round_trips(files: Files, tree: Path, link: CountingLink) -> None:
    def cost(work: Callable[[], object]) -> int:
        before = link.round_trips
        work()
        return link.round_trips - before

    assert cost(lambda: files.scandir("/lib")) == 1
    assert cost(lambda: files.stat("/lib")) == 1
    assert cost(lambda: list(files.walk())) == 1
    assert cost(lambda: files.read("/lib/data.bin")) == 1
    assert cost(lambda: files.write("/small", b"x" * 300)) == 1
    assert cost(lambda: files.put(tree, "/put")) <= 6
    assert cost(lambda: files.put(tree, "/put")) == 2
    assert cost(lambda: files.remove("/put", recursive=True)) == 3


def test_a_link_that_ends_meanwhile(connect: Connect, tree: Path) -> None:
    links: list[FaultyLink] = []

    def opened() -> Transport:
        links.append(FaultyLink(open_transport("virtual:ended")))
        return links[-1]

    files = connect(opened, attempts=3).files
    files.write("/a", DATA)
    links[-1].arm("down", 3000, "cut")
    assert files.read("/a") == DATA
    links[-1].arm("up", 300, "cut")
    files.write("/a", DATA[::-1])
    assert files.read("/a") == DATA[::-1]
    links[-1].arm("up", 400, "cut")
    files.put(tree, "/t")
    assert files.listdir("/t") == ["main.py", "nothing", "package"]
    assert len(links) == 4


def test_what_is_no_bytes_is_not_written(files: Files) -> None:
    for data in (5, "text", [1, 2]):
        with pytest.raises(TypeError):
            files.write("/a", data)  # type: ignore[arg-type]
    assert not files.exists("/a")


@pytest.mark.parametrize("work", ["read", "write", "get", "put"])
def test_a_progress_that_raises_stops_the_transfer(
    files: Files, tree: Path, tmp_path: Path, work: str
) -> None:
    def stop(*args: object) -> None:
        raise ZeroDivisionError("enough")

    works: dict[str, Callable[[], object]] = {
        "read": lambda: files.read("/lib/data.bin", progress=stop),
        "write": lambda: files.write("/lib/data.bin", DATA[::-1], progress=stop),
        "get": lambda: files.get("/lib", tmp_path / "x", progress=stop),
        "put": lambda: files.put(tree, "/lib", progress=stop),
    }
    with pytest.raises(ZeroDivisionError, match="enough"):
        works[work]()
    assert files.read("/lib/data.bin") in (DATA, DATA[::-1])
    assert files.read("/main.py") == b"print('main')\n"


def test_a_program_may_have_files_of_its_own() -> None:
    class Logger(belay.Device, skip=True):
        def __post_init__(self) -> None:
            self.files = ["a.log"]  # type: ignore[assignment]

    with Logger("virtual:", startup="") as device:
        assert device.files == ["a.log"]  # type: ignore[comparison-overlap]


def test_a_closed_device_has_no_files(connect: Connect) -> None:
    device = connect()
    device.close()
    with pytest.raises(belay.DeviceClosedError):
        device.files.listdir()


def test_mounted_folders_are_left_alone(connect: Connect, tree: Path) -> None:
    device = connect()
    before = contents(tree)
    device.mount(tree, readonly=False)
    device.files.write("/own", b"")
    assert device.files.listdir() == ["own", "remote"]
    assert device.files.read_text("/remote/package/nested/ü.txt") == "é"
    assert list(device.files.walk()) == [("/", [], ["own"])]
    with pytest.raises(belay.BoardFileError, match="umount it instead"):
        device.files.remove("/remote", recursive=True)
    assert device.files.remove("/", recursive=True) == ["/own"]
    assert contents(tree) == before
    device.files.write("/remote/from-the-board", DATA)
    assert (tree / "from-the-board").read_bytes() == DATA
