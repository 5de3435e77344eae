# SPDX-License-Identifier: Apache-2.0
"""``belay export``: what it writes is what the real ``mip`` installs, and a board imports."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from belay.errors import LockError, PackageError
from belay.packages.export import dumped, package_json
from belay.source.mpy import Abi, MpyCross, find_mpy_cross
from tests.packages.repositories import Repository
from tests.packages.worlds import PackageWorld
from tests.virtual.test_mpremote import Remote, board_at, mpremote

__all__ = ["mpremote"]

ABI = Abi(774)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[str]:
    with board_at(tmp_path / "port") as port:
        yield port


@pytest.fixture
def project(world: PackageWorld, tmp_path: Path) -> PackageWorld:
    """A project with code of its own and a package of each kind that mip can have."""
    compiler = MpyCross(find_mpy_cross(True, ABI), ABI, tmp_path / "compiled")

    def compiled(dest: str, data: bytes) -> bytes:
        return compiler.compile(data, f"/lib/{dest}", dest)

    world.index.add("leaf", "1.0", {"leaf.py": b"who = 'leaf 1.0'\n"}, compiled=compiled)
    world.index.add(
        "tree", "1.0", {"tree/__init__.py": b"from leaf import who\n"},
        deps=[("leaf", "1.0")], compiled=compiled,
    )  # fmt: skip
    commit = world.host.repository.commit({"lib/h.py": "who = 'h'\n", "f/__init__.py": "who = 'f'"})
    world.host.publish(commit)
    world.server.give("/u.py", b"who = 'u'\n")
    (world.project / "l").mkdir()
    (world.project / "l" / "__init__.py").write_text("who = 'l'\n")
    (world.project / "app" / "deep").mkdir(parents=True)
    (world.project / "app" / "__init__.py").write_text("import tree, h, f, u, l\n")
    (world.project / "app" / "deep" / "data.txt").write_text("data")
    (world.project / "app" / "__pycache__").mkdir()
    (world.project / "app" / "__pycache__" / "x.pyc").write_bytes(b"x")
    world.require(
        f'tree = "*"\nh = "github:o/r/lib/h.py"\nf = "gitlab:o/r/f@main"\n'
        f'u = "{world.server.url}/u.py"\nl = {{ uri = "./l", develop = true }}\n'
        '[tool.belay.group.test.dependencies]\nleaf = ">=1"\n'
    )
    page = world.project / "pyproject.toml"
    page.write_text(page.read_text() + '\n[project]\nname = "app"\nversion = "2.5"\n')
    with world.open() as workspace:
        workspace.install()
    return world


def exported(world: PackageWorld) -> dict[str, Any]:
    with world.open(offline=True) as workspace:
        return package_json(workspace, workspace.check())


def test_what_is_in_it(project: PackageWorld) -> None:
    found = exported(project)
    commit = project.locked("h").commit
    url = project.server.url
    assert found == {
        "v": 1,
        "version": "2.5",
        "urls": [
            ["app/__init__.py", "app/__init__.py"],
            ["app/deep/data.txt", "app/deep/data.txt"],
            ["f/__init__.py", f"{url}/o/r/raw/{commit}/f/__init__.py"],
            ["h/__init__.py", f"{url}/o/r/raw/{commit}/lib/h.py"],
            ["l/__init__.py", "l/__init__.py"],
            ["u/__init__.py", f"{url}/u.py"],
        ],
        "deps": [["leaf", "1.0"], ["tree", "1.0"]],
    }
    text = dumped(found)
    assert json.loads(text) == found
    assert text.count("\n") == 16
    assert dumped(exported(project)) == text


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo terminal")
def test_mip_installs_it(
    project: PackageWorld, mpremote: list[str], port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.index.add("leaf", "1.1", {"leaf.py": b"who = 'leaf 1.1'\n"}, targets=["py"])
    at = "/published"
    project.server.give(f"{at}/package.json", dumped(exported(project)))
    for path, data in project.whole().items():
        project.server.give(f"{at}/{path}", data)
    remote = Remote(mpremote, port)
    url = f"{project.server.url}{at}/package.json"
    remote("mip", "install", "--index", project.index.url, url)
    said = remote(
        "exec", "import app; print(*[m.who for m in (app.tree, app.h, app.f, app.u, app.l)])"
    )
    assert said == "leaf 1.0 h f u l\n"
    assert remote("exec", "print(open('/lib/app/deep/data.txt').read())") == "data\n"
    # And Belay takes it as well.
    shutil.rmtree(project.project / "l")
    other = project.new_project("other", dependencies=f'app = "{url}"\n')
    with project.open(other) as workspace:
        workspace.install()
    installed = project.installed(other)
    assert installed["main/app/deep/data.txt"] == b"data"
    assert installed["main/leaf.py"] in (b"who = 'leaf 1.0'\n", b"who = 'leaf 1.1'\n")


@pytest.mark.parametrize(
    ("dependencies", "says"),
    [
        ('g = "git+{git}"', "g: mip cannot get git\\+file:"),
        ('z = "./z.zip"', "z: mip cannot get"),
        ('out = "../out"', "out: mip cannot get"),
    ],
)
def test_what_mip_cannot_get(world: PackageWorld, dependencies: str, says: str) -> None:
    from tests.packages.test_archives import make_zip

    repository = Repository(world.folder / "git")
    repository.commit({"a.py": "a = 1\n"})
    (world.project / "z.zip").write_bytes(make_zip({"z/a.py": b"a = 1\n"}))
    (world.folder / "out").mkdir()
    (world.folder / "out" / "a.py").write_text("a = 1\n")
    (world.project / "app").mkdir()
    (world.project / "app" / "a.py").write_text("a = 1\n")
    world.require(dependencies.format(git=repository.url))
    with world.open() as workspace:
        workspace.install()
    with pytest.raises(PackageError, match=says):
        exported(world)


def test_what_there_is_not(world: PackageWorld) -> None:
    with pytest.raises(LockError, match="missing"):
        exported(world)
    with world.open() as workspace:
        workspace.relock()
    with pytest.raises(PackageError, match="there is no folder"):
        exported(world)
    page = world.requirements().replace('name = "app"\n', "")
    (world.project / "pyproject.toml").write_text(page)
    with pytest.raises(PackageError, match="nothing to export"):
        exported(world)
