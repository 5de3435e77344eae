# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from belay.errors import DownloadError, PackageNotFoundError, UnsafePathError
from belay.packages.download import Downloader
from belay.packages.model import GitHostSource
from belay.packages.sources.git import git_environment
from belay.packages.sources.githosts import HOSTS, GitHost, GitHosts, read_refs
from tests.packages.repositories import Repository
from tests.packages.server import Server

NAMES = ("github", "gitlab", "codeberg")


class HostSite:
    """A real repository, served as a host does: its refs, its files, its archives."""

    def __init__(self, server: Server, folder: Path, at: str = "/o/r") -> None:
        self.server = server
        self.at = at
        self.repository = Repository(folder)

    def publish(self, *commits: str) -> None:
        done = subprocess.run(
            ["git", "upload-pack", "--http-backend-info-refs", str(self.repository.folder)],
            capture_output=True, check=True, env=git_environment(),
        )  # fmt: skip
        announced = b"001e# service=git-upload-pack\n0000" + done.stdout
        self.server.give(f"{self.at}.git/info/refs", announced)
        for commit in commits:
            git = ["git", "-C", str(self.repository.folder)]
            archive = subprocess.run(
                [*git, "archive", "--format=tar.gz", f"--prefix=r-{commit}/", commit],
                capture_output=True, check=True, env=git_environment(),
            )  # fmt: skip
            self.server.give(f"{self.at}/archive/{commit}.tar.gz", archive.stdout)
            for name in self.repository.git("ls-tree", "-r", "--name-only", commit).splitlines():
                data = subprocess.run(
                    [*git, "show", f"{commit}:{name}"], capture_output=True, check=True
                ).stdout
                self.server.give(f"{self.at}/raw/{commit}/{name}", data)

    @property
    def hosts(self) -> dict[str, GitHost]:
        base = self.server.url + "/{owner}/{repo}"
        refs = base + ".git/info/refs?service=git-upload-pack"
        host = GitHost(refs, base + "/raw/{commit}/{path}", base + "/archive/{commit}.tar.gz", base)
        return dict.fromkeys(NAMES, host)


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
