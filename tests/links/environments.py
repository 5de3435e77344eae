# SPDX-License-Identifier: Apache-2.0
"""Programs of others that tests run beside ours, each in an environment of its own.

They lie under ``.make/``, so that a second run finds them. Nothing of them is in this package.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / ".make"


def installed(package: str, version: str, *, alone: bool = False, must: bool = True) -> Path:
    """The Python of an environment that has a package; the test is skipped where it cannot be had.

    Args:
        package: its name on PyPI.
        version: which one.
        alone: without what it depends on.
        must: a CI run (``CI`` is set) fails without it.
    """
    environment = FOLDER / f"{package}-{version}"
    python = environment / "bin" / "python"
    if not python.exists():
        try:
            _install(environment, f"{package}=={version}", ["--no-deps"] if alone else [])
        except (subprocess.SubprocessError, OSError) as error:
            reason = f"{package} {version} cannot be installed: {getattr(error, 'stderr', error)}"
            if os.environ.get("CI") and must:
                pytest.fail(reason)
            pytest.skip(reason)
    return python


def _install(environment: Path, package: str, options: list[str]) -> None:
    """Make the environment; the last step is the one that makes it appear."""
    environment.parent.mkdir(parents=True, exist_ok=True)
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise FileNotFoundError("there is no uv; make installs it")
    with tempfile.TemporaryDirectory(dir=environment.parent) as scratch:
        made = str(Path(scratch) / "venv")
        install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", made]
        for command in (
            [uv, "venv", "--quiet", "--relocatable", "--python", sys.executable, made],
            [*install, *options, package],
        ):
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=100)
        with contextlib.suppress(OSError):  # another worker was faster
            os.rename(made, environment)
