# SPDX-License-Identifier: Apache-2.0
"""A project, a store, and all that packages come from, on this computer alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from belay.packages.lockfile import load_lock
from belay.packages.model import Lock, LockedPackage
from belay.packages.store import Store
from belay.packages.workspace import Workspace
from tests.packages.repositories import HostSite
from tests.packages.server import IndexSite, Server

PROJECT = '[tool.belay]\nname = "app"\npackage_indices = ["{index}"]\n'


class PackageWorld:
    """What a project lives in. ``server`` serves an index, ``host`` a repository ``o/r``."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.index = IndexSite(server)
        self.host = HostSite(server, folder / "repository")
        self.store = Store(folder / "cache" / "packages")
        self.project = self.new_project("project")

    def new_project(self, name: str, text: str = "", dependencies: str = "") -> Path:
        project = self.folder / name
        project.mkdir()
        head = text or PROJECT.format(index=self.index.url)
        tables = f"\n[tool.belay.dependencies]\n{dependencies}" if dependencies else ""
        (project / "pyproject.toml").write_text(head + tables)
        return project

    def require(self, dependencies: str, project: Path | None = None) -> None:
        """Replace the dependencies of a project."""
        text = f"{PROJECT.format(index=self.index.url)}\n[tool.belay.dependencies]\n{dependencies}"
        ((project or self.project) / "pyproject.toml").write_text(text)

    def open(self, project: Path | None = None, **options: Any) -> Workspace:
        return Workspace(
            project or self.project,
            store=options.pop("store", self.store),
            hosts=self.host.hosts,
            releases=self.server.url + "/{where}/{tag}",
            **options,
        )

    def installed(self, project: Path | None = None) -> dict[str, bytes]:
        """The files of the packages, by ``group/destination``."""
        folder = (project or self.project) / ".belay" / "dependencies"
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    def whole(self, project: Path | None = None) -> dict[str, bytes]:
        """Every file of a project, what does not belong to packages and leftovers too."""
        root = project or self.project
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }

    def snapshot(self, project: Path | None = None) -> dict[str, bytes | None]:
        """As :meth:`whole`, with the folders, empty ones too."""
        root = project or self.project
        return {
            path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None
            for path in sorted(root.rglob("*"))
        }

    def lock(self, project: Path | None = None) -> Lock:
        """The lock of a project, as it stands."""
        return load_lock((project or self.project) / "belay.lock")

    def locked(self, name: str, project: Path | None = None) -> LockedPackage:
        """The one package of this name in the lock."""
        (found,) = [each for each in self.lock(project).packages if each.name == name]
        return found

    def requirements(self, project: Path | None = None) -> str:
        """The text of ``pyproject.toml``."""
        return ((project or self.project) / "pyproject.toml").read_text()

    def surroundings(self) -> dict[str, bytes | None]:
        """All that there is, the project too, but for the store and what is served."""
        inside = {"cache", "repository"}
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes() if path.is_file() else None
            for path in sorted(self.folder.rglob("*"))
            if path.relative_to(self.folder).parts[0] not in inside and not path.is_symlink()
        }

    @property
    def environment(self) -> dict[str, str]:
        """For commands: they use this store."""
        return {**os.environ, "BELAY_CACHE_DIR": str(self.folder / "cache")}
