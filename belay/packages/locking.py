# SPDX-License-Identifier: Apache-2.0
"""Makes the lock: what was resolved, with the digest of every file, each of which is then kept.

What the lock had before stays as it was, as long as it fulfils the requirements: a branch its
commit, a package its version and its bytes. Only what is to be upgraded is looked at anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from belay.errors import IntegrityError
from belay.packages.model import (
    PROJECT,
    Candidate,
    GitHostSource,
    GitSource,
    IndexSource,
    Lock,
    LockedFile,
    LockedPackage,
    PathSource,
    RemoteFile,
    Requirement,
    Source,
)
from belay.packages.parallel import in_parallel
from belay.packages.project import Project
from belay.packages.resolver import Pins, Policy, Resolution, Resolved, resolve
from belay.packages.sources.provider import Sources
from belay.packages.sources.spec import parse_source
from belay.packages.stage import check_claims, planned
from belay.packages.store import Store

__all__ = [
    "Everything",
    "Upgrade",
    "is_develop",
    "known_candidates",
    "make_lock",
    "pins_of",
    "pruned",
    "resolution_of",
]


class Everything:
    """The names of all packages."""

    def __contains__(self, name: object) -> bool:
        return True


Upgrade = Collection[str] | Everything
"""Names of packages that are looked at anew."""


def pins_of(lock: Lock | None, upgrade: Upgrade) -> dict[str, Source]:
    """By their texts, what the sources of a lock were resolved to; without what is upgraded."""
    if lock is None:
        return {}
    return {
        package.source_text: parse_source(package.resolved)
        for package in lock.packages
        if package.resolved and package.name not in upgrade
    }


def known_candidates(lock: Lock | None, upgrade: Upgrade) -> dict[tuple[str, str], Candidate]:
    """By name and text of the source, what a lock says of packages that nobody is asked for again.

    Those of an index are chosen anew, from what it has; those of this computer are read anew; and
    the lock does not say which versions of others a package asks for, so its own
    ``package.json`` has to. All else stays what it is, whatever is at its URL by now.
    """
    found = {}
    for package in lock.packages if lock else ():
        source = parse_source(package.resolved or package.source_text)
        if isinstance(source, (IndexSource, PathSource)) or package.requires or not package.files:
            continue
        if package.name not in upgrade:
            files = tuple(
                RemoteFile(each.dest, each.url, each.sha256, each.size, each.target)
                for each in package.files
            )
            key = (package.name, package.source_text)
            found[key] = Candidate(package.name, package.version, source, files)
    return found


def resolution_of(
    project: Project, sources: Sources, previous: Lock | None, upgrade: Upgrade
) -> Resolution:
    """What a project needs now.

    Args:
        project: that needs it.
        sources: made with :func:`pins_of` the same.
        previous: the lock that there is.
        upgrade: what is looked at anew.

    Raises:
        ResolutionError: nothing fits.
        PackageError: a source cannot be understood, or does not answer.
    """
    preferred = {
        package.name: package.version
        for package in (previous.packages if previous else ())
        if package.name not in upgrade
    }
    pins: Pins = "strict" if project.strict else "minimum"
    policy = Policy(pins=pins, overrides=project.overrides, preferred=preferred)
    return resolve(project.requirements(parse_source), sources, policy)


def make_lock(
    project: Project,
    sources: Sources,
    store: Store,
    previous: Lock | None = None,
    upgrade: Upgrade = (),
) -> Lock:
    """Resolve a project's requirements, and get every file that the lock does not know yet.

    Args:
        project: whose lock it is.
        sources: made with :func:`pins_of` the same.
        store: keeps the files.
        previous: the lock that there is; what it has is preferred.
        upgrade: what is looked at anew.

    Raises:
        ResolutionError: nothing fits.
        UnsafePathError: two packages claim one place on the board.
        IntegrityError: a file is not what it should be.
        PackageError: something cannot be had.
    """
    resolution = resolution_of(project, sources, previous, upgrade)
    known = {
        (package.name, package.source_text): package
        for package in (previous.packages if previous else ())
        if package.name not in upgrade
    }
    packages = [_unfilled(one) for one in resolution.packages]
    wanted: list[tuple[int, RemoteFile]] = []
    kept: dict[int, tuple[LockedFile, ...]] = {}
    for number, (package, one) in enumerate(zip(packages, resolution.packages, strict=True)):
        if is_develop(one.requirements):
            continue
        before = known.get((package.name, package.source_text))
        if before is not None and _is_same(before, package, one):
            kept[number] = before.files
        else:
            wanted += [(number, file) for file in one.candidate.files]
    _check_claims(project, resolution)

    def get(item: tuple[int, RemoteFile]) -> LockedFile:
        file = item[1]
        data = sources.read(file)
        _check_content(packages[item[0]].title, file, data)
        return LockedFile(file.dest, file.target, store.put(data), len(data), file.url)

    got: dict[int, list[LockedFile]] = {}
    files = in_parallel(get, wanted, give_up=sources.give_up)
    for (number, _), file in zip(wanted, files, strict=True):
        got.setdefault(number, []).append(file)
    filled = [
        replace(package, files=tuple(got.get(number) or kept.get(number, ())))
        for number, package in enumerate(packages)
    ]
    for package in filled:
        if package.files:
            digests = (file.sha256 for file in package.files)
            store.record(package.name, package.version, package.source_text, digests)
    lock = Lock(project.requirements_hash(), tuple(filled))
    planned(lock, project.target)
    return lock


def pruned(lock: Lock, project: Project, before: Project) -> Lock | None:
    """A lock without what a project does not require any more.

    Taking requirements away cannot make the others conflict, so nobody has to be asked.

    Args:
        lock: that fitted before.
        project: as it is now.
        before: the project that it fitted.

    Returns:
        None: the project requires something else as well, so it has to be resolved.
    """
    then = _shapes(before)
    if any(then.get(key) != shape for key, shape in _shapes(project).items()):
        return None
    wanted: dict[tuple[str, str], set[str]] = {}
    for requirement in project.requirements(parse_source):
        package = _fulfils(lock, requirement)
        if package is None:
            return None
        wanted.setdefault((package.name, package.source_text), set()).add(requirement.group)
    ours = {key: set(groups) for key, groups in wanted.items()}
    waiting = [(key, group) for key, groups in wanted.items() for group in groups]
    by_name: dict[str, list[LockedPackage]] = {}
    for package in lock.packages:
        by_name.setdefault(package.name, []).append(package)
    found: dict[tuple[str, str], set[str]] = {}
    while waiting:
        key, group = waiting.pop()
        if group in found.setdefault(key, set()):
            continue
        found[key].add(group)
        package = next(each for each in by_name[key[0]] if each.source_text == key[1])
        for name in package.requires:
            if name not in by_name:
                return None
            waiting += [((each.name, each.source_text), group) for each in by_name[name]]
    names = {name for name, _ in found}
    kept = tuple(
        replace(
            package,
            groups=tuple(sorted(found[package.name, package.source_text])),
            required_by=tuple(
                by
                for by in package.required_by
                if by in names or (by == PROJECT and (package.name, package.source_text) in ours)
            ),
        )
        for package in lock.packages
        if (package.name, package.source_text) in found
    )
    return Lock(project.requirements_hash(), kept)


def is_develop(requirements: Iterable[Requirement]) -> bool:
    """Whether a package is taken afresh at each install: its files are not in the lock."""
    return any(requirement.develop for requirement in requirements)


# -------------------------------------------------------------------------------------- inside


def _unfilled(one: Resolved) -> LockedPackage:
    """A package of the lock, still without files."""
    candidate = one.candidate
    source, text = candidate.source, one.source.text
    resolved = "" if source.text == text or isinstance(source, IndexSource) else source.text
    commit = source.ref if isinstance(source, (GitHostSource, GitSource)) else ""
    return LockedPackage(
        one.name,
        "" if is_develop(one.requirements) else candidate.version,
        text,
        commit,
        one.requires,
        tuple(PROJECT if by == "" else by for by in one.required_by),
        one.groups,
        (),
        resolved,
    )


def _is_same(before: LockedPackage, now: LockedPackage, one: Resolved) -> bool:
    """Whether the files that the lock has of a package still are those.

    They are not read again, but for those of this computer, which change without a new name.
    """
    if isinstance(one.candidate.source, PathSource):
        return False
    there = {(file.dest, file.target) for file in one.candidate.files}
    return (
        (before.version, before.resolved) == (now.version, now.resolved)
        and there == {(file.dest, file.target) for file in before.files}
        and all(file.sha256.startswith(_known(one, file)) for file in before.files)
    )


def _known(one: Resolved, locked: LockedFile) -> str:
    """What the source says of a file's digest."""
    return next(
        file.sha256
        for file in one.candidate.files
        if (file.dest, file.target) == (locked.dest, locked.target)
    )


def _shapes(project: Project) -> dict[tuple[str, str], tuple[bool, bool]]:
    """Which sources are taken afresh, and which keep the name of a file: any group can say so."""
    found: dict[tuple[str, str], tuple[bool, bool]] = {}
    for each in project.requirements(parse_source):
        if each.source is not None:
            develop, keeps = found.get(key := (each.name, each.source.text), (False, False))
            found[key] = (develop or each.develop, keeps or not each.rename_to_init)
    return found


def _fulfils(lock: Lock, requirement: Requirement) -> LockedPackage | None:
    """The package of a lock that was made for a requirement, word for word."""
    for package in lock.packages:
        text = package.source_text
        if package.name == requirement.name and PROJECT in package.required_by:
            if requirement.source is None and text.startswith("index+"):
                return package
            if requirement.source is not None and requirement.source.text == text:
                return package
    return None


def _check_claims(project: Project, resolution: Resolution) -> None:
    """Before anything is downloaded: no two packages may have one place on the board."""
    for target in project.targets:
        check_claims(
            (
                f"{one.name} {one.candidate.version}".rstrip(),
                _dests(one.candidate.files, target, project.targets),
            )
            for one in resolution.packages
        )


def _dests(files: Iterable[RemoteFile], target: str, targets: Iterable[str]) -> list[str]:
    by_target: Mapping[str, list[str]] = {
        each: [file.dest for file in files if file.target == each] for each in targets
    }
    return by_target.get(target) or by_target.get("py") or []


def _check_content(title: str, file: RemoteFile, data: bytes) -> None:
    """A page that a web server shows in place of a file is no program."""
    if file.dest.endswith(".py") and data.lstrip()[:1] == b"<":
        raise IntegrityError(
            f"{title}: what is at {file.url} is a page and no Python. Give the address of the file "
            "itself"
        )
