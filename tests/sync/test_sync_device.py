# SPDX-License-Identifier: Apache-2.0
"""`Device.sync` on the real virtual board."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from rich.progress import Progress

import belay
from belay import recovery
from belay.sync.board import BoardFiles
from belay.sync.manifest import BoardManifest
from belay.transports import Transport, open_transport
from tests.device.conftest import connect as connect
from tests.links.counting import CountingLink
from tests.links.faulty import FaultyLink
from tests.sync.test_host import make

Connect = Callable[..., belay.Device]
Files = dict[str, Any]


@pytest.fixture(scope="module")
def link() -> CountingLink:
    return CountingLink(open_transport("virtual:"))


@pytest.fixture(scope="module")
def shared(link: CountingLink) -> Iterator[belay.Device]:
    with belay.Device(link) as connected:
        yield connected


@pytest.fixture
def device(shared: belay.Device, link: CountingLink, tmp_path: Path) -> belay.Device:
    """A board without files."""
    (tmp_path / "nothing").mkdir()
    shared.sync(tmp_path / "nothing", keep=False)
    link.reset()
    return shared


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "platformdirs.user_cache_dir", lambda *args, **more: str(tmp_path / "cache")
    )


def listed(device: belay.Device, root: str = "/") -> BoardManifest:
    return device._board_files.manifest(root)


def contents(device: belay.Device, root: str = "/") -> dict[str, bytes]:
    return {path: device._board_files.read(path) for path in listed(device, root).files}


def put(device: belay.Device, *paths: str) -> None:
    """Files that no sync has put there."""
    for path in paths:
        folder = path.rpartition("/")[0]
        if folder and folder not in listed(device).folders:
            device._board_files.call("mkdir", folder)
        device._board_files.write(path, b"mine")


MODULE = '"""What it is for."""\n\n\ndef area(w, h):\n    "doc"\n    return w * h  # comment\n'


def module(number: int) -> str:
    """About half a kilobyte of ordinary source."""
    return f'"""Module {number}."""\n' + "".join(
        f"\n\ndef f{each}(x):\n    # {number}\n    return x * {number + each} + len('{each * 7}')\n"
        for each in range(7)
    )


# -------------------------------------------------------------------------------- numbers


def test_round_trips_of_fifty_files(
    device: belay.Device, link: CountingLink, tmp_path: Path
) -> None:
    folder = make(tmp_path / "app", {f"m{number}.py": module(number) for number in range(50)})
    done = device.sync(folder)
    assert len(done.written) == 50
    assert link.round_trips <= 10
    link.reset()
    assert device.sync(folder).operations == ()
    assert link.round_trips == 1
    (folder / "m7.py").write_text(module(7) + module(8) + 'TEXT = "changed"\n')
    link.reset()
    done = device.sync(folder)
    assert [file.path for file in done.written] == ["/m7.py"]
    assert link.round_trips <= 3
    device.sync(folder, trust_mtime=True)  # asks which board it is, and hashes
    link.reset()
    assert device.sync(folder, trust_mtime=True).operations == ()
    assert link.round_trips == 1


def test_five_hundred_files_in_forty_folders(device: belay.Device, tmp_path: Path) -> None:
    files = {f"d{n % 40}/f{n}.txt": f"file {n}\n" * (n % 30) for n in range(500)}
    folder = make(tmp_path / "app", files)
    device.sync(folder)
    found = listed(device)
    assert len(found.files) == 500
    assert len(found.folders) == 41
    assert device.sync(folder).operations == ()
    (folder / "d7" / "f7.txt").write_text("other")
    for name in list(files)[39::40]:
        (folder / name).unlink()
    (folder / "d39").rmdir()
    done = device.sync(folder)
    assert [file.path for file in done.written] == ["/d7/f7.txt"]
    assert len(done.unknown) == len(list(files)[39::40]) + 1
    assert len(listed(device).folders) == 40


# -------------------------------------------------------------------------------- as Belay 0.30


def test_defaults(device: belay.Device, tmp_path: Path) -> None:
    put(device, "/boot.py", "/webrepl_cfg.py", "/lib/a.py", "/old.py", "/data/x.txt")
    folder = make(
        tmp_path / "app", {"a.py": MODULE, "main.py": MODULE, "sub/b.txt": "b", "x.pyc": ""}
    )
    (folder / "empty").mkdir()
    done = device.sync(folder)
    found = contents(device)
    assert found.pop("/main.py").decode() == MODULE
    assert found.pop("/a.py") == b"\n\n\ndef area(w,h):\n\n return w*h\n"
    assert found == {
        "/boot.py": b"mine", "/webrepl_cfg.py": b"mine", "/lib/a.py": b"mine", "/sub/b.txt": b"b",
    }  # fmt: skip
    assert listed(device).folders == {"/", "/lib", "/sub", "/empty"}
    assert done.unknown == ("/data", "/data/x.txt", "/old.py")
    assert done.kept == ("/boot.py", "/lib/a.py", "/webrepl_cfg.py")
    device.soft_reset()
    device("import a")
    assert device("a.area(3, 4)") == 12


KEEP: list[tuple[Any, set[str]]] = [
    (None, {"/boot.py", "/lib/a.py"}),
    (False, set()),
    ([], set()),
    (True, {"/boot.py", "/lib/a.py", "/data/x.json", "/data/y.json", "/old.py"}),
    ("old.py", {"/old.py"}),
    (["boot.py", "data"], {"/boot.py", "/data/x.json", "/data/y.json"}),
    ("*.json", {"/data/x.json", "/data/y.json"}),
    (["data/*", "!data/x.json"], {"/data/y.json"}),
]


@pytest.mark.parametrize(("keep", "kept"), KEEP)
def test_keep(device: belay.Device, tmp_path: Path, keep: Any, kept: set[str]) -> None:
    put(device, "/boot.py", "/lib/a.py", "/data/x.json", "/data/y.json", "/old.py")
    folder = make(tmp_path / "app", {"new.txt": "new"})
    device.sync(folder, keep=keep)
    assert listed(device).files.keys() == kept | {"/new.txt"}


def test_below_another_folder_nothing_is_kept(device: belay.Device, tmp_path: Path) -> None:
    put(device, "/other.py", "/app/boot.py", "/app/lib/a.py")
    folder = make(tmp_path / "app", {"new.txt": "new"})
    device.sync(folder, "/app/")
    assert listed(device).files.keys() == {"/other.py", "/app/new.txt"}
    device.sync(folder, dst="/x/y/z")
    assert "/x/y/z/new.txt" in listed(device).files


def test_a_single_file_is_put_beside_what_is_there(device: belay.Device, tmp_path: Path) -> None:
    put(device, "/old.py", "/app/x.py")
    make(tmp_path, {"a.py": MODULE})
    device.sync(tmp_path / "a.py")
    device.sync(str(tmp_path / "a.py"), "/app")
    assert listed(device).files.keys() == {"/old.py", "/app/x.py", "/a.py", "/app/a.py"}


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"dst": "lib"}, ValueError, "begins with '/'"),
    ({"folder": "no/such"}, ValueError, "no file or folder 'no/such'"),
    ({"keep": 1}, TypeError, "keep takes"),
    ({"ignore": 1}, TypeError, "ignore takes"),
    ({"mpy_cross_binary": "no-such-cross"}, belay.SyncError, "no program 'no-such-cross'"),
]


@pytest.mark.parametrize(("options", "kind", "said"), BAD)
def test_wrong_arguments(
    device: belay.Device, link: CountingLink, tmp_path: Path,
    options: Files, kind: type[Exception], said: str,
) -> None:  # fmt: skip
    with pytest.raises(kind, match=said):
        device.sync(**{"folder": tmp_path, **options})
    assert link.up == 0


def test_progress_is_what_rich_takes(device: belay.Device, tmp_path: Path) -> None:
    folder = make(tmp_path / "app", {"a.py": MODULE, "big.bin": os.urandom(30_000), "empty": ""})
    seen: list[dict[str, Any]] = []
    with Progress(disable=True) as progress:
        task = progress.add_task("")

        def update(**keywords: Any) -> None:
            seen.append(keywords)
            progress.update(task, **keywords)

        for written in (3, 0):
            progress.reset(task)
            seen.clear()
            assert len(device.sync(folder, progress_update=update).written) == written
            assert progress.tasks[0].finished
            assert progress.tasks[0].completed == pytest.approx(written)
            assert {"total": written} in seen
            names = [keywords["description"] for keywords in seen if "description" in keywords]
            assert ("Pushing: big.bin" in names) is bool(written)
            if written:  # a large file moves the bar on its way
                assert sum("advance" in keywords for keywords in seen) > 3


# ------------------------------------------------------------- what was wrong with Belay 0.30


def test_a_folder_whose_parent_is_ignored(device: belay.Device, tmp_path: Path) -> None:
    folder = make(tmp_path / "__pycache__" / "app", {"a.txt": "a"})
    device.sync(folder)
    assert contents(device) == {"/a.txt": b"a"}


ODD = ["it's.py", 'say "hi".txt', "a b.txt", "é😀.txt", "..data", "%s.txt", "{x}.txt", "#x", "-r"]


@pytest.mark.skipif(os.name != "posix", reason="names that Windows does not have")
def test_names(device: belay.Device, tmp_path: Path) -> None:
    odd = [*ODD, "back\\slash.txt", "new\nline.txt", "l" * 255]
    files = {**{f"{name}": name for name in odd if not name.endswith(".py")}, "it's.py": "x = 1"}
    folder = make(tmp_path / "app", {**files, **{f"d'é/{name}": "x = 2" for name in odd[:4]}})
    device.sync(folder)
    found = contents(device)
    assert {name: found[f"/{name}"].decode() for name in files} == {**files, "it's.py": "x=1"}
    assert len(found) == len(files) + 4
    assert device.sync(folder).operations == ()
    for name in files:
        (folder / name).unlink()
    device.sync(folder)
    assert len(contents(device)) == 4


def test_a_string_that_is_no_docstring(device: belay.Device, tmp_path: Path) -> None:
    text = '"doc"\nparts = []\n"a".join(parts)\n"%s" % 1\nx = (\n"b"\n)\n'
    folder = make(tmp_path / "app", {"strings.py": text})
    device.sync(folder)
    device("import strings")
    assert device("strings.x") == "b"


def test_names_of_the_user_stay_as_they_are(device: belay.Device, tmp_path: Path) -> None:
    device("f, w = 'mine', 'too'\nbefore = set(globals())")
    device.sync(make(tmp_path / "app", {"a.py": MODULE, "b/c.txt": "c"}))
    assert device("f, w") == ("mine", "too")
    assert device("set(globals()) - before") <= {"before"}


# -------------------------------------------------------------------------------- nothing half done


def test_what_does_not_parse_is_said_before_anything_is_sent(
    device: belay.Device, link: CountingLink, tmp_path: Path
) -> None:
    folder = make(tmp_path / "app", {"a.py": MODULE, "sub/bad.py": "x = 1\nif x\n    y\n"})
    for options in ({}, {"mpy_cross_binary": True}):
        with pytest.raises(belay.SyncError, match=r'bad\.py", line 2') as caught:
            device.sync(folder, **options)  # type: ignore[arg-type]
        assert caught.value.path == str(folder / "sub" / "bad.py")
    assert link.up == 0
    device.sync(folder, minify=False)
    assert contents(device)["/a.py"].decode() == MODULE


def test_dry_run(device: belay.Device, link: CountingLink, tmp_path: Path) -> None:
    put(device, "/old.py")
    folder = make(tmp_path / "app", {"a/b.txt": "12345"})
    link.reset()
    done = device.sync(folder, dry_run=True)
    assert link.round_trips == 1
    assert done.lines() == ["+ /a/", "+ /a/b.txt  5 bytes", "- /old.py"]
    assert listed(device).files.keys() == {"/old.py"}


def test_too_big(connect: Connect, tmp_path: Path) -> None:
    device = connect("virtual:?flash=64K")
    old = make(tmp_path / "old", {"a.bin": os.urandom(40_000)})
    device.sync(old)
    before = contents(device)
    huge = make(tmp_path / "huge", {"a.bin": os.urandom(80_000)})
    with pytest.raises(belay.NoSpaceError, match="also without the files") as caught:
        device.sync(huge)
    assert 0 < caught.value.missing < 40_000
    new = make(tmp_path / "new", {"a.bin": os.urandom(50_000)})
    with pytest.raises(belay.NoSpaceError, match="in_place=True"):
        device.sync(new)
    with pytest.raises(belay.NoSpaceError, match="in_place=True"):
        device.sync(new, dry_run=True)
    assert contents(device) == before
    device.sync(new, in_place=True)
    assert contents(device) == {"/a.bin": (new / "a.bin").read_bytes()}


def test_a_flash_that_is_full_earlier_than_anyone_could_know(
    connect: Connect, tmp_path: Path
) -> None:
    # This board gives each file a block; littlefs would have room for these.
    device = connect("virtual:?flash=64K")
    old = make(tmp_path / "old", {"keep.txt": "old"})
    device.sync(old)
    many = make(tmp_path / "many", {f"f{number}.txt": f"{number}" * 20 for number in range(40)})
    make(many, {"keep.txt": "new"})
    with pytest.raises(belay.NoSpaceError, match=r"/f\d+\.txt"):
        device.sync(many)
    for path, data in contents(device).items():
        assert data in ((many / path[1:]).read_bytes(), b"old")
    device.sync(old)
    assert contents(device) == {"/keep.txt": b"old"}


def test_something_else_stands_there(device: belay.Device, tmp_path: Path) -> None:
    put(device, "/a", "/b/c.txt")
    folder = make(tmp_path / "app", {"a/x.txt": "x", "b": "b"})
    with pytest.raises(belay.SyncError, match="is to stay"):
        device.sync(folder, keep=["a"])
    assert listed(device).files.keys() == {"/a", "/b/c.txt"}
    device.sync(folder)
    assert contents(device) == {"/a/x.txt": b"x", "/b": b"b"}
    with pytest.raises(belay.SyncError, match="/b"):
        device.sync(folder, "/b")


def test_a_read_only_circuitpython_board(connect: Connect, tmp_path: Path) -> None:
    device = connect("virtual:?circuitpython=1")
    folder = make(tmp_path / "app", {"a.py": MODULE})
    assert device.sync(folder, dry_run=True).lines() == ["+ /a.py  31 bytes"]
    with pytest.raises(belay.ReadOnlyError, match="enable-write"):
        device.sync(folder)
    assert "/a.py" not in listed(device).files


def test_the_root_of_a_computer_is_not_a_boards(
    device: belay.Device, link: CountingLink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device.implementation, "platform", "linux")
    for options in ({}, {"dst": "/x/.."}, {"keep": True}, {"dry_run": True}):
        with pytest.raises(belay.SyncError, match="runs on a computer"):
            device.sync(tmp_path, **options)  # type: ignore[arg-type]
    assert link.up == 0
    device.sync(make(tmp_path / "app", {"a.txt": "a"}), "/x")
    assert "/x/a.txt" in listed(device).files


def test_a_board_whose_files_are_in_flash(
    device: belay.Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(device, "/flash/boot.py", "/flash/old.py")
    folder = make(tmp_path / "app", {"main.py": MODULE})
    manifest = BoardFiles.manifest

    def without_root(self: BoardFiles, root: str = "/", **options: Any) -> BoardManifest:
        found = manifest(self, root, **options)
        if root == "/":
            found.free = -1
        return found

    monkeypatch.setattr(BoardFiles, "manifest", without_root)
    with pytest.raises(belay.SyncError, match="dst='/flash'"):
        device.sync(folder)
    device.sync(folder, "/flash")
    assert contents(device) == {"/flash/boot.py": b"mine", "/flash/main.py": MODULE.encode()}


def test_not_in_a_batch(device: belay.Device, tmp_path: Path) -> None:
    with device.batch(), pytest.raises(belay.BatchError, match="before or after"):
        device.sync(tmp_path)


# -------------------------------------------------------------------------------- compiled


def test_compiled(device: belay.Device, tmp_path: Path) -> None:
    folder = make(tmp_path / "app", {"main.py": MODULE, "pkg/__init__.py": "", "pkg/m.py": MODULE})
    device.sync(folder)
    device.sync(folder, mpy_cross_binary=True)
    assert listed(device).files.keys() == {"/main.py", "/pkg/__init__.mpy", "/pkg/m.mpy"}
    assert device.sync(folder, mpy_cross_binary="mpy-cross").operations == ()
    device.soft_reset()
    device("import pkg.m")
    assert device("pkg.m.area(3, 4)") == 12
    # In `lib`, which is kept: the source that an earlier sync has put there would hide it.
    make(folder, {"lib/n.py": "x = 'source'"})
    device.sync(folder)
    (folder / "lib" / "n.py").write_text("x = 'compiled'")
    device.sync(folder, mpy_cross_binary=True)
    device.soft_reset()
    device("import n")
    assert device("n.x") == "compiled"


@pytest.mark.parametrize("compiled", [None, True])
def test_tracebacks_show_the_files_of_this_computer(
    device: belay.Device, tmp_path: Path, compiled: Any
) -> None:
    text = "# one\n\ndef fail():\n    'doc'\n    return 1 / 0  # here\n"
    folder = make(tmp_path / "app", {f"mod{compiled}.py": text})
    device.sync(folder, mpy_cross_binary=compiled)
    device(f"import mod{compiled}")
    with pytest.raises(belay.PyboardException) as caught:
        device(f"mod{compiled}.fail()")
    frame = caught.value.frames[-1]
    assert frame.filename == str(folder / f"mod{compiled}.py")
    assert (frame.line, frame.source) == (5, "return 1 / 0  # here")


# -------------------------------------------------------------------------------- trust_mtime


def test_trust_mtime(device: belay.Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[Any] = []
    digests = BoardFiles.digests

    def counted(self: BoardFiles, paths: Any) -> Any:
        hashed.append(paths)
        return digests(self, paths)

    monkeypatch.setattr(BoardFiles, "digests", counted)
    folder = make(tmp_path / "app", {"a.txt": "aaaa", "b.txt": "bbbb"})

    def written() -> list[str]:
        return [file.path for file in device.sync(folder, trust_mtime=True).written]

    assert written() == ["/a.txt", "/b.txt"]
    assert written() == []
    (folder / "a.txt").write_text("AAAA")
    assert written() == ["/a.txt"]
    assert hashed == []  # sizes and times said enough
    # Another program writes on the board.
    device("with open('/b.txt', 'w') as out: out.write('BBBBB')")
    assert written() == ["/b.txt"]
    # What this computer does not remember to have put there is hashed.
    for record in (tmp_path / "cache" / "manifests").iterdir():
        record.write_text("not json")
    assert written() == []
    assert hashed == [["/a.txt", "/b.txt"]]
    assert written() == []
    assert len(hashed) == 1


def test_trust_mtime_without_a_place_for_records(device: belay.Device, tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    folder = make(tmp_path / "app", {"a.txt": "aaaa"})
    device.sync(folder, trust_mtime=True)
    assert device.sync(folder, trust_mtime=True).operations == ()


# -------------------------------------------------------------------------------- reconnecting


@pytest.fixture
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "INTERVAL", 0.02)


@pytest.mark.usefixtures("_no_patience")
def test_a_link_that_ends_during_a_sync(connect: Connect, tmp_path: Path) -> None:
    links: list[FaultyLink] = []

    def opened() -> Transport:
        links.append(FaultyLink(open_transport("virtual:sync-cut")))
        return links[-1]

    folder = make(tmp_path / "app", {f"f{n}.bin": os.urandom(3000) for n in range(5)})
    for attempts in (0, 3):
        device = connect(opened, attempts=attempts)
        make(folder, {"new.bin": os.urandom(20_000)})
        links[-1].arm("up", links[-1].passed("up") + 9000, "cut")
        if not attempts:
            with pytest.raises(belay.ConnectionLost):
                device.sync(folder)
            device.close()
        else:
            device.sync(folder)
            expected = {f"/{path.name}": path.read_bytes() for path in folder.iterdir()}
            assert contents(device) == expected  # and no leftover
            assert len(links) == 3
            # Now it is among what is repeated on a board that is back: that did it, and it counts.
            make(folder, {"new.bin": os.urandom(20_000)})
            links[-1].arm("up", 9000, "cut")
            assert [file.path for file in device.sync(folder).written] == ["/new.bin"]
            assert len(links) == 4


@pytest.mark.usefixtures("_no_patience")
def test_a_board_that_comes_back_without_files_gets_them_again(
    connect: Connect, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    device = connect("virtual:")  # each connection is another board
    folder = make(tmp_path / "app", {"mod.py": MODULE})
    device.sync(folder)
    device.sync(folder, "/not", record=False)
    device("import mod")
    device.reconnect()
    assert listed(device).files.keys() == {"/mod.py"}
    assert device("mod.area(2, 3)") == 6
    # What is in the middle of an edit stops nothing.
    device("del mod")
    (folder / "mod.py").write_text("def (")
    make(tmp_path / "two", {"x.txt": "x"})
    device.sync(tmp_path / "two", "/two")
    device("import os")
    with pytest.raises(belay.ConnectionLost, match="could not be repeated"):
        device.reconnect()  # the import fails, which is told
    assert "could not be synced" in caplog.text


def test_threads_take_turns(device: belay.Device, tmp_path: Path) -> None:
    folders = [
        make(tmp_path / f"{n}", {f"f{k}.bin": os.urandom(9000) for k in range(3)}) for n in range(3)
    ]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda folder: device.sync(folder, "/same", keep=True), folders))
    assert contents(device, "/same") in [
        {f"/same/{path.name}": path.read_bytes() for path in folder.iterdir()} for folder in folders
    ]


def test_a_closed_device(connect: Connect, tmp_path: Path) -> None:
    device = connect()
    device.close()
    with pytest.raises(belay.DeviceClosedError):
        device.sync(tmp_path)


def test_a_mounted_folder_is_not_the_boards(connect: Connect, tmp_path: Path) -> None:
    device = connect()
    put(device, "/lib/old.py")
    mounted = make(tmp_path / "mounted", {"precious.txt": "p", "folder/too.txt": "t"})
    device.mount(mounted, "/remote", readonly=False)
    folder = make(tmp_path / "app", {"a.txt": "a"})
    device.sync(folder, keep=False)
    assert device.sync(folder, keep=False).operations == ()
    assert (mounted / "precious.txt").exists()
    assert (mounted / "folder" / "too.txt").exists()
    assert not (mounted / "a.txt").exists()
    assert listed(device).files.keys() == {"/a.txt"}


# -------------------------------------------------------------------------------- dependencies


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = "package_with_board_files"
    make(
        tmp_path / "site" / name,
        {
            "__init__.py": "",
            "deps/main/one.py": MODULE,
            "deps/main/sub/two.txt": "two",
            "deps/dev/one.py": "x = 1",
        },
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    yield name
    sys.modules.pop(name, None)


def test_dependencies(device: belay.Device, tmp_path: Path, package: str) -> None:
    put(device, "/lib/old.py", "/main.py")
    device.sync_dependencies(package, "deps/main")
    assert listed(device).files.keys() == {"/main.py", "/lib/one.py", "/lib/sub/two.txt"}
    module = __import__(package)
    done = device.sync_dependencies(module, "deps/main", "deps/dev", dst="/", keep=["main.py"])
    assert contents(device) == {"/main.py": b"mine", "/one.py": b"x=1", "/sub/two.txt": b"two"}
    assert done.kept == ("/main.py",)
    with pytest.raises(FileNotFoundError, match="no folder 'deps/none'"):
        device.sync_dependencies(package, "deps/none")
    with pytest.raises(ValueError, match="at least one folder"):
        device.sync_dependencies(package)
    assert len(contents(device)) == 3


def test_dependencies_of_a_package_in_an_archive(
    device: belay.Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "site.zip", "w") as archive:
        archive.writestr("zipped_board_files/__init__.py", "")
        archive.writestr("zipped_board_files/deps/a/b.txt", "b")
    monkeypatch.syspath_prepend(str(tmp_path / "site.zip"))
    device.sync_dependencies("zipped_board_files", "deps")
    assert contents(device) == {"/lib/a/b.txt": b"b"}
    sys.modules.pop("zipped_board_files", None)
