# SPDX-License-Identifier: Apache-2.0
"""Is the installed ``belay`` package really this one?

The distribution ``belay`` (0.30 and older) owns a package and a script of the same names as
``belay-jupyter``, and pip overwrites the files of one with those of the other without a word.
This module finds that out by looking at file names, in about a millisecond, without
``importlib.metadata`` (which costs a hundred).

It stays a leaf without imports of its own package at the top: it must still work when half of the
files around it belong to somebody else.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

__all__ = ["check_installation", "find_foreign_belay", "repair_commands"]

_PACKAGE = Path(__file__).resolve().parent

# "belay-0.30.1.dist-info", not "belay_jupyter-0.1.0.dist-info".
_FOREIGN = re.compile(r"belay-(?P<version>[^-]+)(?:-[^-]+)?\.(?:dist|egg)-info$", re.IGNORECASE)
_OURS = re.compile(r"belay_jupyter-[^-]+\.dist-info$", re.IGNORECASE)


def check_installation() -> None:
    """Stop where another distribution shares the files of this package.

    Raises:
        belay.errors.ForeignBelayError: with what happened, and the commands that repair it.
    """
    foreign = find_foreign_belay()
    if foreign is None and (_PACKAGE / "__init__.py").exists():
        return
    from belay.errors import ForeignBelayError

    if foreign is None:
        happened = (
            f"The package in {_PACKAGE} is damaged: files of belay-jupyter are missing, most "
            "likely because the old distribution 'belay' was uninstalled and took them along."
        )
    else:
        folder, version = foreign
        happened = (
            f"The old distribution 'belay' {version} is installed beside 'belay-jupyter' in "
            f"{folder}. Both own the package 'belay' and the command 'belay', so the files of the "
            "two are mixed."
        )
    commands = repair_commands(foreign_installed=foreign is not None)
    raise ForeignBelayError("\n".join([happened, "To repair it:", *(f"    {c}" for c in commands)]))


def find_foreign_belay() -> tuple[Path, str] | None:
    """Find a distribution named ``belay`` that can shadow or overwrite this package.

    That is one in the folder which holds this package, or in a folder that Python searches
    earlier. One further down the path (in the base environment of a virtual environment, say)
    does no harm.

    Returns:
        The folder and the version of the other distribution, or None.
    """
    home = _PACKAGE.parent
    for entry in dict.fromkeys([*_searched_before(home), str(home)]):
        try:
            names = os.listdir(entry)
        except OSError:  # not a folder (a zip file), or gone
            continue
        for name in names:
            match = _FOREIGN.match(name)
            if match and _owns_our_files(Path(entry, name)):
                return Path(entry), match["version"]
    return None


def repair_commands(*, foreign_installed: bool = True) -> list[str]:
    """The commands that leave a whole ``belay-jupyter`` and nothing else.

    Args:
        foreign_installed: False when the other distribution is gone already.
    """
    python = "python" if not sys.executable else _quoted(sys.executable)
    commands = [f"{python} -m pip uninstall -y belay"] if foreign_installed else []
    return [
        *commands,
        f"{python} -m pip install --force-reinstall --no-deps {_our_source()}",
    ]


def _searched_before(home: Path) -> list[str]:
    before: list[str] = []
    for entry in sys.path:
        folder = Path(entry or os.curdir).resolve()
        if folder == home:
            return before
        before.append(str(folder))
    return before


def _owns_our_files(info: Path) -> bool:
    if info.name.lower().endswith(".egg-info"):
        return True  # a legacy install lists its files elsewhere, if at all
    try:
        record = (info / "RECORD").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False  # left over by a broken uninstall: it owns nothing
    return "belay/__init__.py," in record or _is_editable(info)


def _is_editable(info: Path) -> bool:
    return bool(_direct_url(info).get("dir_info", {}).get("editable"))


def _our_source() -> str:
    """What to give to ``pip install``: the name, or where this install came from."""
    for entry in sys.path:
        try:
            names = os.listdir(entry or os.curdir)
        except OSError:
            continue
        for name in filter(_OURS.match, names):
            info = Path(entry, name)
            url = str(_direct_url(info).get("url", ""))
            if url:
                source = _quoted(url.removeprefix("file://"))
                return f"--editable {source}" if _is_editable(info) else source
    return "belay-jupyter"


def _direct_url(info: Path) -> dict[str, dict[str, object]]:
    try:
        found = json.loads((info / "direct_url.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text else text
