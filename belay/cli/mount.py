# SPDX-License-Identifier: Apache-2.0
"""``belay mount``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from belay.cli.boards import one_board
from belay.cli.options import ANY_BOARD, BoardOptions, Words
from belay.cli.usage import UsageError
from belay.mounting import mount_point

__all__ = ["mount"]


def mount(
    *words: Words,
    boards: BoardOptions = ANY_BOARD,
    at: str = "/remote",
    write: bool = False,
    no_import: bool = False,
    no_history: bool = False,
) -> int:
    """Let a board see a folder of this computer, and import from it.

    Nothing is copied to the board: it sees every file as it is at that moment. It reaches nothing
    outside of FOLDER. With SCRIPT, a file of this computer or of FOLDER, the board is soft-reset
    and runs it. Without, you get a prompt, in which the folder is there until Ctrl-D.

    Args:
        words: PORT, FOLDER and SCRIPT.
        boards: which board.
        at: where the board sees the folder; /remote by default.
        write: let the board change the folder, and remove from it.
        no_import: do not look there for modules.
        no_history: neither remember lines of the prompt nor find them.

    Examples:
        belay mount .
        belay mount src src/main.py
        belay mount /dev/ttyACM0 data --write --at /data
    """
    split = boards.split(words, least=1, most=2)
    folder, *script = split.words
    if not os.path.isdir(folder):
        raise UsageError(f"there is no folder {folder!r}")
    try:
        at = mount_point(at)
    except ValueError as error:
        raise UsageError(f"--at: {error}") from None
    source, filename = _script(folder, script[0]) if script else ("", "")
    with one_board(split, reset=bool(script), startup=None if script else "") as board:
        device = board.device
        with device.mount(folder, at, not write, importing=not no_import):
            if script:
                from belay.scripts import run_script

                return run_script(device, source, filename=filename)
            from belay.terminal.console import run_console
            from belay.terminal.history import LineHistory, default_path

            if sys.stdin.isatty():
                print(f"{folder} is {at} on {device.address}; Ctrl-D ends this")
            run_console(device, history=None if no_history else LineHistory(default_path()))
    return 0


def _script(folder: str, name: str) -> tuple[str, str]:
    """The text of a script, and its path."""
    for path in (Path(name), Path(folder, name)):
        if path.is_file():
            try:
                return path.read_text("utf-8"), str(path)
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(f"{path}: {error}") from None
    raise UsageError(f"there is no script {name!r}, and none in {folder!r}")
