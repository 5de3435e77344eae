# SPDX-License-Identifier: Apache-2.0
"""All sources together, and what was found had again by the addresses of the lock alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from belay.errors import IntegrityError, PackageError, PackageNotFoundError, UnsafePathError
from belay.packages.download import Downloader
from belay.packages.model import BundleSource, Candidate, RemoteFile, Requirement
from belay.packages.resolver import Provider, resolve
from belay.packages.sources.bundle import Bundles
from belay.packages.sources.githosts import GitHosts
from belay.packages.sources.provider import Sources
from belay.packages.sources.spec import inferred_name, parse_source
from tests.packages.repositories import HostSite
from tests.packages.server import IndexSite, Server
from tests.packages.test_archives import make_tar, make_zip


class World:
    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.project = folder / "project"
        self.project.mkdir()
        self.index = IndexSite(server)
        self.host = HostSite(server, folder / "repository")
        self.downloader = Downloader(pause=lambda seconds: None)
        self.sources = self.new()

    def new(self, **options: Any) -> Sources:
        hosts = GitHosts(self.downloader, self.host.hosts)
        return Sources(
            self.downloader,
            indices=[self.index.url],
            targets=["py", "mpy6"],
            project=self.project,
            git_folder=self.folder / "cache",
            hosts=hosts,
            bundles=Bundles(self.downloader, hosts, self.server.url + "/{where}/{tag}"),
            **options,
        )

    def find(self, text: str, name: str = "") -> Candidate:
        source = parse_source(text)
        name = name or inferred_name(source)
        (version,) = self.sources.versions(name, source)
        return self.sources.candidate(name, version, source)

    def contents(self, candidate: Candidate) -> dict[str, bytes]:
        """By destination; read twice, the second time as from a lock on another computer."""
        files = {file.dest: self.sources.read(file) for file in candidate.files}
        again = self.new()
        for file in candidate.files:
            whole = hashlib.sha256(files[file.dest]).hexdigest()
            locked = RemoteFile(file.dest, file.url, whole, len(files[file.dest]))
            assert again.read(locked) == files[file.dest]
            with pytest.raises(IntegrityError):
                again.read(RemoteFile(file.dest, file.url, "0" * 64, len(files[file.dest])))
        return files


@pytest.fixture
def world(server: Server, tmp_path: Path) -> World:
    return World(server, tmp_path)


PACKAGE = {
    "version": "1.2",
    "urls": [["pkg/__init__.py", "src/pkg.py"], ["pkg/b.py", "github:o/r/src/b.py"]],
    "deps": [["ssl", "0.1"]],
}
TREE: dict[str, bytes | str] = {
    "package.json": json.dumps(PACKAGE),
    "src/pkg.py": "p = 1\n",
    "src/b.py": "b = 1\n",
    "lib/sub/c.py": "c = 1\n",
    "lib/d.bin": b"\x00\xff",
}


def test_a_package_of_a_host(world: World) -> None:
    commit = world.host.repository.commit(TREE)
    world.host.publish(commit)
    for text in ("github:o/r", "github:o/r@main", "github:o/r/package.json", "gitlab:o/r"):
        found = world.find(text, "pkg")
        assert found.version == "1.2"
        assert getattr(found.source, "ref", "") == commit
        assert found.requires == (Requirement("ssl", constraint="0.1", origin="pkg 1.2"),)
        assert all(commit in file.url for file in found.files)
    assert world.contents(found) == {"pkg/__init__.py": b"p = 1\n", "pkg/b.py": b"b = 1\n"}


def test_files_and_folders_of_a_host(world: World) -> None:
    commit = world.host.repository.commit(TREE)
    world.host.publish(commit)
    alone = world.find("github:o/r/src/pkg.py@main", "my_pkg")
    assert world.contents(alone) == {"my_pkg/__init__.py": b"p = 1\n"}
    assert alone.version == commit
    folder = world.find("codeberg:o/r/lib")
    assert world.contents(folder) == {"lib/sub/c.py": b"c = 1\n", "lib/d.bin": b"\x00\xff"}
    with pytest.raises(PackageNotFoundError):
        world.find("github:o/r/none.py")
    text = parse_source("github:o/r/src/pkg.py").text
    keeps = world.new(keeps_name={("my_pkg", text)})
    kept = keeps.candidate("my_pkg", "", parse_source(text))
    assert [file.dest for file in kept.files] == ["my_pkg/pkg.py"]


def test_git(world: World) -> None:
    commit = world.host.repository.commit(TREE)
    url = f"git+{world.host.repository.url}"
    folder = world.find(f"{url}@main#subdirectory=lib", "c")
    assert world.contents(folder) == {"c/sub/c.py": b"c = 1\n", "c/d.bin": b"\x00\xff"}
    assert folder.version == commit
    alone = world.find(f"{url}#subdirectory=src/b.py", "b")
    assert world.contents(alone) == {"b/__init__.py": b"b = 1\n"}
    world.host.publish(commit)
    whole = world.find(url, "pkg")
    assert world.contents(whole) == {"pkg/__init__.py": b"p = 1\n", "pkg/b.py": b"b = 1\n"}


@pytest.mark.parametrize("make", [make_zip, make_tar], ids=["zip", "tar.gz"])
def test_archives(world: World, make: Callable[[dict[str, bytes]], bytes]) -> None:
    data = make({"a-1/a.py": b"a = 1\n", "a-1/in/b c.py": b"b = 1\n"})
    name = "/a.zip" if make is make_zip else "/a.tar.gz"
    url = world.server.give(name, data)
    assert world.contents(world.find(url, "x")) == {"x/a.py": b"a = 1\n", "x/in/b c.py": b"b = 1\n"}
    assert world.contents(world.find(f"{url}#subdirectory=in", "x")) == {"x/b c.py": b"b = 1\n"}
    (world.project / name[1:]).write_bytes(data)
    assert set(world.contents(world.find(name[1:], "x"))) == {"x/a.py", "x/in/b c.py"}
    packed = {"urls": [["a.py", "src/a.py"]]}
    data = make({"package.json": json.dumps(packed).encode(), "src/a.py": b"1\n"})
    assert world.contents(world.find(world.server.give("/p" + name[1:], data), "p")) == {
        "a.py": b"1\n"
    }


def test_the_web(world: World) -> None:
    world.server.give("/d/a.py", b"a = 1\n", faults=[500, "cut"])
    assert world.contents(world.find(world.server.url + "/d/a.py")) == {"a/__init__.py": b"a = 1\n"}
    url = world.server.give("/d/package.json", {"urls": [["x/a.py", "a.py"]], "version": "3"})
    assert world.contents(world.find(url)) == {"x/a.py": b"a = 1\n"}


def test_paths(world: World) -> None:
    for name, data in TREE.items():
        path = world.project / "my lib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    found = world.find("my lib", "x")
    assert set(world.contents(found)) == {f"x/{name}" for name in TREE}
    assert str(world.project) not in repr(found)  # the lock is the same on every computer
    alone = world.find("my lib/src/b.py")
    assert world.contents(alone) == {"b/__init__.py": b"b = 1\n"}
    before = alone.version
    (world.project / "my lib/src/b.py").write_text("b = 2\n")
    world.sources = world.new()
    assert world.find("my lib/src/b.py").version != before
    assert world.contents(world.find(str(world.project / "my lib/lib"), "y"))["y/d.bin"]


def test_the_index(world: World) -> None:
    world.index.add("umqtt.simple", "1.0", {"umqtt/simple.py": b"1\n"})
    source = world.sources.locate("umqtt.simple")
    world.sources.prefetch([("umqtt.simple", None), ("none", None), ("x", parse_source("none"))])
    found = world.sources.candidate("umqtt.simple", "1.0", source)
    assert set(world.contents(found)) == {"umqtt/simple.py", "umqtt/simple.mpy"}


def test_bundles(world: World) -> None:
    manifest = {
        "neopixel": {"version": "6.3", "path": "lib/neopixel", "dependencies": ["pixelbuf"]},
        "pixelbuf": {"version": "2.0", "path": "lib/pixelbuf", "package": True},
        "none": {"version": "1", "path": "lib/none"},
        "bad": {"version": 1},
    }
    top = "adafruit-bundle-py-20261101/lib/"
    files = {"neopixel.py": b"n\n", "pixelbuf/__init__.py": b"p\n", "pixelbuf2.py": b""}
    at = "/adafruit/Adafruit_Bundle/20261101/adafruit-bundle-"
    archive = f"{at}py-20261101.zip"
    manifest_url = world.server.give(f"{at}20261101.json", manifest)
    world.server.give(archive, make_zip({top + n: d for n, d in files.items()}))
    url = "bundle:adafruit/Adafruit_Bundle@20261101#"
    world.sources.prefetch([(name, parse_source(url + name)) for name in manifest])
    assert world.server.times(archive) == 1  # for all of them, however many ask at once
    found = world.find(f"{url}neopixel")
    assert found.version == "6.3"
    assert world.contents(found) == {"neopixel.py": b"n\n"}
    (need,) = found.requires
    assert need.source == BundleSource("adafruit/Adafruit_Bundle@20261101", "pixelbuf")
    assert need.source is not None
    assert world.contents(world.find(need.source.text)) == {"pixelbuf/__init__.py": b"p\n"}
    assert world.find(f"bundle:{manifest_url}#pixelbuf").version == "2.0"
    for name in ("none", "bad", "other"):
        with pytest.raises(PackageError, match=name):
            world.find(f"bundle:{manifest_url}#{name}")


@pytest.mark.parametrize(
    ("url", "error"),
    [("../../etc/passwd", UnsafePathError), ("/etc/passwd", UnsafePathError),
     ("file:///etc/passwd", PackageError), ("a\\..\\b", UnsafePathError),
     ("git+file:///x", PackageError), ("ext::sh", PackageError), ("C:/x", PackageError),
     ("link.py", UnsafePathError)],
)  # fmt: skip
def test_packages_that_reach_for_more(world: World, url: str, error: type[Exception]) -> None:
    folder = world.project / "lib"
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps({"urls": [["a.py", url]]}))
    (folder / "link.py").symlink_to("/etc/passwd")
    with pytest.raises(error):
        world.find("lib/package.json", "x")
    if url == "link.py":
        return
    data = {"package.json": (folder / "package.json").read_bytes()}
    with pytest.raises(error):
        world.find(world.server.give("/a.zip", make_zip(data)), "x")
    world.host.publish(world.host.repository.commit(data))
    with pytest.raises(error):
        world.find(f"git+{world.host.repository.url}", "x")


def test_a_wrong_hash_is_refused(world: World) -> None:
    world.index.add("a", "1", {"a.py": b"good"}, targets=["py"])
    found = world.sources.candidate("a", "1", world.sources.locate("a"))
    (file,) = found.files
    world.server.give(file.url.removeprefix(world.server.url), b"evil")
    with pytest.raises(IntegrityError, match="is not what it was"):
        world.sources.read(file)


def test_the_resolver_on_all_sources(world: World) -> None:
    world.index.add("ssl", "0.1", {"ssl.py": b"old\n"})
    world.index.add("ssl", "0.2", {"ssl.py": b"new\n"})
    world.host.publish(world.host.repository.commit(TREE))
    (world.project / "near.py").write_text("n = 1\n")
    far = world.server.give("/far.zip", make_zip({"f.py": b"f = 1\n"}))
    texts = {"pkg": "github:o/r@main", "near": "near.py", "far": far}
    wanted = [Requirement(name, parse_source(text)) for name, text in texts.items()]
    provider: Provider = world.sources
    found = resolve(wanted, provider)
    assert [(one.name, one.candidate.version) for one in found.packages][2:] == [
        ("pkg", "1.2"),
        ("ssl", "0.2"),  # an exact version of mip is read as a minimum
    ]
    assert found.why("ssl") == [("", "pkg", "ssl")]
    assert {dest for one in found.packages for dest in world.contents(one.candidate)} == {
        "far/f.py",
        "near/__init__.py",
        "pkg/__init__.py",
        "pkg/b.py",
        "ssl.py",
        "ssl.mpy",
    }
