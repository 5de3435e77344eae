# SPDX-License-Identifier: Apache-2.0
"""Packages of this computer: which have changed, and which are taken as they are now."""

from __future__ import annotations

from belay.packages.model import Candidate, Lock, LockedPackage, PathSource
from belay.packages.project import Project
from belay.packages.sources.local import local_path
from belay.packages.sources.provider import Sources
from belay.packages.sources.spec import parse_source

__all__ = ["Nearby"]


class Nearby:
    """The packages of a project that are files and folders of this computer.

    Args:
        project: that requires them.
        sources: reads them.
    """

    def __init__(self, project: Project, sources: Sources) -> None:
        self._root = project.root
        self._sources = sources
        self._develop = {
            (each.name, each.source.text)
            for each in project.requirements(parse_source)
            if each.develop and each.source is not None
        }

    def changed(self, lock: Lock) -> list[str]:
        """Those that are not as the lock has them.

        One that is not there any more is not among them: the store may have what the lock names.
        """
        found = []
        for package in lock.packages:
            source = parse_source(package.source_text)
            if not isinstance(source, PathSource) or self.is_develop(package):
                continue
            if local_path(source, self._root).exists() and self._is_new(package):
                found.append(package.name)
        return found

    def is_develop(self, package: LockedPackage) -> bool:
        """Whether it is taken afresh at each install; the lock has no files of it."""
        return (package.name, package.source_text) in self._develop

    def files(self, package: LockedPackage) -> dict[str, bytes]:
        """Its files as they are now, by destination; none, unless it is taken afresh."""
        if not self.is_develop(package):
            return {}
        files = self.candidate(package).files
        return {file.dest: self._sources.read(file) for file in files}

    def afresh(self, lock: Lock) -> dict[LockedPackage, dict[str, bytes]]:
        """The files of all packages that are taken afresh."""
        return {each: self.files(each) for each in lock.packages if self.is_develop(each)}

    def candidate(self, package: LockedPackage) -> Candidate:
        """It as it is now."""
        source = parse_source(package.source_text)
        return self._sources.candidate(package.name, "", source)

    def _is_new(self, package: LockedPackage) -> bool:
        there = self.candidate(package).files
        locked = {(file.dest, file.target): file.sha256 for file in package.files}
        digests = {(file.dest, file.target): file.sha256 for file in there}
        return digests.keys() != locked.keys() or any(
            not locked[key].startswith(digest) for key, digest in digests.items()
        )
