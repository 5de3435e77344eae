# SPDX-License-Identifier: Apache-2.0
"""Real git repositories for tests."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from belay.packages.sources.git import git_environment

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

    def git(self, *arguments: str) -> str:
        environment = git_environment() | {"GIT_CONFIG_GLOBAL": "/dev/null"}
        done = subprocess.run(
            ["git", *_ME, *arguments],
            cwd=self.folder, check=True, capture_output=True, text=True, env=environment,
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self, files: Mapping[str, bytes | str]) -> str:
        """Commit files; returns the commit."""
        for name, data in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data.encode() if isinstance(data, str) else data)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=x")
        return self.git("rev-parse", "HEAD")
