# SPDX-License-Identifier: Apache-2.0
"""Any git repository, by the git program; nothing of what it holds is run or checked out.

Objects are fetched into a bare repository of the cache and read from there: so there are no hooks,
no filters, no links and no submodules that could act.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from filelock import FileLock

from belay.errors import DownloadError, PackageError, PackageNotFoundError, UnsafePathError
from belay.packages.download import Memory, public_url
from belay.packages.model import GitSource, destination_key, safe_destination
from belay.packages.sources.spec import check_ref

__all__ = ["COMMIT", "Git", "git_environment"]

COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")

MOST_BYTES = 128 << 20
"""Of all files of a package together."""

_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "protocol.allow": "never",
    "protocol.https.allow": "always",
    "protocol.http.allow": "always",
    "protocol.ssh.allow": "always",
    "protocol.git.allow": "always",
    "protocol.file.allow": "always",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "http.followRedirects": "initial",
}

_OF_A_REPOSITORY = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_CEILING_DIRECTORIES", "GIT_PREFIX",
    "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_EXTERNAL_DIFF", "GIT_EXEC_PATH",
)  # fmt: skip
"""They are set where a git hook runs us, and mean its repository."""


def git_environment(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables for git: nobody is asked for a password, and no other transports."""
    variables = dict(os.environ if base is None else base)
    for name in _OF_A_REPOSITORY:
        variables.pop(name, None)
    variables["GIT_TERMINAL_PROMPT"] = "0"
    variables["GIT_ALLOW_PROTOCOL"] = "https:http:ssh:git:file"
    variables["GIT_NO_REPLACE_OBJECTS"] = "1"
    variables["LC_ALL"] = "C"
    variables.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
    return variables


class Git:
    """Repositories in a folder of the cache.

    Args:
        folder: of bare repositories, one for each URL; made when needed.
        offline: only what is there already.
        timeout: seconds for one run of git.
        memory: keeps which commit a ref was, for when there is no network.
    """

    def __init__(
        self,
        folder: Path,
        *,
        offline: bool = False,
        timeout: float = 600.0,
        memory: Memory | None = None,
    ) -> None:
        self._memory = memory
        self._folder = folder
        self._offline = offline
        self._timeout = timeout
        self._turn = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()

    def give_up(self) -> None:
        """End what runs in other threads."""
        with self._turn:
            for process in self._running:
                _end(process)

    def commit(self, source: GitSource) -> str:
        """The commit that a source's ref is now.

        Raises:
            PackageNotFoundError: the repository has no such ref.
            DownloadError: it cannot be asked.
        """
        ref = source.ref
        if COMMIT.fullmatch(ref):
            return ref
        if ref:
            check_ref(ref)
        asked = f"git ls-remote {public_url(source.url)} {ref or 'HEAD'}"
        if self._offline:
            return self._recalled(asked, source)
        commit = self._asked(source)
        if self._memory is not None:
            self._memory.remember(asked, commit.encode())
        return commit

    def _recalled(self, asked: str, source: GitSource) -> str:
        with contextlib.suppress(LookupError):
            known = self._memory.recall(asked) if self._memory is not None else None
            if known is not None and COMMIT.fullmatch(known.decode("ascii", "replace")):
                return known.decode()
        raise self._is_offline(source)

    def _asked(self, source: GitSource) -> str:
        ref = source.ref
        patterns = [f"refs/tags/{ref}", f"refs/heads/{ref}", f"refs/tags/{ref}^{{}}"]
        output = self._git(
            ["ls-remote", "--", source.url, *(patterns if ref else ["HEAD"])], source
        )
        known = {}
        for line in output.decode(errors="replace").splitlines():
            commit, _, name = line.partition("\t")
            known[name] = commit
        wanted = [patterns[2], *patterns[:2]] if ref else ["HEAD"]
        for name in wanted:
            if COMMIT.fullmatch(known.get(name, "")):
                return known[name]
        shown = public_url(source.url)
        if re.fullmatch(r"[0-9a-f]{7,39}", ref):
            raise PackageNotFoundError(f"{shown} has no ref {ref!r}; a commit? Give all of it")
        what = f"no tag or branch {ref!r}" if ref else "no commit"
        raise PackageNotFoundError(f"{shown} has {what}")

    def files(self, source: GitSource, commit: str) -> dict[str, bytes]:
        """The files of a package, by their names in it.

        Args:
            source: its ``subdirectory`` is a folder or a file.
            commit: all of its digits.

        Raises:
            PackageNotFoundError: the commit or the folder is not there.
            UnsafePathError: there is a link, a submodule or a name that is refused.
        """
        if not COMMIT.fullmatch(commit):
            raise PackageError(f"{commit!r} is no commit")
        place = self._fetched(source, commit)
        entries = self._entries(place, source, commit)
        contents = self._contents(place, source, [digest for _, digest in entries])
        return {name: data for (name, _), data in zip(entries, contents, strict=True)}

    def _fetched(self, source: GitSource, commit: str) -> Path:
        key = hashlib.sha256(source.url.encode()).hexdigest()[:32]
        place = self._folder / f"{key}.git"
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / f"{key}.lock"):
            if not (place / "HEAD").is_file():
                self._git(["init", "--quiet", "--bare", "--template=", str(place)], source)
            if self._has(place, source, commit):
                return place
            if self._offline:
                raise self._is_offline(source)
            fetch = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--force"]
            try:
                self._git([*fetch, "--depth=1", "--", source.url, commit], source, place)
            except DownloadError:  # a server that gives no single commits
                refs = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
                self._git([*fetch, "--", source.url, *refs], source, place)
            if not self._has(place, source, commit):
                shown = public_url(source.url)
                raise PackageNotFoundError(f"{shown} has no commit {commit}")
        return place

    def _has(self, place: Path, source: GitSource, commit: str) -> bool:
        try:
            self._git(["cat-file", "-e", f"{commit}^{{tree}}"], source, place)
        except DownloadError:
            return False
        return True

    def _entries(self, place: Path, source: GitSource, commit: str) -> list[tuple[str, str]]:
        prefix = source.subdirectory.strip("/")
        arguments = ["ls-tree", "-r", "-z", "-l", "--full-tree", commit]
        output = self._git([*arguments, "--", prefix] if prefix else arguments, source, place)
        shown = public_url(source.url)
        entries: list[tuple[str, str]] = []
        seen: dict[str, str] = {}
        left = MOST_BYTES
        for line in output.decode(errors="surrogateescape").split("\0")[:-1]:
            about, _, path = line.partition("\t")
            mode, _, digest, size = about.split()
            name = path[len(prefix) :].lstrip("/") or path.rpartition("/")[2] if prefix else path
            if any(part.startswith(".") and part not in (".", "..") for part in name.split("/")):
                continue  # .git*, .github, .vscode: nothing for a board
            if mode not in ("100644", "100755"):
                kind = {"120000": "a link", "160000": "a submodule"}.get(mode, "no plain file")
                raise UnsafePathError(f"{shown}: {path!r} is {kind}")
            dest = safe_destination(name)
            if seen.setdefault(destination_key(dest), dest) != dest:
                raise UnsafePathError(f"{shown}: {dest!r} is one file with another")
            left -= int(size)
            if left < 0:
                raise PackageError(f"{shown} holds more than {MOST_BYTES:,} bytes")
            entries.append((dest, digest))
        if not entries:
            where = f"nothing at {prefix!r}" if prefix else "no files"
            raise PackageNotFoundError(f"{shown} has {where} in {commit[:12]}")
        return entries

    def _contents(self, place: Path, source: GitSource, digests: Sequence[str]) -> list[bytes]:
        asked = "".join(f"{digest}\n" for digest in digests).encode()
        output = self._git(["cat-file", "--batch"], source, place, asked)
        contents, at = [], 0
        for digest in digests:
            end = output.index(b"\n", at)
            known, _, size = output[at:end].decode().split()
            if known != digest:
                raise PackageError(f"{public_url(source.url)}: git gives {known} for {digest}")
            contents.append(output[end + 1 : end + 1 + int(size)])
            at = end + 2 + int(size)
        return contents

    def _is_offline(self, source: GitSource) -> DownloadError:
        shown = public_url(source.url)
        message = f"{shown} is not in the store, and --offline forbids to ask for it"
        return DownloadError(message, url=shown)

    def _run(self, command: Sequence[str], asked: bytes) -> subprocess.CompletedProcess[bytes]:
        """As ``subprocess.run``; in a session of its own, so that all it has started ends too."""
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=git_environment(),
            start_new_session=os.name == "posix",
        ) as process:
            with self._turn:
                self._running.add(process)
            try:
                output, errors = process.communicate(asked, timeout=self._timeout)
            except BaseException:
                _end(process)
                raise
            finally:
                with self._turn:
                    self._running.discard(process)
        return subprocess.CompletedProcess(command, process.returncode, output, errors)

    def _git(
        self, arguments: Sequence[str], source: GitSource, place: Path | None = None,
        asked: bytes = b"",
    ) -> bytes:  # fmt: skip
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        where = [f"--git-dir={place}"] if place else []
        shown = public_url(source.url)
        try:
            done = self._run(["git", *settings, *where, *arguments], asked)
        except FileNotFoundError as error:
            raise DownloadError(f"{shown} needs the program git, which is not here") from error
        except subprocess.TimeoutExpired as error:
            message = f"{shown}: git has no answer after {self._timeout:.0f} s"
            raise DownloadError(message, url=shown) from error
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["git failed"]
            reason = lines[-1].replace(source.url, shown)
            raise DownloadError(f"{shown}: {reason}", url=shown)
        return done.stdout


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it has started."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
