# SPDX-License-Identifier: Apache-2.0
"""The Pythons of this machine that the package is for, each with what it depends on."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.jupyter.kernels import ROOT

VERSIONS = [f"3.{minor}" for minor in range(10, 15)]


class NotCreatableError(Exception):
    """There is no environment for a Python; the text says why."""


def find(version: str) -> Path | None:
    """An interpreter of this version that can be started, or None."""
    for candidate in _candidates(version):
        asked = [candidate, "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"]
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            # A name on the path need not be a Python: pyenv puts programs there that only explain.
            said = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True)
            if said.stdout.strip() == version:
                return candidate
    return None


def _candidates(version: str) -> Iterator[Path]:
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        yield Path(sys.executable)
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        yield Path(folder, f"python{version}")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{version}*/bin/python{version}"), reverse=True)


def environment(version: str) -> Path:
    """The Python of an environment with our dependencies, kept under ``.make/``.

    Raises:
        NotCreatableError: no such Python, or the dependencies cannot be fetched.
    """
    base = None if sys.platform == "win32" else find(version)
    if base is None:
        raise NotCreatableError(f"no Python {version} here")
    if base == Path(sys.executable):
        return base
    wanted = [ROOT / "pyproject.toml", ROOT / "constraints.txt"]
    mark = hashlib.sha256(b"".join(path.read_bytes() for path in wanted)).hexdigest()[:8]
    folder = ROOT / ".make" / f"python-{version}-{mark}"
    python = folder / "bin" / "python"
    if not python.exists():
        for outdated in folder.parent.glob(f"python-{version}-*"):
            shutil.rmtree(outdated, ignore_errors=True)
        _make(folder, base)
    return python


def _make(folder: Path, base: Path) -> None:
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise NotCreatableError("no uv")
    folder.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        made = Path(scratch) / "venv"
        install = [uv, "pip", "install", "--quiet", "--python", made / "bin" / "python"]
        for command in (
            [uv, "venv", "--quiet", "--python", base, made],
            [*install, "-c", ROOT / "constraints.txt", "-r", ROOT / "pyproject.toml"],
        ):
            done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
            if done.returncode:
                raise NotCreatableError(done.stderr)
        with contextlib.suppress(OSError):  # another worker was faster
            made.rename(folder)
