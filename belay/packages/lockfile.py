# SPDX-License-Identifier: Apache-2.0
"""``belay.lock``: what was chosen, byte for byte, so that it can be had again.

A TOML file for git: sorted, one file a line, the same bytes for the same lock whoever writes it.
What is read is not trusted: a lock comes from whoever wrote the project.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from belay.errors import LockError, PackageError
from belay.packages.model import PROJECT, Lock, LockedFile, LockedPackage, safe_destination
from belay.packages.project import Project, is_package_name
from belay.packages.writing import write_whole

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["check_fresh", "dump_lock", "load_lock", "parse_lock", "write_lock"]

VERSION = 1

_HEAD = "# Made by belay from pyproject.toml; `belay lock` makes it anew.\n"
_MOST_BYTES = 64 << 20
_TARGET = re.compile(r"py|mpy[0-9]{1,3}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})?")
_HASH = re.compile(r"sha256:[0-9a-f]{64}")


def dump_lock(lock: Lock) -> str:
    """The text of a lock.

    Raises:
        LockError: it holds a user or a password, which belong to no file for git.
    """
    packages = sorted(lock.packages, key=lambda p: (p.name, p.version, p.source_text))
    head = [
        _HEAD,
        f"lock-version = {VERSION}\n",
        _pair("requirements-hash", lock.requirements_hash),
    ]
    return "".join(head) + "".join(f"\n[[packages]]\n{_package(each)}" for each in packages)


def parse_lock(text: str, path: str = "belay.lock") -> Lock:
    """Read the text of a lock.

    Args:
        text: of the file.
        path: for messages.

    Raises:
        LockError: it is no lock, or one that belay does not write; the message says where.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        if re.search(r"^(?:<<<<<<<|=======|>>>>>>>)", text, re.MULTILINE):
            raise LockError(f"{path} has conflicts of a merge in it. Try: belay lock") from error
        raise LockError(f"{path} is no TOML: {error}. Try: belay lock") from error
    return _Reader(path).lock(tables)


def load_lock(path: Path) -> Lock:
    """Read a lock.

    Raises:
        LockError: it is missing, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise LockError(f"{path} is larger than {_MOST_BYTES >> 20} MiB, as no lock is")
        return parse_lock(data.decode("utf-8"), str(path))
    except FileNotFoundError as error:
        raise LockError(f"{path} is missing. Try: belay lock") from error
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(f"{path} cannot be read: {error}") from error


def write_lock(path: Path, lock: Lock) -> bool:
    """Write a lock, as a whole or not at all; one that says the same already is not touched.

    Returns:
        Whether it was written.
    """
    data = dump_lock(lock).encode("utf-8")
    try:
        if path.exists() and path.read_bytes().replace(b"\r\n", b"\n") == data:
            return False
        write_whole(path, data)
    except OSError as error:
        raise LockError(f"{path} cannot be written: {error.strerror}") from error
    return True


def check_fresh(lock: Lock, project: Project) -> None:
    """Check that a lock was made from what the project requires now.

    Raises:
        LockError: the requirements are others.
    """
    if lock.requirements_hash != project.requirements_hash():
        raise LockError(
            f"{project.lock_file} does not fit {project.file.path.name}, which was changed since. "
            "Try: belay lock"
        )


# ----------------------------------------------------------------------------------------- writing


def _package(package: LockedPackage) -> str:
    source = _public(package.source_text, package)
    lines = [
        _pair("name", package.name),
        _pair("version", package.version),
        _pair("source", source),
    ]
    if package.resolved:
        lines.append(_pair("resolved", _public(package.resolved, package)))
    if package.commit:
        lines.append(_pair("commit", package.commit))
    lines.append(_list("groups", package.groups))
    lines.append(_list("required-by", package.required_by))
    lines.append(_list("requires", package.requires))
    files = sorted(package.files, key=lambda file: (file.dest, file.target))
    lines.append("files = [\n" if files else "files = []\n")
    for file in files:
        url = _public(file.url, package)
        lines.append(
            f"    {{ dest = {_text(file.dest)}, target = {_text(file.target)}, size = {file.size}, "
            f"sha256 = {_text(file.sha256)}, url = {_text(url)} }},\n"
        )
    return "".join(lines) + ("]\n" if files else "")


def _public(url: str, package: LockedPackage) -> str:
    """The text, if it tells no secret: those come from the environment."""
    plain = url.removeprefix("git+").removeprefix("index+").removeprefix("bundle:")
    try:
        parts = urlsplit(plain)
        secret = parts.password is not None or (
            parts.scheme in ("http", "https") and parts.username
        )
    except ValueError:
        secret = "@" in plain and "://" in plain
    if secret:
        raise LockError(
            f"{package.name}: its source has a user or a password in its URL, and belay.lock is "
            "for everyone to read: take it out, and give it in the environment"
        )
    return url


def _pair(key: str, value: str) -> str:
    return f"{key} = {_text(value)}\n"


def _list(key: str, values: Iterable[str]) -> str:
    return f"{key} = [{', '.join(_text(value) for value in sorted(set(values)))}]\n"


def _text(value: str) -> str:
    """A basic string of TOML: what is not to be seen is escaped, all else stands as it is."""
    if _SURROGATE.search(value):
        raise LockError(f"{value!r} is no text that can be written to belay.lock")
    return '"' + _ESCAPED.sub(_escape, value) + '"'


_ESCAPED = re.compile('[\x00-\x1f"\\\\\x7f-\x9f\u2028\u2029]')
_SURROGATE = re.compile("[\ud800-\udfff]")


def _escape(match: re.Match[str]) -> str:
    found = match.group()
    return f"\\{found}" if found in '"\\' else f"\\u{ord(found):04X}"


# ----------------------------------------------------------------------------------------- reading


class _Reader:
    """Takes a lock apart; each value is what belay writes, or it is refused."""

    def __init__(self, path: str) -> None:
        self._path, self._where = path, ""

    def lock(self, tables: Mapping[str, Any]) -> Lock:
        version = tables.get("lock-version")
        if not isinstance(version, int) or isinstance(version, bool):
            raise self._wrong("it has no lock-version")
        if version != VERSION:
            raise LockError(
                f"{self._path} is of lock-version {version}, and this belay knows {VERSION}. Try a "
                "newer belay, or: belay lock"
            )
        packages = tuple(self._packages(tables.get("packages", [])))
        lock = Lock(self._text(tables, "requirements-hash", _HASH), packages)
        self._where = ""
        twice = Counter((each.name, each.source_text) for each in packages)
        for (name, _), count in twice.items():
            if count > 1:
                raise self._wrong(f"{name} is there twice")
        return lock

    def _packages(self, tables: Any) -> Iterator[LockedPackage]:
        for table in self._tables(tables, "packages"):
            self._where = f" (package {table.get('name')!r})"
            yield LockedPackage(
                self._name(table.get("name")),
                self._text(table, "version"),
                self._text(table, "source"),
                self._text(table, "commit", _COMMIT) if "commit" in table else "",
                tuple(self._name(each) for each in self._texts(table, "requires")),
                tuple(
                    each if each == PROJECT else self._name(each)
                    for each in self._texts(table, "required-by")
                ),
                tuple(self._folder(each) for each in self._texts(table, "groups")),
                tuple(self._files(table.get("files"))),
                self._text(table, "resolved") if "resolved" in table else "",
            )

    def _files(self, tables: Any) -> Iterator[LockedFile]:
        seen: set[tuple[str, str]] = set()
        for table in self._tables(tables, "files"):
            size = table.get("size")
            if not isinstance(size, int) or isinstance(size, bool) or size < 0:
                raise self._wrong("a file has no size")
            dest = self._dest(self._text(table, "dest"))
            target = self._text(table, "target", _TARGET)
            if (dest, target) in seen:
                raise self._wrong(f"the file {dest!r} is there twice")
            seen.add((dest, target))
            digest = self._text(table, "sha256", _SHA256)
            yield LockedFile(dest, target, digest, size, self._text(table, "url"))

    def _tables(self, value: Any, key: str) -> list[dict[str, Any]]:
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise self._wrong(f"{key} must be tables")
        return value

    def _text(
        self, table: Mapping[str, Any], key: str, shape: re.Pattern[str] | None = None
    ) -> str:
        value = table.get(key)
        if not isinstance(value, str) or (shape and not shape.fullmatch(value)):
            raise self._wrong(f"{key} is {'missing' if value is None else f'wrong: {value!r}'}")
        return value

    def _texts(self, table: Mapping[str, Any], key: str) -> list[str]:
        value = table.get(key)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self._wrong(f"{key} must be a list of texts")
        return value

    def _name(self, text: Any) -> str:
        if not isinstance(text, str) or not is_package_name(text):
            raise self._wrong(f"{text!r} cannot name a package")
        return text

    def _folder(self, text: str) -> str:
        if "/" in text:
            raise self._wrong(f"{text!r} is no group")
        return self._dest(text)

    def _dest(self, text: str) -> str:
        try:
            if safe_destination(text) == text:
                return text
        except PackageError as error:
            raise self._wrong(str(error)) from error
        raise self._wrong(f"{text!r} is not written as belay writes it")

    def _wrong(self, message: str) -> LockError:
        return LockError(f"{self._path}{self._where}: {message}. Try: belay lock")
