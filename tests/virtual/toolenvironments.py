# SPDX-License-Identifier: Apache-2.0
"""Other people's tools, each in an environment of its own, which is kept between runs."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

_FOLDER = Path(__file__).resolve().parents[2] / ".make"


def python_with(name: str, *packages: str, dependencies: bool = True) -> str:
    """The Python of an environment that has these packages, made when it is not there.

    Without a network the test is skipped, but fails where CI is set.

    Args:
        name: of the environment, with the version in it.
        packages: what to install.
        dependencies: install what they need, too.
    """
    environment = _FOLDER / name
    if not _python(environment).exists():
        try:
            _install(environment, packages, dependencies)
        except (subprocess.SubprocessError, OSError) as error:
            reason = f"{name} cannot be installed: {getattr(error, 'stderr', error)}"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
    return str(_python(environment))


def _python(environment: Path) -> Path:
    return environment / "bin" / "python"


def _install(environment: Path, packages: tuple[str, ...], dependencies: bool) -> None:
    """Make the environment; the last step is the one that makes it appear."""
    environment.parent.mkdir(parents=True, exist_ok=True)
    beside_python = str(Path(sys.executable).parent)
    uv = shutil.which("uv", path=beside_python) or shutil.which("uv")
    options = [] if dependencies else ["--no-deps"]
    with tempfile.TemporaryDirectory(dir=environment.parent) as scratch:
        made = Path(scratch) / "venv"
        if uv:
            pip = [uv, "pip", "install", "--quiet", "--python", str(_python(made))]
            commands = [[uv, "venv", "--quiet", "--python", sys.executable, str(made)]]
        else:
            pip = [str(_python(made)), "-m", "pip", "install", "--quiet"]
            commands = [[sys.executable, "-m", "venv", str(made)]]
        for command in [*commands, [*pip, *options, *packages]]:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=100)
        with contextlib.suppress(OSError):  # another worker was faster
            made.rename(environment)
