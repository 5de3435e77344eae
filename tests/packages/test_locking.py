# SPDX-License-Identifier: Apache-2.0
"""The lock that is made: always the same one, whoever makes it and however answers come."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from belay.packages import parallel
from belay.packages.download import Downloader
from belay.packages.locking import pruned
from belay.packages.model import RemoteFile
from belay.packages.store import Store
from tests.packages.worlds import PackageWorld

GOLDEN = Path(__file__).with_name("belay.lock.golden")

PORT = "127.0.0.1:PORT"
"""What stands in the golden for the server, whose port differs."""


@pytest.fixture
def large(world: PackageWorld) -> PackageWorld:
    """A project whose lock has a bit of everything."""
    for version in ("1.0", "1.1", "2.0"):
        data = {"a/__init__.py": f"a = {version}\n".encode(), "a/b.py": b"b = 1\n"}
        world.index.add("a", version, data, deps=[("c", "1.0")])
    world.index.add("c", "1.0", {"c.py": b"c = 1\n"}, deps=[("umqtt.simple", "*")])
    world.index.add("umqtt.simple", "1.4", {"umqtt/simple.py": b"s = 1\n"})
    world.index.add("only", "0.1", {"only.py": "o = 'ä'\n".encode()}, targets=["py"])
    world.server.give("/u.py", b"u = 1\n")
    world.server.give("/p/package.json", {"version": "3", "deps": [["c", "1.0"]], "urls": [
        ["p/__init__.py", "p.py"], ["p/x y.py", "x%20y.py"]]})  # fmt: skip
    world.server.give("/p/p.py", b"p = 1\n")
    world.server.give("/p/x%20y.py", b"x = 1\n")
    (world.project / "l").mkdir()
    (world.project / "l" / "z.py").write_bytes(b"z = 1\n")
    (world.project / "l" / "a.py").write_bytes(b"a = 1\n")
    (world.project / "d.py").write_bytes(b"d = 1\n")
    url = world.server.url
    world.require(
        f'a = "^1"\nu = "{url}/u.py"\np = "{url}/p/package.json"\nl = "./l"\n'
        'd = { uri = "./d.py", develop = true }\nparts = [ "./d.py", "./l/z.py" ]\n'
        "[tool.belay.group.test]\noptional = true\n[tool.belay.group.test.dependencies]\n"
        'c = "*"\nonly = "*"\n'
    )
    return world


def lock_of(world: PackageWorld, name: str, page: str = "") -> bytes:
    """The lock that a new folder and an empty store give."""
    project = world.new_project(name, page or world.requirements())
    shutil.copytree(world.project / "l", project / "l")
    shutil.copy(world.project / "d.py", project / "d.py")
    with world.open(project, store=Store(world.folder / f"store of {name}")) as workspace:
        workspace.relock()
    return (project / "belay.lock").read_bytes()


def test_golden(large: PackageWorld) -> None:
    """To make it anew: remove it, run this, look at it."""
    text = lock_of(large, "x").decode()
    host = large.server.url.removeprefix("http://")
    text = text.replace(host, PORT)
    head, found, rest = text.partition('requirements-hash = "')
    text = head + found + "sha256:HASH" + rest[71:]  # the port is in it
    if not GOLDEN.exists():
        GOLDEN.write_text(text, encoding="utf-8", newline="\n")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_the_order_of_requirements_does_not_matter(large: PackageWorld) -> None:
    page = large.requirements()
    head, groups = page.split("[tool.belay.dependencies]\n")
    main, test = groups.split("[tool.belay.group.test]\n")
    mixed = (
        f"{head}[tool.belay.group.test]\n"
        + test.replace('c = "*"\nonly = "*"\n', 'only = "*"\n# c\nc = "latest"\n')
        + "[tool.belay.dependencies]\n"
        + "\n".join(reversed(main.strip().split("\n")))
        + "\n"
    )
    assert mixed != page
    assert lock_of(large, "x", mixed) == lock_of(large, "y", page)


def test_the_order_of_answers_does_not_matter(
    large: PackageWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer waits for a moment of its own, and there are one, two or many at a time."""
    expected = lock_of(large, "x")
    real = Downloader.get

    for seed in range(6):
        rng = random.Random(seed)

        def get(self: Downloader, url: str, rng: random.Random = rng, **options: Any) -> bytes:
            data = real(self, url, **options)
            threading.Event().wait(rng.random() / 50)
            return data

        with monkeypatch.context() as patch:
            patch.setattr(Downloader, "get", get)
            patch.setattr(parallel, "_WORKERS", (1, 2, 16)[seed % 3])
            assert lock_of(large, f"x{seed}") == expected


def test_another_process_makes_the_same(large: PackageWorld) -> None:
    """With another hash seed, another home and another language."""
    expected = lock_of(large, "x")
    shutil.rmtree(large.folder / "x" / ".belay", ignore_errors=True)
    (large.folder / "x" / "belay.lock").unlink()
    environment = {
        **large.environment, "PYTHONHASHSEED": "4711", "HOME": str(large.folder),
        "LC_ALL": "C", "PYTHONUTF8": "0", "BELAY_CACHE_DIR": str(large.folder / "fresh"),
    }  # fmt: skip
    subprocess.run(
        [sys.executable, "-m", "belay", "lock"], cwd=large.folder / "x", env=environment, check=True
    )
    assert (large.folder / "x" / "belay.lock").read_bytes() == expected


REMOVED: list[Callable[[PackageWorld], list[str]]] = [
    lambda world: ["a"], lambda world: ["p"], lambda world: ["c", "only"], lambda world: ["l"],
    lambda world: ["d"], lambda world: ["parts", "a", "u"],
    lambda world: ["a", "p", "c", "only", "l", "d", "parts", "u"],
]  # fmt: skip


@pytest.mark.parametrize("names", REMOVED)
def test_what_is_left_is_what_would_be_made(
    names: Callable[[PackageWorld], list[str]], large: PackageWorld
) -> None:
    with large.open() as workspace:
        workspace.install()
    asked = len(large.server.asked)
    with large.open() as workspace:
        workspace.remove(names(large))
    if names(large) != ["d"]:  # which `parts` has, too, but not afresh
        assert len(large.server.asked) == asked
    assert (large.project / "belay.lock").read_bytes() == lock_of(large, "x")
    with large.open() as workspace:
        before = large.snapshot()
        workspace.install(locked=True)
        assert large.snapshot() == before


def test_what_is_left_fits_only_if_nothing_else_is_required(large: PackageWorld) -> None:
    with large.open() as workspace:
        workspace.install()
        lock, before = workspace.lock(), workspace.project
    large.require('a = "*"\nnew = "*"')
    with large.open() as workspace:
        assert pruned(lock, workspace.project, before) is None


def test_an_upgrade_of_one_leaves_the_others(large: PackageWorld) -> None:
    with large.open() as workspace:
        workspace.install()
    before = {each.name: each for each in large.lock().packages}
    large.index.add("a", "1.2", {"a/__init__.py": b"a = 1.2\n"}, deps=[("c", "1.0")])
    large.index.add("c", "1.1", {"c.py": b"c = 1.1\n"}, deps=[("umqtt.simple", "1.0")])
    large.server.give("/u.py", b"u = 2\n")
    with large.open() as workspace:
        workspace.relock(["a"])
    after = {each.name: each for each in large.lock().packages}
    assert {name for name in after if after[name] != before[name]} == {"a"}
    assert after["a"].version == "1.2"
    assert after["c"].version == "1.0"
    with large.open() as workspace:
        assert [move.name for move in workspace.relock(["c", "u"]).moved] == ["c", "u"]


def test_the_same_bytes_of_every_address(large: PackageWorld) -> None:
    """Each address of the lock gives what the lock says, on a computer that has nothing."""
    with large.open() as workspace:
        workspace.relock()
        sources = workspace.sources(workspace.project)
        files = [file for package in workspace.lock().packages for file in package.files]
        assert len(files) > 10
        for file in files:
            wanted = RemoteFile(file.dest, file.url, file.sha256, file.size, file.target)
            assert len(sources.read(wanted)) == file.size
