# SPDX-License-Identifier: Apache-2.0
"""``package.json`` as mip has it: checked, and read into what the package manager speaks of.

The format: https://docs.micropython.org/en/latest/reference/packages.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from belay.errors import PackageError, UnsafePathError
from belay.packages.download import read_json
from belay.packages.model import (
    GitHostSource,
    GitSource,
    RemoteFile,
    Requirement,
    Source,
    UrlSource,
    safe_destination,
)
from belay.packages.sources.spec import check_ref, inferred_name, parse_source

__all__ = ["PackageFormatError", "PackageJson", "read_package", "remote_files", "requirements"]

_HASH = re.compile(r"[0-9a-f]{8,64}")
_ANY = ("", "*", "latest")


class PackageFormatError(PackageError):
    """A ``package.json`` or an index is not what the format says; the message begins with where."""


@dataclass(frozen=True, slots=True)
class PackageJson:
    """What a ``package.json`` says.

    Args:
        where: it is from.
        version: empty if it has none.
        urls: destination and address of files, this as it is written.
        hashes: destination and digest (8 to 64 hex digits of SHA-256) of files of an index.
        deps: names or addresses of other packages, and their versions.
    """

    where: str
    version: str = ""
    urls: tuple[tuple[str, str], ...] = ()
    hashes: tuple[tuple[str, str], ...] = ()
    deps: tuple[tuple[str, str], ...] = ()


def read_package(data: bytes, where: str) -> PackageJson:
    """Read a ``package.json``.

    Raises:
        PackageFormatError: it is none.
        UnsafePathError: a destination leaves its folder.
    """
    value = read_json(data, where)
    if not isinstance(value, dict):
        raise PackageFormatError(f"{where}: is {_kind(value)}, no table")
    version = value.get("version", "")
    if not isinstance(version, str) or len(version) > 100 or not version.isprintable():
        raise PackageFormatError(f"{where}: version: is no text of at most 100 characters")
    return PackageJson(
        where,
        version.strip(),
        tuple((_dest(dest, where), url) for dest, url in _pairs(value, "urls", where)),
        tuple(_hash(dest, text, where) for dest, text in _pairs(value, "hashes", where)),
        tuple(_pairs(value, "deps", where)),
    )


def remote_files(
    package: PackageJson, target: str, address: Callable[[str], str], stored: Callable[[str], str]
) -> tuple[RemoteFile, ...]:
    """The files of a package, for one target.

    Args:
        package: of them.
        target: for whom they are.
        address: from what ``urls`` has, perhaps relative, to where it is.
        stored: from a digest of ``hashes`` to where the file is.
    """
    files = [RemoteFile(dest, address(url), target=target) for dest, url in package.urls]
    files += [
        RemoteFile(dest, stored(digest), sha256=digest, target=target)
        for dest, digest in package.hashes
    ]
    return tuple(files)


def requirements(package: PackageJson, origin: str) -> tuple[Requirement, ...]:
    """Other packages that a package asks for.

    What is not of an index has its ref, branch or tag in place of the version, as with mip. A
    package of the web cannot ask for what is on this computer.

    Args:
        package: that asks.
        origin: who that is, for people.
    """
    return tuple(
        _requirement(name, version, package.where, origin) for name, version in package.deps
    )


def _requirement(name: str, version: str, where: str, origin: str) -> Requirement:
    version = version.strip()
    if ":" not in name or name.startswith("mip:"):
        plain = name.removeprefix("mip:")
        if not re.fullmatch(r"\w[\w.-]*", plain):
            raise PackageFormatError(f"{where}: deps: {name!r} is no name of a package")
        constraint = "*" if version in _ANY else version
        return Requirement(plain, constraint=constraint, origin=origin)
    source: Source = parse_source(name, path=where)
    local = isinstance(source, GitSource) and source.url.startswith("file:")
    if local or not isinstance(source, (GitHostSource, GitSource, UrlSource)):
        raise PackageFormatError(f"{where}: deps: {name!r} is not of the web")
    if not isinstance(source, UrlSource) and version not in _ANY and not source.ref:
        source = replace(source, ref=check_ref(version))
    known = inferred_name(source)
    if not known:
        raise PackageFormatError(f"{where}: deps: {name!r} has no name that can be imported")
    return Requirement(known, source, origin=origin)


def _pairs(value: dict[str, Any], key: str, where: str) -> list[tuple[str, str]]:
    entries = value.get(key) or []
    if not isinstance(entries, list):
        raise PackageFormatError(f"{where}: {key}: is {_kind(entries)}, no list")
    if len(entries) > 10_000:
        raise PackageFormatError(f"{where}: {key}: has {len(entries):,} entries")
    pairs = []
    for number, entry in enumerate(entries):
        good = isinstance(entry, list) and len(entry) in (2, 1 if key == "deps" else 2)
        if not good or not all(isinstance(part, str) and part for part in entry):
            raise PackageFormatError(f"{where}: {key}[{number}]: is no pair of texts")
        pairs.append((entry[0], entry[1] if len(entry) == 2 else "latest"))
    return pairs


def _hash(dest: str, text: str, where: str) -> tuple[str, str]:
    if not _HASH.fullmatch(text):
        raise PackageFormatError(f"{where}: hashes: {text[:80]!r} is no SHA-256, whole or begun")
    return _dest(dest, where), text


def _dest(dest: str, where: str) -> str:
    try:
        return safe_destination(dest)
    except UnsafePathError as error:
        raise UnsafePathError(f"{where}: {error}") from error


def _kind(value: object) -> str:
    names = {list: "a list", dict: "a table", str: "text", type(None): "nothing"}
    return names.get(type(value), "a number")
