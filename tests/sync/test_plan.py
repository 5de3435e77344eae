# SPDX-License-Identifier: Apache-2.0
"""The plan of a sync, applied to a model of a board's file system."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from belay import errors
from belay.sync.ignore import keeping
from belay.sync.manifest import LEFTOVER, BoardFile, BoardManifest, WantedFile, digest
from belay.sync.plan import MakeFolder, Plan, Remove, RemoveFolder, Write, plan

BLOCK = 16


def taken(size: int) -> int:
    """Bytes that a file takes: as in littlefs, a very small one stands in its folder."""
    return size if size <= BLOCK // 8 else -(-size // BLOCK) * BLOCK


class Board:
    """A file system that refuses what a real one refuses.

    Args:
        files: path to contents.
        folders: without the root.
        size: in blocks.
        folds: whether it takes names that differ by case for one, as FAT does.
    """

    def __init__(
        self,
        files: dict[str, bytes],
        folders: Iterable[str] = (),
        *,
        size: int = 10_000,
        folds: bool = False,
    ) -> None:
        self.folds, self.size = folds, size * BLOCK
        self.files: dict[str, bytes] = {}
        self.folders = {"/"}
        for path in [*files, *folders]:
            parent = path if path in set(folders) else posixpath.dirname(path)
            while parent != "/":
                self.folders.add(parent)
                parent = posixpath.dirname(parent)
        self.files.update(files)
        assert not self.folders & self.files.keys()

    def name(self, path: str) -> str:
        """The name under which something stands there already, or the path itself."""
        if self.folds:
            for there in [*self.files, *self.folders]:
                if there.casefold() == path.casefold():
                    return there
        return path

    @property
    def free(self) -> int:
        used = sum(taken(len(data)) for data in self.files.values())
        return self.size - used - (len(self.folders) - 1) * BLOCK

    def apply(self, steps: Plan) -> None:
        for step in steps.operations:
            path = self.name(step.path)
            if isinstance(step, MakeFolder):
                assert path not in self.files
                assert self.name(posixpath.dirname(path)) in self.folders
                self.folders.add(path)
            elif isinstance(step, Write):
                self.write(step, path)
            elif isinstance(step, Remove):
                del self.files[path]
            else:
                assert not any(
                    posixpath.dirname(other) == path for other in [*self.files, *self.folders]
                ), f"{path} is not empty"
                self.folders.remove(path)
            assert self.free >= 0

    def write(self, step: Write, path: str) -> None:
        folder = self.name(posixpath.dirname(path))
        assert folder in self.folders
        assert path not in self.folders
        assert step.replaces == (path in self.files)
        self.files[f"{folder}/{LEFTOVER}"] = step.file.data  # a leftover has been removed before
        assert self.free >= 0, "old and new do not both fit"
        del self.files[f"{folder}/{LEFTOVER}"]
        self.files.pop(path, None)
        self.files[step.path] = step.file.data

    def manifest(self, root: str = "/", hash_name: str = "sha256", **more: Any) -> BoardManifest:
        inside = root.rstrip("/") + "/"
        return BoardManifest(
            root,
            {
                path: BoardFile(len(data), digest(data, hash_name))
                for path, data in self.files.items()
                if path.startswith(inside)
            },
            {path for path in self.folders if path == root or path.startswith(inside)},
            hash_name,
            BLOCK,
            self.free,
            **more,
        )


def wanted(files: dict[str, bytes]) -> list[WantedFile]:
    return [WantedFile(path, data, f"host{path}") for path, data in files.items()]


def planned(
    files: dict[str, bytes], board: Board, *, folders: Iterable[str] = (), **options: Any
) -> Plan:
    dst = options.setdefault("dst", "/")
    options.setdefault("keep", ())
    manifest = options.pop("manifest", None) or board.manifest(dst)
    return plan(wanted(files), folders, manifest, **options)


# -------------------------------------------------------------------------------- properties

NAMES = st.sampled_from(["a", "b.py", "b.mpy", "B.py", "lib", "Lib", "boot.py", "é 'q", LEFTOVER])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
DATA = st.binary(max_size=40)
KEEP = st.lists(
    st.sampled_from(["a", "lib", "boot.py", "lib/b.py", "*.py", "a/", "**/lib", "!b.py"]),
    max_size=2,
)


def as_tree(entries: list[tuple[str, bytes | None]]) -> tuple[dict[str, bytes], set[str]]:
    """Files and folders of which none stands where another one does."""
    files: dict[str, bytes] = {}
    folders: set[str] = set()
    for path, data in entries:
        parents = []
        parent = posixpath.dirname(path)
        while parent != "/":
            parents.append(parent)
            parent = posixpath.dirname(parent)
        if path in folders or path in files or any(each in files for each in parents):
            continue
        folders.update(parents)
        if data is None:
            folders.add(path)
        else:
            files[path] = data
    return files, folders


TREES = st.lists(st.tuples(PATHS, st.none() | DATA), max_size=9).map(as_tree)
HOST_TREES = TREES.filter(lambda tree: LEFTOVER not in str(tree))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(host=HOST_TREES, there=TREES, keep=KEEP, delete=st.booleans(), in_place=st.booleans())
def test_afterwards_the_board_has_what_is_wanted_and_what_is_kept(
    host: tuple[dict[str, bytes], set[str]],
    there: tuple[dict[str, bytes], set[str]],
    keep: list[str],
    delete: bool,
    in_place: bool,
) -> None:
    files, folders = host
    board = Board(*there)
    before = dict(board.files)
    leftovers = {path for path in before if path.endswith(f"/{LEFTOVER}")}
    try:
        steps = planned(files, board, folders=folders, keep=keep, delete=delete, in_place=in_place)
    except errors.SyncError as error:
        blocked = error.path
    else:
        blocked = ""
    if blocked:  # by something that is to stay
        assert blocked in before.keys() | board.folders
        return
    board.apply(steps)
    stays = keeping(keep)
    kept = {
        path: data
        for path, data in before.items()
        if path not in files and path not in leftovers and (not delete or stays(path.lstrip("/")))
    }
    assert board.files == files | kept
    assert set(steps.kept) == kept.keys()
    assert folders <= board.folders
    again = planned(files, board, folders=folders, keep=keep, delete=delete)
    assert again.operations == ()
    assert set(again.unchanged) == files.keys()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(host=HOST_TREES, there=TREES)
def test_a_file_system_that_folds_case_ends_with_what_is_wanted(
    host: tuple[dict[str, bytes], set[str]], there: tuple[dict[str, bytes], set[str]]
) -> None:
    files, folders = host
    for names in ({*files, *folders}, {*there[0], *there[1]}):
        assume(len({name.casefold() for name in names}) == len(names))
    board = Board(*there, folds=True)
    board.apply(planned(files, board, folders=folders))
    assert board.files == files
    assert planned(files, board, folders=folders).operations == ()


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(host=HOST_TREES, there=TREES, spare=st.integers(0, 4 * BLOCK), in_place=st.booleans())
def test_what_does_not_fit_is_said_before_anything_happens(
    host: tuple[dict[str, bytes], set[str]],
    there: tuple[dict[str, bytes], set[str]],
    spare: int,
    in_place: bool,
) -> None:
    files, folders = host
    board = Board(*there)
    board.size -= board.free - spare
    try:
        steps = planned(files, board, folders=folders, in_place=in_place)
    except errors.NoSpaceError as error:
        # With as much more as it says, it works.
        board.size += error.missing
        in_place = in_place or "in_place" not in str(error)
        steps = planned(files, board, folders=folders, in_place=in_place)
    board.apply(steps)  # which asserts that space is never exceeded
    assert board.files == files


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(host=HOST_TREES, there=TREES, stop=st.integers(0, 20))
def test_cut_anywhere_every_file_is_old_or_new_and_the_next_sync_completes(
    host: tuple[dict[str, bytes], set[str]], there: tuple[dict[str, bytes], set[str]], stop: int
) -> None:
    files, folders = host
    board = Board(*there)
    before = dict(board.files)
    steps = planned(files, board, folders=folders)
    board.apply(Plan(steps.operations[:stop]))
    for path, data in board.files.items():
        assert data in (before.get(path), files.get(path))
    folded = {path.casefold() for path in {*files, *folders}}
    for path in before.keys() & files.keys():
        assert path in board.files, "a file that is wanted was missing for a while"
    for path in before.keys() - files.keys():
        gone = path not in board.files and not path.endswith(f"/{LEFTOVER}")
        in_the_way = any(f"{path}/".casefold().startswith(f"{name}/") for name in folded)
        if gone and not in_the_way:
            assert files.keys() <= board.files.keys(), "deleted before the new was there"
    board.apply(planned(files, board, folders=folders))
    assert board.files == files


# -------------------------------------------------------------------------------- cases


def test_new_files_come_before_deletions_and_what_starts_by_itself_last() -> None:
    board = Board({"/old.py": b"old", "/.belay.part": b"x"})
    steps = planned(
        {"/main.py": b"m", "/z.py": b"z", "/app/__init__.py": b"", "/boot.py": b"b"},
        board,
        folders=["/app"],
    )
    assert [type(step).__name__ + " " + step.path for step in steps.operations] == [
        "Remove /.belay.part",
        "MakeFolder /app",
        "Write /app/__init__.py",
        "Write /z.py",
        "Write /boot.py",
        "Write /main.py",
        "Remove /old.py",
    ]
    assert steps.unknown == ("/old.py",)
    assert steps.size == 3
    assert steps.lines()[1:3] == ["+ /app/", "+ /app/__init__.py  0 bytes"]
    assert str(steps) == "4 to write, 1 to remove, 0 unchanged, 0 kept"


def test_a_folder_is_made_with_those_above_it() -> None:
    board = Board({})
    assert planned({"/x/y/a": b""}, board, dst="/x/y").operations[:2] == (
        MakeFolder("/x"),
        MakeFolder("/x/y"),
    )
    # One that is there, and empty, is not made again.
    assert planned({}, Board({}, ["/x/y"]), dst="/x/y").operations == ()


def test_a_plan_is_shown_without_all_that_is_in_the_files() -> None:
    steps = planned({"/a.bin": b"\1" * 50_000}, Board({}))
    assert repr(steps) == "<Plan: 1 to write, 0 to remove, 0 unchanged, 0 kept>"
    assert "<50000 bytes>" in repr(steps.operations)
    assert len(repr(steps.operations)) < 200


def test_names_give_no_orders_to_a_terminal() -> None:
    steps = planned({}, Board({"/\x1b[2Jé\n\x9b": b""}))
    assert steps.lines() == [r"- /\x1b[2Jé\n\x9b"]


def test_only_below_the_folder() -> None:
    board = Board({"/other.py": b"", "/app/old.py": b"", "/apple.py": b""})
    steps = planned({"/app/new.py": b""}, board, dst="/app")
    board.apply(steps)
    assert board.files.keys() == {"/other.py", "/apple.py", "/app/new.py"}


@pytest.mark.parametrize("hash_name", ["sha256", "crc32"])
def test_same_size_and_other_contents(hash_name: str) -> None:
    board = Board({"/a": b"12", "/b": b"34"})
    steps = planned({"/a": b"12", "/b": b"43"}, board, manifest=board.manifest("/", hash_name))
    assert steps.unchanged == ("/a",)
    assert [step.path for step in steps.operations] == ["/b"]


def test_a_hash_of_four_bytes_is_not_trusted_alone() -> None:
    board = Board({"/a": b"12"})
    manifest = board.manifest("/", "crc32")
    manifest.files["/a"] = manifest.files["/a"]._replace(size=3)
    assert planned({"/a": b"12"}, board, manifest=manifest).written


def test_an_unhashed_file_counts_as_another() -> None:
    board = Board({"/a": b"12"})
    manifest = board.manifest()
    manifest.files["/a"] = BoardFile(2)
    assert planned({"/a": b"12"}, board, manifest=manifest).written


def test_folders_go_deepest_first_and_stay_with_what_is_kept() -> None:
    board = Board({"/a/b/c/x": b"", "/k/l/keep": b"", "/k/m/y": b""})
    steps = planned({}, board, keep=["k/l/keep"])
    assert [step.path for step in steps.operations] == [
        "/a/b/c/x", "/k/m/y", "/a/b/c", "/a/b", "/k/m", "/a",
    ]  # fmt: skip
    assert steps.kept == ("/k/l/keep",)


def test_an_empty_folder_of_that_name_is_kept() -> None:
    assert planned({}, Board({}, ["/lib", "/data"]), keep=["lib"]).operations == (
        RemoveFolder("/data"),
    )


@pytest.mark.parametrize("keep", [["a.py", "lib"], ["*.py"]])
@pytest.mark.parametrize("delete", [True, False])
def test_what_is_compiled_is_not_hidden_by_its_source(keep: list[str], delete: bool) -> None:
    # A board imports a.py where there are both.
    board = Board({"/a.py": b"old", "/lib/b.py": b"mine"})
    files = [WantedFile("/a.mpy", b"M", "host/a.py")]
    steps = plan(files, [], board.manifest(), dst="/", keep=keep, delete=delete)
    board.apply(steps)
    assert board.files == {"/a.mpy": b"M", "/lib/b.py": b"mine"}
    assert isinstance(steps.operations[-1], Remove)
    # One that was compiled elsewhere has no such claim.
    board = Board({"/a.py": b"old"})
    files = [WantedFile("/a.mpy", b"M", "host/a.mpy")]
    steps = plan(files, [], board.manifest(), dst="/", keep=keep, delete=delete)
    assert [step.path for step in steps.operations] == ["/a.mpy"]


@pytest.mark.parametrize(
    ("there", "files", "folders"),
    [
        ({"/data": b""}, {"/data/x": b""}, ["/data"]),
        ({"/data/log": b""}, {"/data": b""}, []),
    ],
)
def test_something_of_another_kind(
    there: dict[str, bytes], files: dict[str, bytes], folders: list[str]
) -> None:
    board = Board(there)
    board.apply(planned(files, board, folders=folders))
    assert board.files == files
    for options in ({"keep": ["data"]}, {"delete": False}):
        with pytest.raises(errors.SyncError, match=r"/data is a .* that is to stay") as caught:
            planned(files, Board(there), folders=folders, **options)
        assert caught.value.path == "/data"


def test_another_file_system_keeps_what_is_not_known_there() -> None:
    board = Board({"/sd/photo": b"p", "/sd/a.py": b"1", "/rom/lib/x.py": b"", "/old": b""})
    manifest = board.manifest(mounts={"/sd", "/rom"})
    steps = planned({"/sd/a.py": b"2"}, board, manifest=manifest)
    board.apply(steps)
    assert board.files == {"/sd/photo": b"p", "/sd/a.py": b"2", "/rom/lib/x.py": b""}
    assert "/sd/photo" in steps.kept
    # Also one that is mounted deeper, and not listed.
    board = Board({"/lib/old.py": b"", "/a/b": b""}, ["/lib/deep"])
    for dst in ("/", "/lib"):
        manifest = board.manifest(dst, mounts={"/lib/deep"})
        steps = planned({}, board, dst=dst, manifest=manifest)
        assert {"/lib", "/lib/deep"}.isdisjoint(step.path for step in steps.operations)
    # Who names it means it.
    board = Board({"/sd/photo": b"p"})
    manifest = board.manifest("/sd", mounts={"/sd"})
    board.apply(planned({"/sd/a.py": b"2"}, board, dst="/sd", manifest=manifest))
    assert "/sd/photo" not in board.files


def test_a_leftover_goes_wherever_it_stands() -> None:
    board = Board({"/lib/.belay.part": b"", "/lib/deep/.belay.part": b"", "/lib/x": b""})
    steps = planned({}, board, keep=["lib"], delete=False)
    board.apply(steps)
    assert board.files == {"/lib/x": b""}
    assert steps.unknown == ()  # nobody need be asked


def test_two_files_for_one_place() -> None:
    files = [WantedFile("/a.mpy", b"1", "h/a.py"), WantedFile("/a.mpy", b"2", "h/a.mpy")]
    with pytest.raises(errors.SyncError, match=r"both h/a.py and h/a.mpy would become /a.mpy"):
        plan(files, [], Board({}).manifest(), dst="/", keep=())


def test_read_only() -> None:
    board = Board({"/a": b"1"})
    manifest = board.manifest(read_only=True)
    assert planned({"/a": b"1"}, board, manifest=manifest).operations == ()
    with pytest.raises(errors.ReadOnlyError, match="1 changes"):
        planned({"/a": b"2"}, board, manifest=manifest)


def test_too_big_says_by_how_much() -> None:
    board = Board({"/a": bytes(BLOCK * 4)}, size=6)
    with pytest.raises(errors.NoSpaceError, match="Nothing was changed") as caught:
        planned({"/a": bytes(BLOCK * 9)}, board)
    assert caught.value.missing == BLOCK * 3
    assert "in_place" not in str(caught.value)


def test_where_only_one_of_old_and_new_fits() -> None:
    old, new = b"o" * BLOCK * 4, b"n" * BLOCK * 5
    board = Board({"/a": old, "/gone": b"x" * BLOCK}, size=6)
    with pytest.raises(errors.NoSpaceError, match="in_place=True") as caught:
        planned({"/a": new}, board)
    assert caught.value.missing == BLOCK * 4
    board.apply(planned({"/a": new}, board, in_place=True))
    assert board.files == {"/a": new}


def test_in_place_is_as_safe_as_it_can_be() -> None:
    board = Board({"/a": b"a" * BLOCK * 3, "/b": b"b" * BLOCK}, size=5)
    steps = planned({"/a": b"A" * BLOCK, "/b": b"B" * BLOCK * 3}, board, in_place=True)
    # Nothing need be removed before.
    assert [type(step) for step in steps.operations] == [Write, Write]
    board.apply(steps)
    # First what becomes smaller, whatever its name; also where nothing at all is left over.
    board = Board({"/a": b"a" * BLOCK, "/b": b"b" * BLOCK * 3}, size=5)
    steps = planned({"/a": b"A" * BLOCK * 4, "/b": b"B" * BLOCK}, board, in_place=True)
    assert [step.path for step in steps.operations] == ["/b", "/a", "/a"]
    board.apply(steps)
    board = Board({"/a": b"a" * BLOCK, "/gone": b"x" * BLOCK}, size=3)
    steps = planned({"/a": b"A" * BLOCK * 2}, board, in_place=True)
    assert [type(step) for step in steps.operations] == [Remove, Write]
    board.apply(steps)
    # Where all fits, it changes nothing.
    board = Board({"/a": b"1", "/gone": b""})
    assert planned({"/a": b"2"}, board, in_place=True) == planned({"/a": b"2"}, board)


@pytest.mark.parametrize(
    ("block", "size", "counted"),
    [
        (4096, 0, 0), (4096, 1, 1), (4096, 512, 512), (4096, 513, 4096), (4096, 4097, 8192),
        (512, 64, 64), (512, 65, 512), (32768, 513, 32768), (1, 3, 3), (0, 3, 3),
    ],
)  # fmt: skip
def test_what_a_file_takes_at_least(block: int, size: int, counted: int) -> None:
    # Many small files fit into a flash that has fewer blocks: littlefs puts them into the folder.
    board = BoardManifest("/", {}, {"/"}, "sha256", block, 10 * counted)
    files = {f"/{number}": bytes(size) for number in range(10)}
    assert len(planned(files, Board({}), manifest=board).written) == 10
    if counted:
        board.free -= 1
        with pytest.raises(errors.NoSpaceError) as caught:
            planned(files, Board({}), manifest=board)
        assert caught.value.missing == 1


def test_unknown_space_is_not_judged() -> None:
    board = Board({})
    manifest = board.manifest()
    manifest.free = -1
    assert planned({"/a": bytes(10**6)}, board, manifest=manifest).size == 10**6


def test_digest_of_no_such_kind() -> None:
    with pytest.raises(ValueError, match="md5"):
        digest(b"", "md5")
