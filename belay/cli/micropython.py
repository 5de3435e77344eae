# SPDX-License-Identifier: Apache-2.0
"""What MicroPython's unix port does with its arguments, on the interpreter of the virtual board.

For ``belay virtual run``, and for ``belay run micropython`` where there is no such program.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from belay.cli.usage import UsageError
from belay.errors import BelayException

__all__ = ["run_micropython", "virtual_run"]

_DEFAULT_PATH = (".frozen", "~/.micropython/lib", "/usr/lib/micropython")
"""Where the unix port looks if MICROPYPATH is not set (its main.c)."""

_FROZEN = ".frozen"

_MODULE = """\
try:
 __import__({name!r}+".__main__")
except ImportError:
 __import__({name!r})
"""


class _Chosen(NamedTuple):
    """What the words mean: a file, or else source; the arguments; where imports look first."""

    file: str | None
    source: str
    arguments: Sequence[str]
    folder: str = ""


def virtual_run(*words: str) -> int:
    """Run a program on a real MicroPython, as micropython on a computer does.

    It reads standard input, prints to standard output, sees the files of this computer, and ends
    with the status that it gives to sys.exit: 1 after an exception, whose traceback goes to
    standard error, and 130 after Ctrl-C. Modules are found in the script's folder, in those of
    MICROPYPATH, and in the packages of the project that the current folder is in.

    Args:
        words: SCRIPT, -c COMMAND, -m MODULE, or nothing for a prompt (where standard input is a
            terminal; else it is the program), and the program's own arguments.

    Examples:
        belay virtual run test.py --verbose
        belay virtual run -m unittest
        belay virtual run -c "import sys; print(sys.version)"
    """
    from belay.packages.environment import environment, project_folder

    return run_micropython(words, environment(project_folder()))


def prepare(tokens: Sequence[str]) -> list[str]:
    """Keep all options, which are MicroPython's or the program's, from being taken for ours."""
    return list(tokens) if list(tokens) in (["--help"], ["-h"]) else ["--", *tokens]


def run_micropython(arguments: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run a program as the program ``micropython`` would.

    Args:
        arguments: ``FILE [ARGUMENTS]``, ``-c COMMAND``, ``-m MODULE``, or nothing.
        variables: ``MICROPYPATH`` among them.

    Returns:
        The exit status.
    """
    given = variables.get("MICROPYPATH")
    folders = list(_DEFAULT_PATH) if given is None else given.split(os.pathsep)
    folders = [each for each in folders if each]
    chosen = _choose(arguments, folders)
    if chosen is None:
        return _prompt(folders)
    from belay.virtual.program import Program, run_program

    sys.stdout.flush()
    path = [chosen.folder, *folders]
    return run_program(Program(chosen.file, chosen.source, chosen.arguments, path))


def _choose(arguments: Sequence[str], folders: Sequence[str]) -> _Chosen | None:
    """What is to run; None for the prompt."""
    words = list(arguments)
    while words and words[0].startswith("-") and words[0] not in ("-c", "-m", "-"):
        del words[: 2 if words[0] == "-X" else 1]  # -v, -O…, -X heapsize=…: about the program
    if words[:1] == ["-"] or not (words or sys.stdin.isatty()):
        return _Chosen(None, sys.stdin.read(), words or [""])
    if not words:
        return None
    if words[0] not in ("-c", "-m"):
        return _file(words[0], words[1:], os.path.dirname(os.path.realpath(words[0])))
    if len(words) < 2:
        raise UsageError(f"micropython {words[0]}: what is to run is missing")
    if words[0] == "-c":
        return _Chosen(None, words[1], ["-c", *words[2:]])
    for folder in ("", *folders):
        file = Path(folder).expanduser().joinpath(*words[1].split(".")).with_suffix(".py")
        if folder != _FROZEN and file.is_file():
            return _file(str(file), words[2:], "")
    source = _MODULE.format(name=words[1])
    return _Chosen(None, source, [f"-m {words[1]}", *words[2:]])


def _file(file: str, arguments: Sequence[str], folder: str) -> _Chosen:
    try:
        with open(file, encoding="utf-8") as stream:
            stream.read()
    except (OSError, UnicodeDecodeError) as error:
        raise BelayException(f"{file} cannot be read: {error}") from error
    return _Chosen(file, "", [file, *arguments], folder)


def _prompt(folders: Sequence[str]) -> int:
    """A prompt on a board that sees the current folder and those of the path."""
    from belay.device import Device
    from belay.terminal.console import run_console
    from belay.terminal.history import LineHistory, default_path

    here = "/here"
    with Device("virtual:", reset=False, startup="import os, sys") as device:
        device.mount(".", here, readonly=False, importing=False)
        path = [""]
        for number, folder in enumerate(folders):
            if folder == _FROZEN:
                path += device("[each for each in sys.path if each[:1] == '.' or each[:2] == '/.']")
            elif os.path.isdir(folder := os.path.expanduser(folder)):
                path.append(f"/path{number}")
                device.mount(folder, path[-1], importing=False)
        device(f"os.chdir({here!r}); sys.path[:] = {path!r}", record=False)
        run_console(device, history=LineHistory(default_path()))
    return 0


virtual_run.prepare = prepare  # type: ignore[attr-defined]
