# SPDX-License-Identifier: Apache-2.0
"""A project and its packages: what each thing that can be done to them leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from belay.errors import (
    DownloadError,
    LockError,
    PackageError,
    PackageNotFoundError,
    ProjectError,
    ResolutionError,
    UnsafePathError,
)
from belay.packages.locking import Everything
from belay.packages.store import Store
from belay.packages.workspace import Workspace
from tests.packages.repositories import Repository
from tests.packages.test_archives import make_tar, make_zip
from tests.packages.worlds import PackageWorld

ONE = {"one/__init__.py": b"one = 1\n"}


@pytest.fixture
def indexed(world: PackageWorld) -> PackageWorld:
    """An index with ``one``, ``two`` that needs it, a dotted name, and an ``ntptime``."""
    world.index.add("one", "1.0", ONE)
    world.index.add("one", "1.1", {"one/__init__.py": b"one = 1.1\n"})
    world.index.add("two", "2.0", {"two/__init__.py": b"import one\n"}, deps=[("one", "1.0")])
    world.index.add("umqtt.simple", "1.4", {"umqtt/simple.py": b"s = 1\n"})
    world.index.add("ntptime", "0.1", {"ntptime.py": b"t = 1\n"})
    return world


def moved(done: object) -> list[str]:
    return list(map(str, done.moved))  # type: ignore[attr-defined]


# -------------------------------------------------------------------------------- add, remove


def test_add_and_remove(indexed: PackageWorld) -> None:
    before = indexed.snapshot()
    with indexed.open() as workspace:
        done = workspace.add("two", "*", "main")
    assert moved(done) == ["+ one 1.1", "+ two 2.0"]
    assert done.changes.added == ("main/one/__init__.py", "main/two/__init__.py")
    assert indexed.installed() == {
        "main/one/__init__.py": b"one = 1.1\n",
        "main/two/__init__.py": b"import one\n",
    }
    assert 'two = "*"' in indexed.requirements()
    assert indexed.locked("one").required_by == ("two",)
    assert indexed.locked("one").groups == ("main",)
    asked = len(indexed.server.asked)
    with indexed.open() as workspace:
        assert moved(workspace.remove(["two"])) == ["- one 1.1", "- two 2.0"]
    assert len(indexed.server.asked) == asked
    assert indexed.installed() == {}
    after = indexed.snapshot()
    assert after["pyproject.toml"] == before["pyproject.toml"] + b"\n[tool.belay.dependencies]\n"  # type: ignore[operator]
    assert indexed.lock().packages == ()


def test_what_another_still_needs_stays(indexed: PackageWorld) -> None:
    indexed.require('two = "*"\none = "*"\n[tool.belay.group.test.dependencies]\none = "*"')
    with indexed.open() as workspace:
        workspace.install()
        assert indexed.locked("one").groups == ("main", "test")
        assert moved(workspace.remove(["one"], "main")) == []
        assert indexed.locked("one").required_by == (".", "two")
        assert indexed.locked("one").groups == ("main", "test")
        assert moved(workspace.remove(["two"])) == ["- two 2.0"]
        assert indexed.locked("one").groups == ("test",)
        assert set(indexed.installed()) == {"test/one/__init__.py"}
        workspace.remove(["one"])
    assert indexed.snapshot()[".belay/dependencies"] is None


@pytest.mark.parametrize("offline", [False, True])
def test_remove_gives_what_a_new_lock_would(indexed: PackageWorld, offline: bool) -> None:
    indexed.require('two = "*"\none = "1.0"\nntptime = "*"')
    with indexed.open() as workspace:
        workspace.install()
    with indexed.open(offline=offline) as workspace:
        workspace.remove(["two"])
    other = indexed.new_project("other", indexed.requirements())
    with indexed.open(other) as workspace:
        workspace.relock()
    assert (other / "belay.lock").read_bytes() == (indexed.project / "belay.lock").read_bytes()


def test_remove_of_what_is_not_there(indexed: PackageWorld) -> None:
    indexed.require('one = "*"\n[tool.belay.group.test.dependencies]\nntptime = "*"')
    with indexed.open() as workspace:
        workspace.install()
        before = indexed.whole()
        with pytest.raises(PackageError, match=r"no 'on': did you mean 'one'\?"):
            workspace.remove(["one", "on"])
        with pytest.raises(PackageError, match=r"no 'one' in the group test"):
            workspace.remove(["one"], "test")
        assert indexed.whole() == before
        assert moved(workspace.remove(["one", "one"])) == ["- one 1.1"]


def test_remove_without_a_lock(indexed: PackageWorld) -> None:
    indexed.require('one = "*"\nntptime = "*"')
    with indexed.open() as workspace:
        workspace.remove(["one"])
    assert [each.name for each in indexed.lock().packages] == ["ntptime"]


def test_remove_of_one_of_two_that_differ(world: PackageWorld) -> None:
    """The same folder, afresh in one group and as it was in the other."""
    (world.folder / "x").mkdir()
    (world.folder / "x" / "a.py").write_text("a = 1\n")
    world.require(
        'x = { uri = "../x", develop = true }\n[tool.belay.group.test.dependencies]\nx = "../x"'
    )
    with world.open() as workspace:
        workspace.install()
        workspace.remove(["x"], "main")
    assert world.installed() == {"test/x/a.py": b"a = 1\n"}
    assert [file.dest for file in world.locked("x").files] == ["x/a.py"]


def test_add_of_what_is_there(indexed: PackageWorld) -> None:
    indexed.require('one = "*"')
    before = indexed.snapshot()
    with indexed.open() as workspace, pytest.raises(ProjectError, match="belay update one"):
        workspace.add("one", "*", "test")
    assert indexed.snapshot() == before


@pytest.mark.parametrize("group", ["../x", "a/b", "..", "con"])
def test_add_to_a_group_that_is_none(indexed: PackageWorld, group: str) -> None:
    before = indexed.snapshot()
    with indexed.open() as workspace, pytest.raises(PackageError):
        workspace.add("one", "*", group)
    assert indexed.snapshot() == before


# -------------------------------------------------------------------------------- every source


def sources(world: PackageWorld) -> dict[str, str]:
    """One of each kind, by name."""
    commit = world.host.repository.commit({"lib/h.py": "h = 1\n", "f/a.py": "a = 1\n"})
    world.host.publish(commit)
    other = Repository(world.folder / "other")
    other.commit({"g/__init__.py": "g = 1\n"})
    world.server.give("/u.py", b"u = 1\n")
    world.server.give("/z.zip", make_zip({"z-1/z.py": b"z = 1\n"}))
    world.server.give("/t.tar.gz", make_tar({"t-1/t.py": b"t = 1\n"}))
    package = {"urls": [["p/__init__.py", "p.py"]], "version": "3"}
    world.server.give("/p/package.json", package)
    world.server.give("/p/p.py", b"p = 1\n")
    (world.project / "l").mkdir()
    (world.project / "l" / "__init__.py").write_text("l = 1\n")
    (world.project / "m.py").write_text("m = 1\n")
    url = world.server.url
    return {
        "i": "*", "h": "github:o/r/lib/h.py@main", "f": "codeberg:o/r/f",
        "g": f"git+{other.url}#subdirectory=g", "u": f"{url}/u.py", "z": f"{url}/z.zip",
        "t": f"{url}/t.tar.gz", "p": f"{url}/p/package.json", "l": "./l", "m": "./m.py",
    }  # fmt: skip


INSTALLED = {
    "main/i.py": b"i = 1\n", "main/h/__init__.py": b"h = 1\n", "main/f/a.py": b"a = 1\n",
    "main/g/__init__.py": b"g = 1\n", "main/u/__init__.py": b"u = 1\n", "main/z/z.py": b"z = 1\n",
    "main/t/t.py": b"t = 1\n", "main/p/__init__.py": b"p = 1\n", "main/l/__init__.py": b"l = 1\n",
    "main/m/__init__.py": b"m = 1\n",
}  # fmt: skip


@pytest.fixture
def everything(world: PackageWorld) -> PackageWorld:
    """A project with a package of every kind of source, installed."""
    world.index.add("i", "1.0", {"i.py": b"i = 1\n"})
    wanted = sources(world)
    world.require("".join(f"{name} = {json.dumps(text)}\n" for name, text in wanted.items()))
    with world.open() as workspace:
        workspace.install()
    return world


def test_every_source(everything: PackageWorld) -> None:
    world = everything
    assert world.installed() == INSTALLED
    lock = (world.project / "belay.lock").read_bytes()
    with world.open(offline=True) as workspace:
        workspace.check()
        assert workspace.relock().moves == ()
        done = workspace.install(locked=True)
        assert not done.moved
        assert not done.changes
    with world.open() as workspace:
        assert workspace.fetch() == 0
    assert (world.project / "belay.lock").read_bytes() == lock


def test_one_after_the_other(world: PackageWorld) -> None:
    """The same lock, whether all is added at once or one by one, in whatever order."""
    world.index.add("i", "1.0", {"i.py": b"i = 1\n"})
    wanted = sources(world)
    with world.open() as workspace:
        for name, text in reversed(wanted.items()):
            workspace.add(name, text, "main")
    assert world.installed() == INSTALLED
    other = world.new_project("twin", world.requirements())
    (other / "l").mkdir()
    (other / "l" / "__init__.py").write_text("l = 1\n")
    (other / "m.py").write_text("m = 1\n")
    fresh = Store(world.folder / "second" / "packages")
    with world.open(other, store=fresh) as workspace:
        workspace.install()
    assert (other / "belay.lock").read_bytes() == (world.project / "belay.lock").read_bytes()
    assert world.installed(other) == INSTALLED


def change_all(world: PackageWorld) -> None:
    """Everything outside has something else now."""
    world.index.add("i", "1.1", {"i.py": b"i = 2\n"})
    world.host.publish(world.host.repository.commit({"lib/h.py": "h = 2\n", "f/a.py": "a = 2\n"}))
    other = Repository.__new__(Repository)
    other.folder = world.folder / "other"
    other.commit({"g/__init__.py": "g = 2\n"})
    world.server.give("/u.py", b"u = 2\n")
    world.server.give("/z.zip", make_zip({"z-1/z.py": b"z = 2\n"}))
    world.server.give("/t.tar.gz", make_tar({"t-1/t.py": b"t = 2\n"}))
    world.server.give("/p/p.py", b"p = 2\n")


def test_what_is_locked_stays_until_it_is_upgraded(everything: PackageWorld) -> None:
    """A branch its commit, a URL its bytes: whatever else is added."""
    world = everything
    before = {each.name: each for each in world.lock().packages}
    change_all(world)
    world.index.add("new", "1.0", {"new.py": b"new = 1\n"})
    with world.open() as workspace:
        assert moved(workspace.add("new", "*", "main")) == ["+ new 1.0"]
    assert {each.name: each for each in world.lock().packages if each.name != "new"} == before
    assert world.installed() == {**INSTALLED, "main/new.py": b"new = 1\n"}
    with world.open() as workspace:
        assert [each.name for each in workspace.update(["h", "u"]).moved] == ["h", "u"]
    assert world.installed()["main/h/__init__.py"] == b"h = 2\n"
    assert world.installed()["main/f/a.py"] == b"a = 1\n"
    with world.open() as workspace:
        done = workspace.relock(Everything())
    assert [each.name for each in done.moved] == ["f", "g", "i", "p", "t", "z"]
    assert world.installed()["main/f/a.py"] == b"a = 1\n"  # the lock alone was made anew
    with world.open() as workspace:
        workspace.install(locked=True)
    assert [data.decode()[-2] for name, data in world.installed().items()] == list("22221112222")


def test_what_is_locked_needs_no_server(everything: PackageWorld) -> None:
    """Where only something of the index is added, nobody else is asked."""
    world = everything
    for path in ("/u.py", "/z.zip", "/t.tar.gz"):
        world.server.give(path, b"", status=500)
    world.index.add("new", "1.0", {"new.py": b"new = 1\n"})
    asked = len(world.server.asked)
    with world.open() as workspace:
        workspace.add("new", "*", "main")
    paths = {each.path for each in world.server.asked[asked:]}
    assert not paths & {"/u.py", "/z.zip", "/t.tar.gz"}
    assert world.installed() == {**INSTALLED, "main/new.py": b"new = 1\n"}


def test_what_becomes_of_a_file_that_is_to_keep_its_name(world: PackageWorld) -> None:
    url = world.server.give("/u.py", b"u = 1\n")
    world.require(f'u = "{url}"')
    with world.open() as workspace:
        workspace.install()
    assert set(world.installed()) == {"main/u/__init__.py"}
    world.require(f'u = {{ uri = "{url}", rename_to_init = false }}')
    with world.open() as workspace:
        workspace.install()
    assert set(world.installed()) == {"main/u/u.py"}


def test_a_source_that_is_another_one_now(world: PackageWorld) -> None:
    first = world.host.repository.commit({"a.py": "a = 1\n"})
    world.host.repository.git("tag", "v1")
    second = world.host.repository.commit({"a.py": "a = 2\n"})
    world.host.publish(first, second)
    for ref, data in (("v1", b"a = 1\n"), ("main", b"a = 2\n"), (first, b"a = 1\n")):
        world.require(f'a = "github:o/r/a.py@{ref}"')
        with world.open() as workspace:
            workspace.install()
        assert world.installed() == {"main/a/__init__.py": data}
        assert world.locked("a").commit == (second if ref == "main" else first)


# -------------------------------------------------------------------------------- --offline


def test_offline(everything: PackageWorld) -> None:
    world = everything
    asked = len(world.server.asked)
    for name in world.project.iterdir():
        if name.name == ".belay":
            name.rename(world.folder / "away")
    with world.open(offline=True) as workspace:
        workspace.install(frozen=True)
        assert world.installed() == INSTALLED
        with pytest.raises(DownloadError, match="--offline"):
            workspace.add("v", world.server.url + "/v.py", "main")
    with world.open(offline=True) as workspace:
        workspace.remove(["h", "i"])
        assert workspace.update().moved == ()
        workspace.add("i", "*", "main")
    with world.open(offline=True) as workspace:
        workspace.add("h", "github:o/r/lib/h.py@main", "test")
    assert world.installed()["test/h/__init__.py"] == b"h = 1\n"
    assert len(world.server.asked) == asked


def test_offline_with_an_empty_store(everything: PackageWorld) -> None:
    world = everything
    before = world.snapshot()
    empty = Store(world.folder / "empty" / "packages")
    (world.project / ".belay" / "dependencies" / "main" / "i.py").write_text("mine\n")
    damaged = world.snapshot()
    with world.open(offline=True, store=empty) as workspace, pytest.raises(DownloadError):
        workspace.install(frozen=True)
    assert world.snapshot() == damaged
    with world.open(store=empty) as workspace:
        workspace.install(frozen=True)
    assert world.snapshot() == before


# -------------------------------------------------------------------------------- stale or not


def test_check(indexed: PackageWorld) -> None:
    with indexed.open() as workspace:
        with pytest.raises(LockError, match="missing"):
            workspace.check()
        with pytest.raises(LockError, match="missing"):
            workspace.install(locked=True)
        with pytest.raises(LockError, match="missing"):
            workspace.install(frozen=True)
        workspace.add("one", "==1.0", "main")
        workspace.check()
    indexed.require('one = "*"')
    before = indexed.whole()
    with indexed.open() as workspace:
        with pytest.raises(LockError, match="does not fit"):
            workspace.check()
        with pytest.raises(LockError, match="does not fit"):
            workspace.install(locked=True)
        with pytest.raises(LockError, match="does not fit"):
            workspace.fetch()
        assert workspace.fetch(frozen=True) == 0
        assert not workspace.install(frozen=True).moved
        assert indexed.whole() == before
        assert not workspace.install().moved  # 1.0 still fits
        workspace.check()
        assert moved(workspace.update()) == ["~ one 1.0 -> 1.1"]


def test_frozen_and_locked_write_no_lock(indexed: PackageWorld) -> None:
    """Not even one that says the same in other words."""
    indexed.require('one = "*"\nntptime = "*"')
    with indexed.open() as workspace:
        workspace.install()
    path = indexed.project / "belay.lock"
    head, *packages = path.read_text().split("\n[[packages]]\n")
    path.write_text("\n[[packages]]\n".join([head, *reversed(packages)]) + "# mine\n")
    before = indexed.snapshot()
    for options in ({"frozen": True}, {"locked": True}):
        with indexed.open() as workspace:
            workspace.install(**options)
        assert indexed.snapshot() == before
    with indexed.open() as workspace:
        workspace.install()
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))  # as git may have it
    before = indexed.snapshot()
    with indexed.open() as workspace:
        workspace.install()
        workspace.relock()
    assert indexed.snapshot() == before


def test_a_local_folder_that_has_changed(world: PackageWorld) -> None:
    shared = world.folder / "shared"
    (shared / "sub").mkdir(parents=True)
    (shared / "a.py").write_text("a = 1\n")
    world.require('shared = "../shared"')
    with world.open() as workspace:
        workspace.install()
    changes: list[Callable[[], object]] = [
        lambda: (shared / "a.py").write_text("a = 2\n"),
        lambda: (shared / "sub" / "b.py").write_text("b = 1\n"),
        lambda: (shared / "a.py").unlink(),
    ]
    for change in changes:
        change()
        with world.open() as workspace:
            with pytest.raises(LockError, match="shared has changed"):
                workspace.check()
            with pytest.raises(LockError, match="shared has changed"):
                workspace.install(locked=True)
            before = world.whole()
            workspace.install(frozen=True)
            assert world.whole() == before
            assert [each.name for each in workspace.install().moved] == ["shared"]
            workspace.check()
        there = {p.relative_to(shared).as_posix(): p.read_bytes() for p in shared.rglob("*.py")}
        assert world.installed() == {f"main/shared/{n}": data for n, data in there.items()}
    (shared / "sub" / "b.py").unlink()
    (shared / "sub").rmdir()
    shared.rmdir()  # what the lock names is in the store
    with world.open() as workspace:
        workspace.install(locked=True)
        with pytest.raises(ResolutionError, match="nothing is at"):
            workspace.update()
    assert world.installed() == {"main/shared/sub/b.py": b"b = 1\n"}


# -------------------------------------------------------------------------------- develop


def test_develop(world: PackageWorld) -> None:
    shared = world.folder / "shared"
    shared.mkdir()
    (shared / "a.py").write_text("a = 1\n")
    (world.folder / "d.py").write_text("d = 1\n")
    world.require(
        'shared = { uri = "../shared", develop = true }\n'
        'd = { uri = "../d.py", develop = true, rename_to_init = false }'
    )
    with world.open() as workspace:
        workspace.install()
    lock = (world.project / "belay.lock").read_bytes()
    assert world.locked("shared").files == ()
    assert world.locked("shared").version == ""
    assert b"a.py" not in lock
    (shared / "a.py").write_text("a = 2\n")
    (shared / "__pycache__").mkdir()
    (shared / "__pycache__" / "a.pyc").write_bytes(b"x")
    (shared / ".hidden").write_bytes(b"x")
    with world.open(offline=True) as workspace:
        workspace.check()
        done = workspace.install(frozen=True)
    assert done.changes.updated == ("main/shared/a.py",)
    assert world.installed() == {"main/shared/a.py": b"a = 2\n", "main/d/d.py": b"d = 1\n"}
    assert (world.project / "belay.lock").read_bytes() == lock
    (shared / "b.py").write_text("b = 1\n")
    with world.open() as workspace:
        assert workspace.clean() == ()
        assert workspace.install(locked=True).changes.added == ("main/shared/b.py",)
        assert not workspace.update().moved


def test_develop_that_comes_to_claim_what_another_has(indexed: PackageWorld) -> None:
    shared = indexed.folder / "shared"
    shared.mkdir()
    (shared / "x.py").write_text("x = 1\n")
    indexed.index.add("other", "1.0", {"shared/a.py": b"a = 1\n"})
    indexed.require('other = "*"\nshared = { uri = "../shared", develop = true }')
    with indexed.open() as workspace:
        workspace.install()
        before = indexed.whole()
        (shared / "A.py").write_text("a = 2\n")
        with pytest.raises(UnsafePathError, match="claim one place"):
            workspace.install()
        (shared / "A.py").rename(shared / "a.py")
        with pytest.raises(UnsafePathError, match="claim one place"):
            workspace.install(frozen=True)
    assert indexed.whole() == before


def test_develop_that_is_not_there_any_more(world: PackageWorld) -> None:
    (world.folder / "d.py").write_text("d = 1\n")
    world.require('d = { uri = "../d.py", develop = true }')
    with world.open() as workspace:
        workspace.install()
        before = world.whole()
        (world.folder / "d.py").unlink()
        with pytest.raises(PackageNotFoundError, match="nothing is at"):
            workspace.install(frozen=True)
    assert world.whole() == before


# ------------------------------------------------------------------------- shapes of projects


def test_a_package_of_parts(indexed: PackageWorld) -> None:
    url = indexed.server.give("/b.py", b"b = 1\n")
    (indexed.project / "a.py").write_text("a = 1\n")
    indexed.require(f'driver = [ {{ uri = "./a.py", rename_to_init = true }}, "{url}" ]\none = "*"')
    with indexed.open() as workspace:
        workspace.install()
        installed = {
            "main/driver/__init__.py": b"a = 1\n",
            "main/driver/b.py": b"b = 1\n",
            "main/one/__init__.py": b"one = 1.1\n",
        }
        assert indexed.installed() == installed
        (indexed.project / "a.py").write_text("a = 2\n")
        with pytest.raises(LockError, match="driver has changed"):
            workspace.check()
        (change,) = moved(workspace.update(["driver"]))
        assert change.startswith("~ driver ")
        assert indexed.installed()["main/driver/__init__.py"] == b"a = 2\n"
        workspace.remove(["driver"])
    assert set(indexed.installed()) == {"main/one/__init__.py"}


def test_groups(indexed: PackageWorld) -> None:
    indexed.require(
        'one = "*"\n[tool.belay.group.test]\noptional = true\n'
        '[tool.belay.group.test.dependencies]\ntwo = "*"\nntptime = "*"'
    )
    with indexed.open() as workspace:
        workspace.install()
    assert set(indexed.installed()) == {
        "main/one/__init__.py", "test/one/__init__.py", "test/two/__init__.py", "test/ntptime.py",
    }  # fmt: skip
    assert indexed.locked("two").groups == ("test",)


def test_mpy_version(indexed: PackageWorld) -> None:
    indexed.index.add("only", "1.0", {"only.py": b"o = 1\n"}, targets=["6"])
    (indexed.project / "m.py").write_text("m = 1\n")
    text = indexed.requirements() + 'mpy_version = "6"\n'
    dependencies = '\n[tool.belay.dependencies]\none = "*"\nonly = "*"\nm = "./m.py"\n'
    (indexed.project / "pyproject.toml").write_text(text + dependencies)
    with indexed.open() as workspace:
        workspace.install()
    assert indexed.installed() == {
        "main/one/__init__.mpy": b"M\x06one = 1.1\n",
        "main/only.mpy": b"M\x06o = 1\n",
        "main/m/__init__.py": b"m = 1\n",  # it has no other form
    }
    assert {file.target for file in indexed.locked("one").files} == {"py", "mpy6"}
    indexed.require('only = "*"')
    before = indexed.whole()
    with indexed.open() as workspace, pytest.raises(LockError, match="no files for py"):
        workspace.install()
    assert indexed.whole() == before


def test_pins_and_overrides(indexed: PackageWorld) -> None:
    for extra, version in (
        ("", "1.1"),
        ('pins = "strict"\n', "1.0"),
        ('overrides = { one = "==1.1" }\npins = "strict"\n', "1.1"),
    ):
        project = indexed.new_project(
            f"p{len(extra)}", indexed.requirements() + extra, 'two = "*"\n'
        )
        with indexed.open(project) as workspace:
            workspace.install()
        assert indexed.locked("one", project).version == version
        assert not indexed.open(project).relock().moves


def test_conflicts(indexed: PackageWorld) -> None:
    indexed.require('one = ">=1.1"\ntwo = "*"')
    path = indexed.project / "pyproject.toml"
    path.write_text(path.read_text().replace('name = "app"', 'name = "app"\npins = "strict"'))
    before = indexed.snapshot()
    with indexed.open() as workspace, pytest.raises(ResolutionError, match=r"two 2\.0") as caught:
        workspace.install()
    assert "one" in str(caught.value)
    assert indexed.snapshot() == before


def test_two_that_claim_one_place(indexed: PackageWorld) -> None:
    indexed.index.add("also", "1.0", {"ONE/__init__.py": b"x\n"})
    indexed.require('one = "*"')
    with indexed.open() as workspace:
        workspace.install()
        before = indexed.snapshot()
        asked = len(indexed.server.asked)
        with pytest.raises(UnsafePathError, match=r"also 1\.0 and one 1\.1 claim|one 1.1 and also"):
            workspace.add("also", "*", "test")
    assert not [a for a in indexed.server.asked[asked:] if "/file/" in a.path]
    assert indexed.snapshot() == before


# -------------------------------------------------------------------------------- update, clean


def test_update(indexed: PackageWorld) -> None:
    indexed.require('one = "1.0"\nntptime = "*"')
    with indexed.open() as workspace:
        workspace.install()
        before = indexed.whole()
        done = workspace.update()
        assert not done.moved
        assert [str(each) for each in done.moves] == ["= ntptime 0.1", "= one 1.0"]
        assert indexed.whole() == before
        with pytest.raises(PackageError, match=r"no 'nptime': did you mean 'ntptime'\?"):
            workspace.update(["nptime"])
    indexed.index.add("ntptime", "0.2", {"ntptime.py": b"t = 2\n", "extra.py": b"e = 1\n"})
    with indexed.open() as workspace:
        assert moved(workspace.update(["one"])) == []
        done = workspace.update(["ntptime"])
        assert moved(done) == ["~ ntptime 0.1 -> 0.2"]
        assert done.changes.added == ("main/extra.py",)
        assert done.changes.updated == ("main/ntptime.py",)


def test_an_index_that_has_other_bytes_for_a_version(indexed: PackageWorld) -> None:
    """Nobody sees the difference until the package is upgraded."""
    indexed.require('ntptime = "*"')
    with indexed.open() as workspace:
        workspace.install()
    lock = (indexed.project / "belay.lock").read_bytes()
    indexed.index.add("ntptime", "0.1", {"ntptime.py": b"evil = 1\n"})
    indexed.index.add("z", "1.0", {"z.py": b"z = 1\n"})
    with indexed.open(store=Store(indexed.folder / "new")) as workspace:
        workspace.install(locked=True)
    assert indexed.installed() == {"main/ntptime.py": b"t = 1\n"}
    assert (indexed.project / "belay.lock").read_bytes() == lock
    with indexed.open() as workspace:
        workspace.update(["ntptime"])
    assert indexed.installed() == {"main/ntptime.py": b"evil = 1\n"}


def test_clean(indexed: PackageWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    indexed.require('one = "*"\nntptime = "*"')
    with indexed.open() as workspace:
        workspace.install()
        folder = indexed.project / ".belay" / "dependencies"
        (folder / "main" / "empty" / "er").mkdir(parents=True)
        (folder / "main" / "mine.txt").write_text("mine")
        (folder / "old" / "one").mkdir(parents=True)
        (folder / "old" / "one" / "__init__.py").write_text("x")
        (folder / "main" / "ntptime.py").unlink()
        here = indexed.folder / "here"
        for name in ("main/empty/er", "old/one"):  # not those that happen to be here
            (here / name).mkdir(parents=True)
        monkeypatch.chdir(here)
        assert workspace.clean() == ("main/mine.txt", "old/one/__init__.py")
        assert workspace.clean() == ()
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert names == {"main", "main/one", "main/one/__init__.py"}
    assert (here / "main" / "empty" / "er").is_dir()
    assert (here / "old" / "one").is_dir()
    with indexed.open() as workspace:
        assert workspace.install().changes.added == ("main/ntptime.py",)


def test_clean_without_a_lock(world: PackageWorld) -> None:
    with world.open() as workspace, pytest.raises(LockError, match="missing"):
        workspace.clean()


def test_what_python_leaves_among_the_packages_goes(indexed: PackageWorld) -> None:
    indexed.require('one = "*"')
    with indexed.open() as workspace:
        workspace.install()
        cache = indexed.project / ".belay" / "dependencies" / "main" / "one" / "__pycache__"
        cache.mkdir()
        (cache / "x.pyc").write_bytes(b"x")
        workspace.install(frozen=True)
    assert not cache.exists()


def test_a_lock_that_cannot_be_read_is_made_anew(indexed: PackageWorld) -> None:
    indexed.require('one = "*"')
    lock = indexed.project / "belay.lock"
    for text in ("<<<<<<< ours\n", "lock-version = 99\n", "\0"):
        lock.write_text(text)
        with indexed.open() as workspace:
            with pytest.raises(LockError, match="Try"):
                workspace.install(frozen=True)
            with pytest.raises(LockError, match="Try"):
                workspace.install(locked=True)
            workspace.relock()
            workspace.check()


def test_a_pyproject_that_changes_meanwhile(indexed: PackageWorld) -> None:
    with indexed.open() as workspace:
        path = indexed.project / "pyproject.toml"
        path.write_text(path.read_text() + "# mine\n")
        before = indexed.snapshot()
        with pytest.raises(PackageError, match="changed meanwhile"):
            workspace.add("one", "*", "main")
    assert indexed.snapshot() == before


def test_what_another_process_has_done_meanwhile(indexed: PackageWorld) -> None:
    """Whoever comes later does not put back what was before."""
    indexed.require('one = "1.0"')
    with indexed.open() as workspace:
        workspace.install()

    def late(change: Callable[[Workspace], object], *, between: str) -> None:
        with indexed.open() as slow:
            real = getattr(slow, between)

            def other_first(*args: object, **options: object) -> object:
                found = real(*args, **options)
                if not done:
                    done.append(1)
                    with indexed.open() as quick:
                        quick.add("ntptime", "*", "main")
                return found

            done: list[int] = []
            setattr(slow, between, other_first)
            with pytest.raises(PackageError, match="changed meanwhile. Try again"):
                change(slow)
            assert done
        assert {each.name for each in indexed.lock().packages} == {"one", "ntptime"}
        assert "main/ntptime.py" in indexed.installed()
        with indexed.open() as workspace:
            workspace.check()
            workspace.remove(["ntptime"])

    late(lambda slow: slow.update(), between="_made")
    late(lambda slow: slow.relock(Everything()), between="_made")
    late(lambda slow: slow.add("two", "*", "main"), between="_made")
    late(lambda slow: slow.remove(["one"]), between="_previous")
    late(lambda slow: slow.install(), between="current")
    late(lambda slow: slow.install(frozen=True), between="current")
    late(lambda slow: slow.clean(), between="nearby")


def test_a_folder_inside_the_project_is_of_it(indexed: PackageWorld, tmp_path: Path) -> None:
    inner = indexed.project / "app" / "deep"
    inner.mkdir(parents=True)
    with indexed.open(inner) as workspace:
        workspace.add("one", "*", "main")
    assert set(indexed.installed()) == {"main/one/__init__.py"}
