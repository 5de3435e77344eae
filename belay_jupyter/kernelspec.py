# SPDX-License-Identifier: Apache-2.0
"""Makes the kernel known to Jupyters of other environments.

Installing the package is enough for a Jupyter in the same environment: the wheel carries the
kernelspec as shared data. What is installed here names this Python by its path, so that a Jupyter
elsewhere starts the kernel with it.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_data_dir

__all__ = ["NAME", "InstallError", "install", "uninstall"]

NAME = "micropython-belay"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

_PACKED = Path(__file__).resolve().parent / "spec"
_IN_THE_REPOSITORY = Path(__file__).resolve().parent.parent / "kernelspec"


class InstallError(Exception):
    """The kernelspec could not be written or removed; the message says why and what to try."""


def install(
    name: str = NAME, *, prefix: str = "", display_name: str = "", address: str = ""
) -> Path:
    """Write a kernelspec; one of the same name and place is replaced if it is one of ours.

    Args:
        name: what Jupyter calls it; also the name of its folder.
        prefix: for the Jupyter of the environment in this folder; empty: for this user, in
            whatever environment Jupyter runs.
        display_name: what people see; by default the usual name, with the address.
        address: of the board that its notebooks use, if they name none.

    Returns:
        Its folder.

    Raises:
        InstallError: it cannot be written.
    """
    folder = _folder(name, prefix)
    resources = _PACKED if _PACKED.is_dir() else _IN_THE_REPOSITORY
    spec: dict[str, Any] = json.loads((resources / "kernel.json").read_text(encoding="utf-8"))
    spec["argv"][0] = sys.executable
    if address:
        spec["env"]["BELAY_DEVICE"] = address
        spec["display_name"] += f" ({address})"
    if display_name:
        spec["display_name"] = display_name
    text = json.dumps(spec, indent=2, ensure_ascii=False)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            made = Path(scratch) / "spec"
            made.mkdir()
            for logo in resources.glob("logo-*"):
                shutil.copy(logo, made)
            (made / "kernel.json").write_text(f"{text}\n", encoding="utf-8")
            if folder.exists():
                _check_ours(folder)
                shutil.rmtree(folder)
            made.rename(folder)
    except OSError as error:
        raise InstallError(_refused(error)) from error
    return folder


def uninstall(name: str = NAME, *, prefix: str = "") -> Path:
    """Remove a kernelspec that :func:`install` has written.

    Args:
        name: its name.
        prefix: it is that of the environment in this folder; empty: it is the user's.

    Returns:
        Its folder, which is no more.

    Raises:
        InstallError: there is none, or it is not ours.
    """
    folder = _folder(name, prefix)
    if not folder.is_dir():
        raise InstallError(
            f"there is no kernel {name!r} at {folder}; `jupyter kernelspec list` shows where it is"
        )
    _check_ours(folder)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise InstallError(_refused(error)) from error
    return folder


def _folder(name: str, prefix: str) -> Path:
    """Where Jupyter looks for a kernelspec of this name."""
    if not _NAME.fullmatch(name):
        raise InstallError(
            f"a kernel cannot be called {name!r}: Jupyter takes letters, digits, '.', '_' and '-'"
        )
    data = Path(prefix).expanduser() / "share" / "jupyter" if prefix else Path(jupyter_data_dir())
    return data / "kernels" / name.lower()


def _check_ours(folder: Path) -> None:
    try:
        argv = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))["argv"]
    except (OSError, ValueError, KeyError, TypeError):
        argv = []
    if "belay_jupyter" not in argv:
        raise InstallError(f"the kernel at {folder} is not one of belay_jupyter; it stays as it is")


def _refused(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return f"{error}. Try --user, or --sys-prefix in an environment of yours."
    return str(error)
