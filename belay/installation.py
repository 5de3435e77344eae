# SPDX-License-Identifier: Apache-2.0
"""Is the installed ``belay`` package really, and wholly, this one?

The distribution ``belay`` (0.30 and older) owns a package and a script of the same names as
``belay-jupyter``, and pip overwrites the files of one with those of the other without a word.
This module finds that out by looking at file names, in about a millisecond, without
``importlib.metadata`` (which costs a hundred).

It is a leaf that imports nothing of its own package at the top: it must still work when the files
around it belong to somebody else, so ``belay_jupyter`` loads it by its path.
"""

from __future__ import annotations

import json
import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["check_installation", "describe_problem"]

_PACKAGE = Path(__file__).resolve().parent

# "belay-0.30.1.dist-info", not "belay_jupyter-0.1.0.dist-info".
_FOREIGN = re.compile(r"belay-(?P<version>[^-]+)(?:-[^-]+)?\.(?:dist|egg)-info$", re.IGNORECASE)
_OURS = re.compile(r"belay_jupyter-[^-]+\.dist-info$", re.IGNORECASE)


def check_installation() -> None:
    """Stop where another distribution shares the files or the place of this package.

    Raises:
        belay.errors.ForeignBelayError: with what happened, and the commands that repair it.
    """
    problem = describe_problem()
    if problem:
        from belay.errors import ForeignBelayError

        raise ForeignBelayError(problem)


def describe_problem() -> str | None:
    """Say what is wrong with this installation and which commands repair it; None if nothing is."""
    foreign = _find_foreign()
    if foreign is not None:
        folder, version = foreign
        happened = (
            f"The old distribution 'belay' {version} is installed beside 'belay-jupyter', in "
            f"{folder}. Both own the package 'belay' and the command 'belay', so the files of one "
            "have replaced or hidden those of the other."
        )
        return _with_commands(happened, [_uninstall("belay"), _reinstall()])
    if not (_PACKAGE / "__init__.py").exists():
        happened = (
            f"Files of belay-jupyter are missing in {_PACKAGE}, most likely because the old "
            "distribution 'belay' was uninstalled and took them along."
        )
        return _with_commands(happened, [_reinstall()])
    found = _found_by_python()
    if found != _PACKAGE:
        return (
            f"Python finds another 'belay' first: {found or 'an unknown one'}, not {_PACKAGE}. "
            "Rename or remove it, or start Python elsewhere."
        )
    return None


def _find_foreign() -> tuple[Path, str] | None:
    """Find a distribution ``belay`` in our folder, or in one that Python searches earlier.

    One further down the path (in the base environment of a virtual environment, say) does no harm.
    """
    home = _PACKAGE.parent
    for folder in [*_searched_before(home), home]:
        for info in _folders(folder, _FOREIGN):
            if _owns_our_files(info):
                match = _FOREIGN.match(info.name)
                return folder, match["version"] if match else ""
    return None


def _searched_before(home: Path) -> list[Path]:
    before: list[Path] = []
    for entry in sys.path:
        folder = Path(entry or os.curdir).resolve()
        if folder == home:
            break
        if folder not in before:
            before.append(folder)
    return before


def _folders(folder: Path, name: re.Pattern[str]) -> list[Path]:
    try:
        return [folder / found for found in sorted(os.listdir(folder)) if name.match(found)]
    except OSError:  # not a folder (a zip file), or gone
        return []


def _owns_our_files(info: Path) -> bool:
    if info.name.lower().endswith(".egg-info"):
        return True  # a legacy install lists its files elsewhere, if at all
    try:
        record = (info / "RECORD").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False  # left over by a broken uninstall: it owns nothing
    return "belay/__init__.py," in record or _is_editable(info)


def _found_by_python() -> Path | None:
    """The folder of the package that ``import belay`` gives, or the file of a module."""
    loaded = sys.modules.get("belay")
    spec = loaded.__spec__ if loaded is not None else find_spec("belay")
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin).resolve()
    return origin.parent if origin.name == "__init__.py" else origin


def _with_commands(happened: str, commands: list[str]) -> str:
    return "\n".join([happened, "To repair it:", *(f"    {command}" for command in commands)])


def _uninstall(name: str) -> str:
    return f"{_pip('uninstall')}{'' if _is_uv() else ' -y'} {name}"


def _reinstall() -> str:
    force = "--reinstall" if _is_uv() else "--force-reinstall"
    return f"{_pip('install')} {force} --no-deps {_our_source()}"


def _pip(command: str) -> str:
    python = _quoted(sys.executable or "python")
    return f"uv pip {command} --python {python}" if _is_uv() else f"{python} -m pip {command}"


def _is_uv() -> bool:
    """Environments that uv makes have no pip of their own."""
    return find_spec("pip") is None


def _our_source() -> str:
    """What to give to ``pip install``: the name, or where this install came from."""
    for entry in sys.path:
        for info in _folders(Path(entry or os.curdir), _OURS):
            url = str(_direct_url(info).get("url", ""))
            if url:
                source = _quoted(url.removeprefix("file://"))
                return f"--editable {source}" if _is_editable(info) else source
    return "belay-jupyter"


def _is_editable(info: Path) -> bool:
    return bool(_direct_url(info).get("dir_info", {}).get("editable"))


def _direct_url(info: Path) -> dict[str, Any]:
    try:
        found = json.loads((info / "direct_url.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text else text
