# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from belay.errors import DownloadError, PackageNotFoundError, UnsafePathError
from belay.packages.download import Downloader
from belay.packages.model import GitHostSource
from belay.packages.sources.githosts import HOSTS, GitHosts, read_refs
from tests.packages.repositories import NAMES, HostSite
from tests.packages.server import Server


@pytest.fixture
def site(server: Server, tmp_path: Path) -> HostSite:
    return HostSite(server, tmp_path / "repository")


def test_refs_files_and_folders(site: HostSite) -> None:
    repository = site.repository
    first = repository.commit({"lib/a.py": "a = 1\n", "lib/sub/b.py": "", ".github/x.yml": ""})
    repository.git("tag", "--annotate", "--message=x", "v1")
    repository.git("branch", "feature/x")
    second = repository.commit({"lib/a.py": "a = 2\n"})
    site.publish(first, second)
    with Downloader() as downloader:
        hosts = GitHosts(downloader, site.hosts)
        for name in NAMES:
            for ref in ("v1", "feature/x", first):
                source = GitHostSource(name, "o", "r", "lib", ref)
                assert hosts.resolve(source) == GitHostSource(name, "o", "r", "lib", first)
            new = hosts.resolve(GitHostSource(name, "o", "r", "lib"))
            assert new == GitHostSource(name, "o", "r", "lib", second)
            # As the address of a page has it, where ref and path are not told apart.
            page = GitHostSource(name, "o", "r", "x/lib/a.py", "feature")
            assert hosts.resolve(page) == GitHostSource(name, "o", "r", "lib/a.py", first)
        old = GitHostSource("github", "o", "r", "lib", first)
        assert hosts.folder(old) == {"a.py": b"a = 1\n", "sub/b.py": b""}
        assert set(hosts.folder(GitHostSource("github", "o", "r", "", first))) == {
            "lib/a.py",
            "lib/sub/b.py",
        }
        assert hosts.file(old, "lib/a.py") == b"a = 1\n"
        assert hosts.file(old, "lib/none.py") is None
        with pytest.raises(PackageNotFoundError, match="'none'"):
            hosts.folder(GitHostSource("github", "o", "r", "none", first))
    refs = [asked for asked in site.server.asked if "info/refs" in asked.path]
    assert len(refs) == len(NAMES)  # once for each repository


def test_what_is_not_there(site: HostSite) -> None:
    commit = site.repository.commit({"a.py": ""})
    site.publish(commit)
    with Downloader() as downloader:
        hosts = GitHosts(downloader, site.hosts)
        with pytest.raises(PackageNotFoundError, match="'nope'"):
            hosts.resolve(GitHostSource("github", "o", "r", "a.py", "nope"))
        with pytest.raises(PackageNotFoundError, match="all 40 digits"):
            hosts.resolve(GitHostSource("github", "o", "r", "a.py", commit[:9]))
        with pytest.raises(PackageNotFoundError, match="no repository"):
            hosts.resolve(GitHostSource("github", "o", "none"))


def test_a_link_in_the_folder_is_refused(site: HostSite) -> None:
    (site.repository.folder / "bad").mkdir()
    (site.repository.folder / "bad" / "a.py").symlink_to("/etc/passwd")
    commit = site.repository.commit({"good/a.py": ""})
    site.publish(commit)
    with Downloader() as downloader:
        hosts = GitHosts(downloader, site.hosts)
        assert hosts.folder(GitHostSource("github", "o", "r", "good", commit)) == {"a.py": b""}
        with pytest.raises(UnsafePathError, match="a link"):
            hosts.folder(GitHostSource("github", "o", "r", "bad", commit))


@pytest.mark.parametrize(
    "data", [b"<html>", b"0", b"0003", b"00ff# x", b"000ahello\n", b"zzzz", b"\xff" * 9]
)
def test_refs_that_are_none(data: bytes) -> None:
    with pytest.raises(DownloadError, match="no list of refs"):
        read_refs(data, "x")


@pytest.mark.parametrize("name", NAMES)
def test_addresses_of_the_hosts(name: str) -> None:
    with Downloader(offline=True) as downloader:
        source = GitHostSource(name, "o", "r", "a b.py", "0" * 40)
        url = GitHosts(downloader).address(source)
    assert url.startswith("https://")
    assert url.endswith(f"{'0' * 40}/a%20b.py")
    assert all(part.startswith("https://") for part in (HOSTS[name].refs, HOSTS[name].archive))
