# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
from typing import Any

import pytest

from belay.errors import DownloadError, PackageError, PackageNotFoundError, UnsafePathError
from belay.packages.download import Downloader
from belay.packages.model import GitHostSource, IndexSource, Requirement
from belay.packages.sources.index import Indices
from belay.packages.sources.packagejson import PackageFormatError, read_package, requirements
from tests.packages.server import IndexSite, Server

TARGETS = ("py", "mpy6")


@pytest.fixture
def site(server: Server) -> IndexSite:
    site = IndexSite(server)
    site.add("umqtt.simple", "1.3.4", {"umqtt/simple.py": b"a = 1\n"})
    site.add("umqtt.simple", "1.4.0", {"umqtt/simple.py": b"a = 2\n"}, deps=[("ssl", "0.2.1")])
    site.add("ssl", "0.2.1", {"ssl.py": b""}, targets=["6"])
    return site


def test_versions_and_files_for_each_target(site: IndexSite) -> None:
    with Downloader() as downloader:
        indices = Indices([site.url + "/"], downloader, TARGETS)
        source = indices.locate("umqtt.simple")
        assert source == IndexSource(site.url)
        assert indices.versions("umqtt.simple", source) == ("1.3.4", "1.4.0")
        assert indices.versions("ssl", source) == ("0.2.1",)
        candidate = indices.candidate("umqtt.simple", "1.4.0", source)
        assert candidate.requires == (
            Requirement("ssl", constraint="0.2.1", origin="umqtt.simple 1.4.0"),
        )
        assert [(file.dest, file.target) for file in candidate.files] == [
            ("umqtt/simple.py", "py"),
            ("umqtt/simple.mpy", "mpy6"),
        ]
        for file in candidate.files:
            digest = hashlib.sha256(downloader.get(file.url)).hexdigest()
            assert digest.startswith(file.sha256)
            assert len(file.sha256) == 8
    assert site.server.times("/pi/v2/index.json") == 1


def test_what_is_not_there(site: IndexSite) -> None:
    with Downloader() as downloader:
        indices = Indices([site.url], downloader, ("py",))
        with pytest.raises(PackageNotFoundError, match="did you mean umqtt.simple"):
            indices.locate("umqtt.simpel")
        with pytest.raises(PackageNotFoundError):
            indices.locate("ssl")  # it has no source
        with pytest.raises(PackageNotFoundError, match="9.9"):
            indices.candidate("umqtt.simple", "9.9", IndexSource(site.url))


def test_the_first_index_that_has_it(server: Server, site: IndexSite) -> None:
    ours = IndexSite(server, "/ours")
    ours.add("ssl", "9.0", {"ssl.py": b"ours"})
    with Downloader() as downloader:
        indices = Indices([ours.url, site.url], downloader, TARGETS)
        assert indices.locate("ssl").index == ours.url
        assert indices.locate("umqtt.simple").index == site.url
        assert [(s.index, p.name) for s, p in indices.search("FOR tests")] == [
            (ours.url, "ssl"),
            (site.url, "umqtt.simple"),
        ]


def test_an_index_that_is_disturbed_is_not_passed_over(server: Server, site: IndexSite) -> None:
    server.give("/ours/index.json", b"", faults=[500] * 9)
    with Downloader(attempts=2, pause=lambda seconds: None) as downloader:
        indices = Indices([server.url + "/ours", site.url], downloader, TARGETS)
        with pytest.raises(DownloadError, match="500"):
            indices.locate("ssl")


def test_an_index_without_a_list(site: IndexSite) -> None:
    site.server.take("/pi/v2/index.json")
    with Downloader() as downloader:
        indices = Indices([site.url], downloader, TARGETS)
        source = indices.locate("umqtt.simple")
        assert indices.versions("umqtt.simple", source) == ("1.4.0",)
        with pytest.raises(PackageNotFoundError):
            indices.locate("../../x")


@pytest.mark.parametrize(
    "value",
    [[], {}, {"packages": {}}, {"packages": [1]}, {"packages": [{}]}, {"packages": [], "v": 9},
     {"packages": [{"name": 1}]}, {"packages": [{"name": "a", "versions": {"py": "1"}}]}],
)  # fmt: skip
def test_an_index_that_is_none(server: Server, value: Any) -> None:
    server.give("/index.json", value)
    with Downloader() as downloader, pytest.raises(PackageFormatError, match=r"index\.json"):
        Indices([server.url], downloader, TARGETS).locate("a")


@pytest.mark.parametrize(
    "text",
    [
        '[]', '{"urls": {"a": 1}}', '{"urls": ["a"]}', '{"urls": [["a"]]}', '{"urls": [["a", 1]]}',
        '{"urls": [["a", ""]]}', '{"hashes": [["a", "XY"]]}', '{"hashes": [["a", "../../../x"]]}',
        '{"version": 1}', '{"version": "a\\nb"}', '{"deps": [[]]}', '{', '{"deps": 1}', 'null',
    ],
)  # fmt: skip
def test_a_package_that_is_none(text: str) -> None:
    with pytest.raises(PackageError, match=r"^x/package\.json"):
        read_package(text.encode(), "x/package.json")


@pytest.mark.parametrize(
    "dest", ["../a.py", "/a.py", "C:a.py", "a\\\\b.py", "a/../../b", "nul", "."]
)
@pytest.mark.parametrize("key", ["urls", "hashes"])
def test_destinations_that_are_refused(dest: str, key: str) -> None:
    with pytest.raises(UnsafePathError):
        read_package(f'{{"{key}": [["{dest}", "0123456789"]]}}'.encode(), "p")


@pytest.mark.parametrize(
    "dep",
    ["file:///etc", "git+file:///srv/git", "../x", "/x", "a b", "-x", "bundle:o/r#n", "ext::x",
     "mip:../x", "index+https://h", "github:o/r/../x"],
)  # fmt: skip
def test_dependencies_that_are_refused(dep: str) -> None:
    package = read_package(f'{{"deps": [["{dep}", "latest"]]}}'.encode(), "p")
    with pytest.raises(PackageError, match="^p: "):
        requirements(package, "p 1")


def test_dependencies() -> None:
    package = read_package(
        b'{"deps": [["a.b", "latest"], ["mip:c", "1.2"], ["github:o/r", "main"], ["d"]]}', "p"
    )
    assert requirements(package, "p 1") == (
        Requirement("a.b", origin="p 1"),
        Requirement("c", constraint="1.2", origin="p 1"),
        Requirement("r", GitHostSource("github", "o", "r", "", "main"), origin="p 1"),
        Requirement("d", origin="p 1"),
    )
