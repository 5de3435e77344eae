# SPDX-License-Identifier: Apache-2.0
"""What ``[tool.belay]`` of a ``pyproject.toml`` says of packages, as Belay 0.30 reads it, and more.

====================  ==========================================================================
Key                   Meaning
====================  ==========================================================================
name                  folder of the project's own code for the board
ignore                patterns of files in it that stay off the board
dependencies          the packages of the group ``main``
dependencies_path     folder that holds them, ``.belay/dependencies``
group.G.dependencies  the packages of another group; ``group.G.optional``: only by ``--with``
mpy_version           ``"py"`` for source, or the ABI of ``.mpy`` files, such as ``"6"``
package_indices       where packages are looked up by name, one after the other
overrides             versions that hold whatever packages ask for (not in Belay 0.30)
pins                  how exact versions that packages ask for are read: ``"minimum"``, or
                      ``"strict"`` (not in Belay 0.30)
====================  ==========================================================================

Keys that are not known are left alone. What is wrong is said with file and line.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from belay.errors import PackageError, ProjectError
from belay.packages.model import MAIN, SOURCE_TARGET, Requirement, Source, Target, safe_destination
from belay.packages.projectfile import ProjectFile

__all__ = [
    "Dependency",
    "Group",
    "Project",
    "is_package_name",
    "project_folder",
    "project_of",
    "read_project",
]

INDEX = "https://micropython.org/pi/v2"
FOLDER = ".belay/dependencies"

NEWEST_ABI = "6"
"""Of ``.mpy`` files today; the lock has these for every package that offers them."""

_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?")
_BY_INDEX = re.compile(rf"(?:mip:)?({_NAME.pattern})(?:(?:@|==)([^\s@=/:]+))?")
_FILE = re.compile(r"\.(?:py|mpy|json|zip|tar|gz|tgz|toml|txt|bin|html|css|js)$", re.IGNORECASE)
"""A bare name that ends so is a file of the project."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """One entry of a group, as it is written.

    Args:
        key: in the table.
        name: of the package: the key, or the one that an index knows it by.
        source: text of its source; empty: the indices.
        constraint: which versions will do.
        develop: it is taken afresh whenever it is installed.
        rename_to_init: a single file becomes the ``__init__`` of a package.
        group: that it belongs to.
        where: keys that lead to it, below ``[tool.belay]``.
    """

    key: str
    name: str
    source: str = ""
    constraint: str = "*"
    develop: bool = False
    rename_to_init: bool = True
    group: str = MAIN
    where: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A group of dependencies; an optional one is installed only if it is asked for."""

    name: str
    optional: bool
    dependencies: tuple[Dependency, ...]


@dataclass(frozen=True, slots=True)
class Project:
    """What a project says of its packages.

    Attributes:
        file: its ``pyproject.toml``.
        name: folder of its own code; None if it has none.
        ignore: patterns for that folder; None where nothing is said.
        dependencies_path: as written, relative to the project.
        groups: ``main`` first, the others by name.
        indices: in the order in which they are asked.
        mpy_version: ``"py"`` or an ABI.
        overrides: constraint of each package that has one.
        strict: exact versions that packages ask for are meant.
    """

    file: ProjectFile
    name: str | None
    ignore: tuple[str, ...] | None
    dependencies_path: str
    groups: tuple[Group, ...]
    indices: tuple[str, ...]
    mpy_version: str
    overrides: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False

    @property
    def root(self) -> Path:
        """Its folder."""
        return self.file.path.parent

    @property
    def folder(self) -> Path:
        """That holds its packages, one folder for each group."""
        return self.root / self.dependencies_path

    @property
    def lock_file(self) -> Path:
        """Its ``belay.lock``."""
        return self.root / "belay.lock"

    @property
    def target(self) -> Target:
        """What is installed: ``"py"``, or ``"mpy6"``."""
        version = self.mpy_version
        return SOURCE_TARGET if version == SOURCE_TARGET else f"mpy{version}"

    @property
    def targets(self) -> tuple[Target, ...]:
        """What the lock holds."""
        return tuple(sorted({SOURCE_TARGET, f"mpy{NEWEST_ABI}", self.target}))

    @property
    def dependencies(self) -> Iterator[Dependency]:
        """Those of all groups."""
        return (each for group in self.groups for each in group.dependencies)

    def group(self, name: str) -> Group:
        """One of its groups.

        Raises:
            ProjectError: there is none of this name; the message has those that there are.
        """
        for group in self.groups:
            if group.name == name:
                return group
        known = ", ".join(group.name for group in self.groups)
        raise self.file.error(f"has no group {name!r}; its groups are {known}")

    def requirements(self, parse: Callable[[str], Source]) -> tuple[Requirement, ...]:
        """What its groups require.

        Args:
            parse: makes a source of its text; errors of it are shown with file and line.

        Raises:
            ProjectError: a source cannot be understood.
        """
        return tuple(self._requirement(each, parse) for each in self.dependencies)

    def _requirement(self, written: Dependency, parse: Callable[[str], Source]) -> Requirement:
        try:
            source = parse(written.source) if written.source else None
        except (PackageError, ValueError) as error:
            raise self.file.error(f"{written.key}: {error}", *written.where) from error
        return Requirement(
            written.name,
            source,
            written.constraint,
            written.develop,
            written.rename_to_init,
            written.group,
            f"pyproject.toml [tool.belay.{'.'.join(written.where[:-1])}]",
        )

    def requirements_hash(self) -> str:
        """A digest of all that decides what the lock says: it is stale if this differs.

        The order of groups and keys does not count, nor how a version is spelled that means any.
        """
        wanted = {
            "dependencies": sorted(
                [d.group, d.name, d.source, d.constraint, d.develop, d.rename_to_init]
                for d in self.dependencies
            ),
            "groups": sorted(group.name for group in self.groups if group.dependencies),
            "indices": self.indices,
            "overrides": dict(self.overrides),
            "strict": self.strict,
            "targets": self.targets,
        }
        text = json.dumps(wanted, sort_keys=True, separators=(",", ":"))
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def project_folder(start: Path | None = None) -> Path | None:
    """The nearest folder with a ``pyproject.toml``, from ``start`` upwards; None: there is none."""
    here = Path.cwd() if start is None else start.absolute()
    return next((f for f in (here, *here.parents) if (f / "pyproject.toml").is_file()), None)


def read_project(start: Path | None = None) -> Project:
    """Read the project of a folder.

    Args:
        start: a folder of it, or one inside; the current one by default.

    Raises:
        ProjectError: there is none, or ``[tool.belay]`` is wrong.
    """
    folder = project_folder(start)
    if folder is None:
        raise ProjectError(
            f"There is no pyproject.toml in {start or Path.cwd()} or above it. Try: belay new"
        )
    return project_of(ProjectFile(folder / "pyproject.toml"))


def project_of(file: ProjectFile) -> Project:
    """The project that a file describes.

    Raises:
        ProjectError: ``[tool.belay]`` is wrong.
    """
    return _Reader(file).project()


def is_package_name(text: str) -> bool:
    """Whether it can name a package: letters, digits, ``_``, and inside it ``.`` and ``-``."""
    if not _NAME.fullmatch(text) or ".." in text:
        return False
    try:
        return safe_destination(text) == text
    except PackageError:
        return False


class _Reader:
    """Reads the table of one file, key by key."""

    def __init__(self, file: ProjectFile) -> None:
        self._file, self._table = file, file.table

    def project(self) -> Project:
        pins = self._text("pins", "minimum")
        if pins not in ("minimum", "strict"):
            raise self._file.error('pins must be "minimum" or "strict"', "pins")
        version = self._text("mpy_version", SOURCE_TARGET)
        if not re.fullmatch(rf"{SOURCE_TARGET}|[0-9]{{1,3}}", version):
            message = 'mpy_version must be "py" or the ABI of .mpy files, such as "6"'
            raise self._file.error(message, "mpy_version")
        name = self._text("name", "") or None
        if name is not None:
            self._safe(name, "name")
        return Project(
            self._file,
            name,
            self._texts("ignore"),
            self._text("dependencies_path", FOLDER),
            tuple(self._groups()),
            self._indices(),
            version,
            {name: self._constraint(value, "overrides", name) for name, value in self._overrides()},
            pins == "strict",
        )

    def _text(self, key: str, default: str) -> str:
        value = self._table.get(key, default)
        if not isinstance(value, str):
            raise self._file.error(f"{key} must be text", key)
        return value

    def _texts(self, key: str) -> tuple[str, ...] | None:
        value = self._table.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self._file.error(f"{key} must be a list of texts", key)
        return tuple(value)

    def _safe(self, name: str, *keys: str) -> None:
        """Names of folders are names, not paths."""
        try:
            plain = safe_destination(name) == name and "/" not in name
        except PackageError as error:
            raise self._file.error(str(error), *keys) from error
        if not plain:
            raise self._file.error(f"{name!r} must be the name of a folder, not a path", *keys)

    def _indices(self) -> tuple[str, ...]:
        indices = self._texts("package_indices")
        for index in indices or ():
            if not re.match(r"https?://[^/]", index):
                raise self._file.error(f"{index!r} is no http(s) URL", "package_indices")
        found = (INDEX,) if indices is None else indices
        return tuple(dict.fromkeys(index.rstrip("/") for index in found))

    def _dict(self, value: Any, *keys: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._file.error(f"{'.'.join(keys)} must be a table", *keys)
        return value

    def _overrides(self) -> Iterator[tuple[str, str]]:
        for name, value in self._dict(self._table.get("overrides", {}), "overrides").items():
            if not isinstance(value, str):
                raise self._file.error(f"{name} must have a version", "overrides", name)
            yield name, value

    def _groups(self) -> Iterator[Group]:
        table = self._table.get("dependencies", {})
        yield Group(MAIN, False, self._dependencies(MAIN, table, "dependencies"))
        groups = self._dict(self._table.get("group", {}), "group")
        if MAIN in groups:
            message = "the group main is [tool.belay.dependencies]"
            raise self._file.error(message, "group", MAIN)
        for name in sorted(groups):
            self._safe(name, "group", name)
            group = self._dict(groups[name], "group", name)
            optional = group.get("optional", False)
            if not isinstance(optional, bool):
                raise self._file.error("optional must be true or false", "group", name, "optional")
            keys = ("group", name, "dependencies")
            yield Group(name, optional, self._dependencies(name, group.get(keys[-1], {}), *keys))

    def _dependencies(self, group: str, value: Any, *keys: str) -> tuple[Dependency, ...]:
        found: list[Dependency] = []
        for key, entry in self._dict(value, *keys).items():
            where = (*keys, key)
            if not is_package_name(key):
                message = f"{key!r} cannot name a package: letters, digits, '_', '.' and '-' can"
                raise self._file.error(message, *where)
            entries = entry if isinstance(entry, list) else [entry]
            several = isinstance(entry, list)
            made = [self._entry(key, each, group, where, several=several) for each in entries]
            if sum(each.rename_to_init for each in made) > 1:
                raise self._file.error(f"{key}: only one file can become __init__", *where)
            found += made
        return tuple(found)

    def _entry(
        self, key: str, entry: Any, group: str, where: tuple[str, ...], *, several: bool
    ) -> Dependency:
        if isinstance(entry, dict):
            develop, rename = entry.get("develop", False), entry.get("rename_to_init", not several)
            text = entry.get("uri")
        else:
            text, develop, rename = entry, False, not several
        if not isinstance(text, str) or not text.strip():
            known = f'{key} must be a version (">=1.2"), a source, or a table with uri = "…"'
            if isinstance(entry, dict) and text is None and entry:
                known += f'; a name with a dot has quotes: "{key}.{next(iter(entry))}"'
            raise self._file.error(known, *where)
        if not isinstance(develop, bool) or not isinstance(rename, bool):
            message = f"{key}: develop and rename_to_init must be true or false"
            raise self._file.error(message, *where)
        name, source, constraint = self._meaning(key, text.strip(), where, several=several)
        if develop and not source:
            message = f"{key}: develop is for folders and files of this computer"
            raise self._file.error(message, *where)
        return Dependency(key, name, source, constraint, develop, rename, group, where)

    def _meaning(
        self, key: str, text: str, where: tuple[str, ...], *, several: bool
    ) -> tuple[str, str, str]:
        """Name, source and constraint that a text stands for."""
        from belay.packages.versions import is_constraint

        if is_constraint(text):
            if several:
                raise self._file.error(f"{key}: a list has sources, no versions", *where)
            return key, "", self._constraint(text, *where)
        by_index = _BY_INDEX.fullmatch(text)
        if by_index and (text.startswith("mip:") or not _FILE.search(text)):
            name, version = by_index.groups()
            if not is_package_name(name):
                raise self._file.error(f"{name!r} cannot name a package", *where)
            return name, "", self._constraint(version or "*", *where)
        return key, text, "*"

    def _constraint(self, text: str, *where: str) -> str:
        """The constraint, if it is one; all that mean any version are ``*``."""
        from belay.packages.versions import Constraint

        try:
            Constraint.parse(text)
        except (PackageError, ValueError) as error:
            raise self._file.error(f"{where[-1]}: {error}", *where) from error
        return "*" if text.strip() in ("", "*", "latest") else text.strip()
