# SPDX-License-Identifier: Apache-2.0
"""``belay terminal``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from belay.cli.boards import targets_of
from belay.cli.options import ANY_BOARD, BoardOptions, Words
from belay.cli.usage import UsageError

__all__ = ["terminal"]

_FILE_KEY, _CODE_KEY, _ASK_KEY = "\x0b", "\n", "\x14"
"""Ctrl-K and Ctrl-J as in mpremote; Ctrl-T."""

Source = tuple[str, str]


def terminal(
    *words: Words,
    boards: BoardOptions = ANY_BOARD,
    inject_file: Path | None = None,
    inject_code: str | None = None,
    capture: Path | None = None,
    no_history: bool = False,
) -> None:
    """Talk to a board's own prompt.

    Nothing is reset or interrupted: what the board runs goes on, and its output is shown. Every
    key goes to the board, Ctrl-C and Ctrl-D too. Ctrl-] ends this.

    The arrow keys up and down find the lines of earlier terminals, too; with something typed,
    those that begin so. A line that begins with a space is not remembered. Text that is pasted
    keeps its indentation. Ctrl-T asks for a file of this computer and runs it on the board;
    tracebacks show its lines. Input that is not typed is sent line by line.

    Args:
        words: PORT.
        boards: which board.
        inject_file: what Ctrl-K runs on the board; it is read every time.
        inject_code: what Ctrl-J runs on the board.
        capture: keep what the board sends in this file, too.
        no_history: neither remember lines nor find them; the arrow keys are the board's.

    Examples:
        belay terminal
        belay terminal /dev/ttyACM0
        belay terminal --inject-file sensor.py virtual:
        echo 'print(6 * 7)' | belay terminal virtual:
    """
    targets = targets_of(boards.split(words, most=0))
    if len(targets) > 1:
        raise UsageError(f"a terminal is for one board, not for {len(targets)}")

    from belay.terminal import Injection, converse
    from belay.terminal.history import LineHistory, default_path
    from belay.transports import open_transport

    injections = {_ASK_KEY: Injection("runs a file", _asked)}
    if inject_file is not None:
        injections[_FILE_KEY] = Injection(f"runs {inject_file}", _reader(inject_file))
    if inject_code is not None:
        code = inject_code
        injections[_CODE_KEY] = Injection("runs the code", lambda: (code, "<inject-code>"))
    options: dict[str, Any] = {}
    if boards.password is not None:
        options["password"] = boards.password
    with _created(capture) as captured:
        converse(
            open_transport(targets[0].address, **options),
            history=None if no_history else LineHistory(default_path()),
            injections=injections,
            capture=captured,
        )


def _created(path: Path | None) -> Any:
    if path is None:
        return contextlib.nullcontext()
    try:
        return path.open("wb")
    except OSError as error:
        raise UsageError(f"--capture {path}: {error.strerror}") from None


def _reader(path: Path) -> Callable[[], Source | None]:
    """Reads a file, every time it is asked; one that cannot be read is told and runs nothing."""

    def read() -> Source | None:
        try:
            return path.read_text("utf-8-sig"), str(path)  # Windows' editors begin files so
        except (OSError, UnicodeDecodeError) as error:
            print(f"\nbelay: {path}: {error}")
            return None

    return read


def _asked() -> Source | None:
    import questionary

    print()
    name = questionary.path("File to run on the board:", qmark="").ask()
    return _reader(Path(name).expanduser())() if name else None
