# SPDX-License-Identifier: Apache-2.0
"""Real git repositories for tests."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from belay.packages.sources.git import git_environment
from belay.packages.sources.githosts import GitHost
from tests.packages.server import Server

NAMES = ("github", "gitlab", "codeberg")

_ME = ("-c", "user.name=Me", "-c", "user.email=me@example.com", "-c", "commit.gpgSign=false")


class Repository:
    """A repository of its own in a folder; its default branch is ``main``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main", "--template=", ".")

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    def git(self, *arguments: str, given: bytes = b"") -> str:
        environment = git_environment() | {"GIT_CONFIG_GLOBAL": "/dev/null"}
        done = subprocess.run(
            ["git", *_ME, *arguments],
            cwd=self.folder, check=True, capture_output=True, input=given, env=environment,
        )  # fmt: skip
        return done.stdout.decode().strip()

    def commit(self, files: Mapping[str, bytes | str]) -> str:
        """Commit files; returns the commit."""
        for name, data in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data.encode() if isinstance(data, str) else data)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=x")
        return self.git("rev-parse", "HEAD")


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
