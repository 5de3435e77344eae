# SPDX-License-Identifier: Apache-2.0
"""``belay run``."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from belay.cli.boards import Board, each_board, reads_like_a_board
from belay.cli.options import ANY_BOARD, BoardOptions, Seconds, Words
from belay.cli.usage import UsageError
from belay.errors import BelayException, ConnectionLost

__all__ = ["prepare", "run"]

_TAKE_A_VALUE = ("-t", "--target", "--port", "--password", "--timeout")
_MICROPYTHON = "micropython"

_STDIN = "<stdin>"
"""What stands for ``-``, which cyclopts takes for an option; tracebacks show it."""


def run(
    *words: Words,
    boards: BoardOptions = ANY_BOARD,
    follow: Annotated[bool, Parameter(name=("--follow", "-f"))] = False,
    attach: bool = False,
    timeout: Seconds = None,
) -> int:
    """Run a script on a board, or a program with the project's packages.

    A FILE that ends in .py, or that is no program, runs on the board, which is soft-reset first;
    - is standard input. What it prints is shown as it comes; a traceback shows FILE's own lines.
    Its arguments stand behind --, and what it gives to sys.exit is the exit status.

    Any other word is a program of this computer, such as micropython or a test runner. It is
    started with all that follows, and finds the project's packages, by MICROPYPATH, behind what it
    finds by itself. Where there is no micropython, the virtual board takes its place; it sees the
    current folder.

    Args:
        words: PORT, and the script with its arguments.
        boards: which boards.
        follow: show what the board prints when the script has ended, from timers and interrupts,
            until Ctrl-C.
        attach: do not reset the board; the script finds what is in its memory.
        timeout: seconds after which the script is interrupted.

    Examples:
        belay run blink.py
        belay run /dev/ttyACM0 blink.py --follow
        belay run -t left -t right log.py -- --rate 10
        belay run micropython -m unittest
    """
    split = boards.split(words, least=1)
    file, *arguments = split.words
    if is_program(file):
        if split.port or boards.target:
            raise UsageError(f"{file} is a program of this computer: it runs on no board")
        return _run_program(file, arguments)
    source = _read(file)

    def work(board: Board) -> None:
        from belay.scripts import run_script

        given = [file, *arguments] if arguments else []
        board.status = run_script(
            board.device,
            source,
            filename=file,
            arguments=given,
            stream_out=board.out,
            timeout=timeout,
        )
        if follow:
            _follow(board)

    return each_board(split, work, reset=not attach)


def prepare(tokens: Sequence[str]) -> list[str]:
    """Keep the options of a program from being taken for ours: they stand behind its name.

    Args:
        tokens: what was typed behind ``belay run``.
    """
    index = 0
    port_seen = False
    while index < len(tokens):
        token = tokens[index]
        if token == "--":
            break
        if token.startswith("-") and token != "-":
            index += 2 if token in _TAKE_A_VALUE else 1
            port_seen |= token.startswith(("-t", "--target", "--port"))
        elif not port_seen and index + 1 < len(tokens) and reads_like_a_board(token):
            port_seen = True
            index += 1
        elif token == "-":
            return [*tokens[:index], _STDIN, *tokens[index + 1 :]]
        elif is_program(token):
            return [*tokens[:index], "--", *tokens[index:]]
        else:
            break
    return list(tokens)


def is_program(word: str) -> bool:
    """Whether a word means a program of this computer, and no script for a board."""
    if word.endswith(".py") or word in ("-", _STDIN):
        return False
    return word == _MICROPYTHON or shutil.which(word) is not None


def _read(file: str) -> str:
    if file == _STDIN:
        return sys.stdin.read()
    try:
        return Path(file).read_text(encoding="utf-8")
    except FileNotFoundError:
        what = "a script" if file.endswith(".py") else "a script or a program"
        raise UsageError(f"there is no {file!r}: give {what}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BelayException(f"{file} cannot be read: {error}") from error


def _follow(board: Board) -> None:
    """Show what the board prints, until Ctrl-C or the end of the link."""
    import threading

    from belay.output import handler

    over = threading.Event()
    lost: list[Exception] = []

    def ended(error: Exception) -> None:
        lost.append(error)
        over.set()

    board.stop = over.set
    board.device._session.listen(handler(board.out), ended)
    while not over.wait(1.0):  # without a limit, Windows would not see Ctrl-C
        pass
    if lost and isinstance(lost[0], ConnectionLost):
        raise lost[0]


def _run_program(name: str, arguments: Sequence[str]) -> int:
    from belay.packages.environment import environment, project_folder

    variables = environment(project_folder())
    found = shutil.which(name)
    if found is None:
        from belay.cli.micropython import run_micropython

        return run_micropython(arguments, variables)
    import subprocess

    sys.stdout.flush()
    try:
        process = subprocess.Popen([found, *arguments], env=variables)
    except OSError as error:
        raise BelayException(f"{found} cannot be started: {error}") from error
    while True:
        try:
            status = process.wait()
        except KeyboardInterrupt:  # it has got that too, and ends as it likes
            continue
        return 128 - status if status < 0 else status


run.prepare = prepare  # type: ignore[attr-defined]
