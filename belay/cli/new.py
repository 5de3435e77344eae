# SPDX-License-Identifier: Apache-2.0
"""``belay new`` and ``belay export``: the beginning of a project, and its end."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from belay.cli.options import Words
from belay.cli.projects import opened
from belay.cli.usage import UsageError, WordCountError
from belay.errors import PackageError

__all__ = ["export", "new"]

FOUND = "found"
"""What stands for all boards on USB."""


def new(
    *words: Words,
    name: str | None = None,
    boards: Annotated[tuple[str, ...], Parameter(name="--boards", consume_multiple=True)] = (),
) -> None:
    """Make a project that runs as it is.

    That is pyproject.toml, main.py, a folder of code for the board, README.md and .gitignore.
    Files that are there stay as they are; a pyproject.toml gets [tool.belay] behind what it has.

    Args:
        words: PATH of its folder, which is made if it is not there; the current one by default.
        name: of the project, and of the folder of its code; made of that of PATH by default.
        boards: NAME=ADDRESS, one or several: boards that pyproject.toml names; found stands for
            those that are on USB now.

    Examples:
        belay new weather
        belay new . --name weather_station
        belay new weather --boards desk=usb:2e8a:0005 sim=virtual:
    """
    from belay.packages.template import make_project

    if len(words) > 1:
        raise WordCountError("give one PATH")
    folder = Path(words[0] if words else ".")
    made = make_project(folder, name, _boards(boards, folder))
    for sign, files in (("+", made.made), ("~", made.changed)):
        for path in files:
            print(f"{sign} {folder / path}")
    for path in made.left:
        print(f"  {folder / path} was there, and is as it was")
    where = "" if folder.resolve() == Path.cwd() else f"cd {os.fspath(folder)} && "
    print(f"Try: {where}belay install virtual: --main main.py --follow")


def export(
    *,
    output: Annotated[str, Parameter(name=("--output", "-o"), allow_leading_hyphen=True)] = "",
) -> None:
    """Make a package.json of a project, which mip can install.

    It stands in the project's folder, and names the project's code by paths in there. Publish the
    folder, and `mip install` of its address installs it with its dependencies.

    Args:
        output: another name in the project's folder; - prints it.

    Examples:
        belay export
        belay export --output -
    """
    from belay.packages.export import dumped, package_json
    from belay.packages.writing import write_whole

    if os.path.basename(output) != output or (output not in ("", "-") and output[:1] == "."):
        raise UsageError(f"--output {output}: it must be the name of a file, in no other folder")
    with opened() as workspace:
        text = dumped(package_json(workspace, workspace.check()))
        if output == "-":
            print(text, end="")
            return
        path = workspace.project.root / (output or "package.json")
        try:
            write_whole(path, text.encode("utf-8"))
        except OSError as error:
            raise PackageError(f"{path} cannot be written: {error.strerror}") from error
    print(path)


def _boards(words: Sequence[str], folder: Path) -> dict[str, str]:
    from belay.transports.boards import entry_text

    found: dict[str, str] = {}
    for word in (part for each in words for part in each.split(",") if part):
        if word == FOUND:
            found |= _attached()
            continue
        name, equals, address = word.partition("=")
        if not equals or not name or not address:
            raise UsageError(f"--boards {word}: give NAME=ADDRESS, or {FOUND}")
        found[name] = entry_text(name, address, folder)
    return found


def _attached() -> dict[str, str]:
    """The boards on USB, by names made of what they call themselves."""
    import re

    from belay.transports.boards import entry_text
    from belay.transports.usb import list_devices

    found: dict[str, str] = {}
    for device in list_devices():
        device.device = None  # the port may be another one tomorrow
        base = re.sub(r"[^a-z0-9]+", "-", str(device.product or "board").lower()).strip("-")
        name, number = base or "board", 2
        while name in found:
            name, number = f"{base}-{number}", number + 1
        found[name] = entry_text(name, device)
    return found
