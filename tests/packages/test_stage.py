# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gc
import hashlib
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from belay.errors import IntegrityError, LockError, PackageError, UnsafePathError
from belay.packages import stage as stage_module
from belay.packages import writing
from belay.packages.model import Lock, LockedFile, LockedPackage
from belay.packages.stage import Changes, Rewrite, Stage, check_claims, planned, recover
from belay.packages.store import Store

Tree = dict[str, bytes]

PAGE = b"[tool.belay]\n"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "pyproject.toml").write_bytes(PAGE)
    return root


def tree(root: Path) -> Tree:
    """Everything below a folder; empty folders end with a slash."""
    return {
        path.relative_to(root).as_posix() + "/" * path.is_dir(): b""
        if path.is_dir()
        else path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() or not any(path.iterdir())
    }


def folder(root: Path) -> Path:
    return root / ".belay" / "dependencies"


OLD = {"main/a.py": b"old a", "main/gone/__init__.py": b"gone", "dev/t.py": b"t"}
NEW = {"main/a.py": b"new a", "main/b/__init__.py": b"b", "dev/t.py": b"t"}
REWRITES = [
    Rewrite("belay.lock", b"old lock", b"new lock"),
    Rewrite("pyproject.toml", PAGE, PAGE + b"# new\n"),
]


def install(root: Path, store: Store, files: Tree, rewrites: list[Rewrite]) -> Changes:
    with Stage(root, folder(root), store) as stage:
        for place, data in files.items():
            stage.put(place, data)
        return stage.commit(rewrites)


def with_old(root: Path) -> Path:
    for place, data in OLD.items():
        path = folder(root) / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root / "belay.lock").write_bytes(b"old lock")
    return root


def after(files: Tree, rewrites: list[Rewrite]) -> Tree:
    at = {f".belay/dependencies/{place}": data for place, data in files.items()}
    return {**at, **{name: new for name, _, new in rewrites}}


def test_packages_are_put_in_place(root: Path, store: Store) -> None:
    rewrites = [Rewrite("belay.lock", None, b"lock")]
    changes = install(root, store, NEW, rewrites)
    assert changes == Changes(added=tuple(sorted(NEW)))
    assert tree(root) == {"pyproject.toml": PAGE, **after(NEW, rewrites)}


def test_what_changes_is_said(root: Path, store: Store) -> None:
    with_old(root)
    (folder(root) / "foreign").mkdir()
    (folder(root) / "foreign" / "x.py").write_bytes(b"")
    changes = install(root, store, NEW, REWRITES)
    assert changes.added == ("main/b/__init__.py",)
    assert changes.updated == ("main/a.py",)
    assert changes.removed == ("foreign/x.py", "main/gone/__init__.py")
    assert tree(root) == after(NEW, REWRITES)


def test_what_is_there_already_is_not_touched(root: Path, store: Store) -> None:
    install(root, store, NEW, [])
    inode = folder(root).stat().st_ino
    assert not install(root, store, NEW, [Rewrite("belay.lock", None, b"lock")])
    assert folder(root).stat().st_ino == inode
    assert (root / "belay.lock").read_bytes() == b"lock"


def test_without_a_commit_nothing_happens(root: Path, store: Store) -> None:
    before = tree(root)
    with Stage(root, folder(root), store) as stage:
        stage.put("main/a.py", b"a")
        assert stage.changes().added == ("main/a.py",)
    assert tree(root) == before
    assert not (root / ".belay").exists()

    def fails() -> None:
        with Stage(root, folder(root), store) as stage:
            stage.put("main/a.py", b"a")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert tree(root) == before


def test_files_of_the_store(root: Path, store: Store) -> None:
    sha = store.put(b"a")
    with Stage(root, folder(root), store) as stage:
        stage.put_stored({"main/a.py": sha, "dev/a.py": sha})
        stage.commit()
    assert tree(folder(root)) == {"main/a.py": b"a", "dev/a.py": b"a"}
    store.path(sha).write_bytes(b"damaged")
    with Stage(root, folder(root), store) as stage, pytest.raises(IntegrityError, match="fetch"):
        stage.put_stored({"main/a.py": sha})
    assert tree(folder(root)) == {"main/a.py": b"a", "dev/a.py": b"a"}


def test_what_is_staged_is_verified(root: Path, store: Store) -> None:
    before = tree(with_old(root))
    with Stage(root, folder(root), store) as stage:
        stage.put("main/a.py", b"a")
        (folder(root).parent / ".dependencies.stage/new/main/a.py").write_bytes(b"other")
        with pytest.raises(IntegrityError, match=r"main/a\.py"):
            stage.commit()
    assert tree(root) == before


@pytest.mark.parametrize("place", ["../x.py", "main/../../x", "/x", "main\\x", "main/nul"])
def test_places_outside_are_refused(root: Path, store: Store, place: str) -> None:
    with Stage(root, folder(root), store) as stage, pytest.raises(UnsafePathError):
        stage.put(place, b"")


def test_an_edit_of_somebody_else_is_not_lost(root: Path, store: Store) -> None:
    before = tree(with_old(root))
    other = [Rewrite("pyproject.toml", b"as it was read", b"new")]
    with pytest.raises(PackageError, match="changed meanwhile"):
        install(root, store, NEW, other)
    assert tree(root) == before
    with pytest.raises(ValueError):
        install(root, store, NEW, [Rewrite("../x", None, b"")])


@pytest.mark.parametrize("path", [".", "..", "../other", "/", "a/../.."])
def test_folders_outside_the_project_are_refused(root: Path, store: Store, path: str) -> None:
    with pytest.raises(UnsafePathError, match="no folder in the project"):
        Stage(root, root / path, store)


def test_folders_that_hold_something_else_are_refused(root: Path, store: Store) -> None:
    (root / "src" / ".git").mkdir(parents=True)
    with pytest.raises(UnsafePathError, match=r"has a \.git"):
        Stage(root, root / "src", store)


@pytest.mark.skipif(os.name != "posix", reason="links need a privilege on Windows")
def test_links_that_leave_the_project_are_refused(root: Path, store: Store, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / ".belay").symlink_to(outside)
    with pytest.raises(UnsafePathError):
        Stage(root, folder(root), store)
    (root / ".belay").unlink()
    (root / ".belay").mkdir()
    folder(root).symlink_to(outside)
    with pytest.raises(UnsafePathError):
        Stage(root, folder(root), store)
    folder(root).unlink()
    (root / ".belay" / ".dependencies.stage").symlink_to(outside)
    with pytest.raises(UnsafePathError, match="is a link"):
        Stage(root, folder(root), store)
    assert list(outside.iterdir()) == []


def test_links_among_the_packages_are_replaced_and_not_followed(
    root: Path, store: Store, tmp_path: Path
) -> None:
    if os.name != "posix":
        pytest.skip("links need a privilege on Windows")
    outside = tmp_path / "outside.py"
    outside.write_bytes(b"new a")
    with_old(root)
    (folder(root) / "main/a.py").unlink()
    (folder(root) / "main/a.py").symlink_to(outside)
    assert "main/a.py" in install(root, store, NEW, []).updated
    assert not (folder(root) / "main/a.py").is_symlink()
    assert outside.read_bytes() == b"new a"


# ------------------------------------------------------------------- at any moment, all or nothing


def at_lines(stop: Callable[[int], None]) -> Any:
    """A tracer that calls at each line of the two modules that change the project."""
    modules = {stage_module.__file__, writing.__file__}
    count = 0

    def local(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        if event == "line":
            count += 1
            stop(count)
        return local

    def tracer(frame: FrameType, event: str, _: object) -> Any:
        return local if frame.f_code.co_filename in modules else None

    return tracer


def traced(stop: Callable[[int], None], act: Callable[[], object]) -> None:
    before = sys.gettrace()
    sys.settrace(at_lines(stop))
    try:
        act()
    finally:
        sys.settrace(before)


@pytest.fixture(params=["over what was there", "for the first time"])
def start(request: pytest.FixtureRequest, root: Path) -> tuple[Tree, Tree, list[Rewrite]]:
    rewrites = list(REWRITES)
    if request.param == "for the first time":
        rewrites[0] = Rewrite("belay.lock", None, b"new lock")
    else:
        with_old(root)
    return tree(root), after(NEW, rewrites), rewrites


@pytest.fixture
def half_open() -> Iterator[None]:
    """An interrupt may come between opening a file and whoever closes it: that is no news here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@pytest.mark.usefixtures("half_open")
def test_ctrl_c_at_any_line(
    root: Path, tmp_path: Path, start: tuple[Tree, Tree, list[Rewrite]]
) -> None:
    """It leaves all as it was, or all done; and where it was undone, nothing else is left."""
    old, new, rewrites = start
    copy = tmp_path / "copy" / "project"
    undone = done = 0
    for wanted in range(1, 2000):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(root, copy)

        def stop(line: int, wanted: int = wanted) -> None:
            if line == wanted:
                raise KeyboardInterrupt

        try:
            # A store for each: the lock of one that was interrupted ends with its process.
            own = Store(tmp_path / "stores" / str(wanted))
            traced(stop, lambda own=own: install(copy, own, NEW, rewrites))
        except KeyboardInterrupt:
            found = {k: v for k, v in tree(copy).items() if ".dependencies.stage/" not in k}
            found.pop(".belay/", None)
            assert {k: v for k, v in found.items() if not k.endswith(".part")} in (old, new), wanted
            recover(copy, folder(copy))
            (found := tree(copy)).pop(".belay/", None)
            assert found in (old, new), wanted
            undone, done = undone + (found == old), done + (found == new)
        else:
            break
    assert tree(copy) == new
    assert undone > 50
    assert done > 0


def test_power_cuts_at_any_line(
    root: Path, store: Store, tmp_path: Path, start: tuple[Tree, Tree, list[Rewrite]]
) -> None:
    """The disk as it is before each line: whoever comes next finds all as it was, or all done."""
    old, new, rewrites = start
    cuts: list[Path] = []
    last: Tree = {}

    def keep(line: int) -> None:
        nonlocal last
        now = tree(root)
        if now != last:
            last = now
            cuts.append(tmp_path / f"cut{line}" / "project")
            shutil.copytree(root, cuts[-1])

    traced(keep, lambda: install(root, store, NEW, rewrites))
    assert len(cuts) > 8
    found = []
    for cut in cuts:
        recover(cut, folder(cut))
        assert not recover(cut, folder(cut))
        (each := tree(cut)).pop(".belay/", None)
        assert each in (old, new), cut
        found.append(each == new)
    assert found == sorted(found)
    assert found[-1]


def test_power_cuts_while_undoing(root: Path, store: Store, tmp_path: Path) -> None:
    """A swap is undone in steps that may be interrupted again."""
    old = tree(with_old(root))
    stage = folder(root).parent / ".dependencies.stage"

    def interrupt(line: int) -> None:
        if (root / "belay.lock").read_bytes() == b"new lock" and not copies:
            copies.append(Path(shutil.copytree(root, tmp_path / "half" / "project")))

    copies: list[Path] = []
    traced(interrupt, lambda: install(root, store, NEW, REWRITES))
    half = copies[0]
    assert (half / stage.relative_to(root) / "old").is_dir()
    cuts: list[Path] = []

    def keep(line: int) -> None:
        cuts.append(Path(shutil.copytree(half, tmp_path / f"cut{line}" / "project")))

    traced(keep, lambda: recover(half, folder(half)))
    for cut in [*cuts, half]:
        recover(cut, folder(cut))
        assert tree(cut) == old


@pytest.mark.parametrize("function", ["rename", "unlink", "replace", "fsync", "chmod"])
def test_a_disk_that_fails(
    root: Path, store: Store, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    before = tree(with_old(root))
    real = getattr(os, function)
    for failing in range(20):
        count = 0

        def fails(*args: Any, failing: int = failing, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == failing + 1:
                raise OSError(28, "No space left on device")
            return real(*args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(os, function, fails)
            try:
                install(root, store, NEW, REWRITES)
            except PackageError:
                assert count > failing
            else:
                if count <= failing:
                    break
        recover(root, folder(root))
        if tree(root) == after(NEW, REWRITES):
            shutil.rmtree(root / ".belay")
            (root / "pyproject.toml").write_bytes(PAGE)
            with_old(root)
        assert tree(root) == before
    assert tree(root) == after(NEW, REWRITES)


@pytest.mark.parametrize(
    "journal",
    [
        "",
        "[]",
        '{"folder": true}',
        '{"folder": true, "had_folder": true, "rewrites": [["belay.lock", 1, 2]]}',
    ],
)
def test_a_journal_that_is_not_ours(root: Path, journal: str) -> None:
    stage = folder(root).parent / ".dependencies.stage"
    stage.mkdir(parents=True)
    (stage / "journal").write_text(journal, encoding="utf-8")
    with pytest.raises(PackageError, match="Remove"):
        recover(root, folder(root))


def test_a_journal_changes_no_other_file(root: Path, tmp_path: Path) -> None:
    stage = folder(root).parent / ".dependencies.stage"
    stage.mkdir(parents=True)
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")
    (stage / "journal").write_text(
        '{"folder": false, "had_folder": true, "rewrites": [["../secret", null, "eA=="]]}',
        encoding="utf-8",
    )
    assert recover(root, folder(root))
    assert secret.read_bytes() == b"x"


# ------------------------------------------------------------------------------------------ claims


def package(
    name: str, *files: tuple[str, str], groups: tuple[str, ...] = ("main",)
) -> LockedPackage:
    made = [
        LockedFile(dest, target, hashlib.sha256(f"{name}{dest}".encode()).hexdigest(), 1, "u")
        for dest, target in files
    ]
    return LockedPackage(name, "1", "s", groups=groups, files=tuple(made))


def test_what_a_lock_puts_where() -> None:
    both = package("a", ("a.py", "py"), ("a.mpy", "mpy6"), groups=("main", "dev"))
    source = package("b", ("b/__init__.py", "py"))
    lock = Lock("", (both, source, package("empty")))
    shas = {file.dest: file.sha256 for each in lock.packages for file in each.files}
    b = {"main/b/__init__.py": shas["b/__init__.py"]}
    assert planned(lock, "py") == {"main/a.py": shas["a.py"], "dev/a.py": shas["a.py"], **b}
    assert planned(lock, "mpy6") == {"main/a.mpy": shas["a.mpy"], "dev/a.mpy": shas["a.mpy"], **b}
    with pytest.raises(LockError, match="c 1 has no files for mpy5"):
        planned(Lock("", (package("c", ("c.mpy", "mpy6")),)), "mpy5")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x.py", "x.py"),
        ("x.py", "X.py"),
        ("é.py", "e\u0301.py"),
        ("x", "x/y.py"),
        ("X/y.py", "x"),
    ],
)
def test_two_packages_that_claim_one_destination(one: str, other: str) -> None:
    for groups in (("main",), ("dev",)):
        lock = Lock("", (package("a", (one, "py")), package("b", (other, "py"), groups=groups)))
        with pytest.raises(UnsafePathError, match="claim one place") as caught:
            planned(lock, "py")
        assert "a 1" in str(caught.value)
        assert "b 1" in str(caught.value)


def test_packages_may_share_folders() -> None:
    check_claims([("a", ["umqtt/simple.py"]), ("b", ["umqtt/robust.py", "umqtt/x/y.py"])])
    with pytest.raises(UnsafePathError, match="'Z' and 'z'"):
        check_claims([("a", ["Z", "z"])])
    with pytest.raises(UnsafePathError, match="'..'"):
        check_claims([("a", ["../x"])])
