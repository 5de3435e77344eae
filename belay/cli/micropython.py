# SPDX-License-Identifier: Apache-2.0
"""What MicroPython's unix port does with its arguments, on a virtual board.

For ``belay run micropython …`` where there is no such program: the board sees the current folder
and the folders of ``MICROPYPATH``, as the program would.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from belay.cli.usage import UsageError
from belay.errors import BelayException

if TYPE_CHECKING:
    from belay.device import Device

__all__ = ["run_micropython"]

_HERE = "/here"
"""Where the board sees the current folder; it can write there, as the program could."""

_FROZEN = ".frozen"

_MODULE = """\
try:
 __import__({name!r}+".__main__")
except ImportError:
 __import__({name!r})
"""


class Program(NamedTuple):
    """What is to run.

    Attributes:
        name: of the file, or what stands for one.
        source: its text; None for none, which is the prompt.
        arguments: what follows in ``sys.argv``.
        folder: where ``import`` looks first; empty is the current folder.
    """

    name: str
    source: str | None
    arguments: Sequence[str] = ()
    folder: str = ""


def run_micropython(arguments: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run a program on a new virtual board.

    Args:
        arguments: ``FILE [ARGUMENTS]``, ``-c COMMAND``, ``-m MODULE``, or nothing for the prompt.
        variables: ``MICROPYPATH`` among them; others the board does not see.

    Returns:
        The exit status.
    """
    from belay.device import Device
    from belay.scripts import run_script

    folders = [each for each in variables.get("MICROPYPATH", _FROZEN).split(os.pathsep) if each]
    program = _program(arguments, folders)
    with Device("virtual:", reset=False, startup="import os, sys") as device:
        _show(device, program, folders)
        if program.source is None:
            from belay.terminal.console import run_console
            from belay.terminal.history import LineHistory, default_path

            run_console(device, history=LineHistory(default_path()))
            return 0
        given = [program.name, *program.arguments]
        return run_script(device, program.source, filename=program.name, arguments=given)


def _program(arguments: Sequence[str], folders: Sequence[str]) -> Program:
    words = list(arguments)
    while words and words[0].startswith("-") and words[0] not in ("-c", "-m"):
        del words[: 2 if words[0] == "-X" else 1]  # -v, -O…, -X heapsize=…: about the program
    if not words:
        return Program("", None)
    if words[0] not in ("-c", "-m"):
        return Program(words[0], _text(words[0]), words[1:], os.path.dirname(words[0]))
    if len(words) < 2:
        raise UsageError(f"micropython {words[0]}: what is to run is missing")
    if words[0] == "-c":
        return Program("-c", words[1], words[2:])
    for folder in ("", *folders):
        file = Path(folder).expanduser().joinpath(*words[1].split(".")).with_suffix(".py")
        if folder != _FROZEN and file.is_file():
            return Program(str(file), _text(str(file)), words[2:])
    return Program(f"-m {words[1]}", _MODULE.format(name=words[1]), words[2:])


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BelayException(f"{file} cannot be read: {error}") from error


def _show(device: Device, program: Program, folders: Sequence[str]) -> None:
    """Let the board see the folders that the program would see, and look for modules there."""
    device.mount(".", _HERE, readonly=False, importing=False)
    path = [""]
    if program.folder:
        path = ["/script"]
        device.mount(program.folder, path[0], importing=False)
    for number, folder in enumerate(folders):
        if folder == _FROZEN:
            path.append(_FROZEN)
        elif os.path.isdir(folder := os.path.expanduser(folder)):
            path.append(f"/path{number}")
            device.mount(folder, path[-1], importing=False)
    device(f"os.chdir({_HERE!r}); sys.path[:] = {path!r}", record=False)
