# SPDX-License-Identifier: Apache-2.0
"""``belay cat``, ``mv``, ``rm``, ``mkdir`` and ``edit``: single files and folders of a board."""

from __future__ import annotations

import os
import posixpath
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from belay.cli.boardpaths import Resolver
from belay.cli.boards import Board, each_board, one_board
from belay.cli.options import ANY_BOARD, BoardOptions, Words
from belay.cli.usage import UsageError
from belay.errors import BelayException

__all__ = ["cat", "edit", "mkdir", "mv", "rm"]

Recursive = Annotated[bool, Parameter(name=("--recursive", "-r"))]
Force = Annotated[bool, Parameter(name=("--force", "-f"))]
Parents = Annotated[bool, Parameter(name=("--parents", "-p"))]
Yes = Annotated[bool, Parameter(name=("--yes", "-y"))]


def cat(*words: Words, boards: BoardOptions = ANY_BOARD) -> int:
    """Show what is in files of a board.

    Bytes come out as they are, so this also fetches a file: belay cat :data.bin > data.bin

    Args:
        words: PORT and files of the board.
        boards: which boards.

    Examples:
        belay cat :boot.py
        belay cat /dev/ttyACM0 :main.py :lib/sensor.py
    """
    split = boards.split(words, least=1, most=None)

    def work(board: Board) -> None:
        resolve = Resolver(board.device)
        for word in split.words:
            data = board.device.files.read(resolve(word))
            if board.alone:
                sys.stdout.flush()
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
            else:
                board.out.write(data.decode("utf-8", "replace"))

    return each_board(split, work, startup="")


def mv(*words: Words, boards: BoardOptions = ANY_BOARD) -> int:
    """Move or rename files and folders on a board.

    Args:
        words: PORT, what to move, and where to: a new name, or a folder that is there.
        boards: which boards.

    Examples:
        belay mv :main.py :old.py
        belay mv /dev/ttyACM0 :a.py :b.py :lib
    """
    split = boards.split(words, least=2, most=None)

    def work(board: Board) -> None:
        files, resolve = board.device.files, Resolver(board.device)
        *sources, target = [resolve(word) for word in split.words]
        into = files.is_dir(target)
        if not into and (len(sources) > 1 or split.words[-1].endswith("/")):
            raise BelayException(f":{target}: there is no such folder")
        for source in sources:
            new = posixpath.join(target, posixpath.basename(source)) if into else target
            files.rename(source, new)

    return each_board(split, work, startup="")


def rm(
    *words: Words,
    boards: BoardOptions = ANY_BOARD,
    recursive: Recursive = False,
    force: Force = False,
    yes: Yes = False,
) -> int:
    """Remove files and folders of a board.

    Args:
        words: PORT and paths of the board.
        boards: which boards.
        recursive: folders, and all that is in them.
        force: say nothing of what is not there.
        yes: do not ask before all files of a board are removed.

    Examples:
        belay rm :old.py
        belay rm -r /dev/ttyACM0 :lib
        belay rm -r -y : -t pico
    """
    split = boards.split(words, least=1, most=None)
    # A relative path begins at a folder that is not known yet; most often it is the root.
    if not yes and any(
        posixpath.normpath(f"/{word.removeprefix(':')}").strip("/") == "" for word in split.words
    ):
        _be_sure(
            f"Remove all files of {split.port or ', '.join(split.options.target) or 'the board'}?"
        )

    def work(board: Board) -> None:
        files, resolve = board.device.files, Resolver(board.device)
        for word in split.words:
            path = resolve(word)
            if not recursive and files.is_dir(path):
                raise BelayException(f":{path} is a folder; -r removes it with all that is in it")
            files.remove(path, recursive=recursive, missing_ok=force)

    return each_board(split, work, startup="")


def mkdir(*words: Words, boards: BoardOptions = ANY_BOARD, parents: Parents = False) -> int:
    """Make folders on a board.

    Args:
        words: PORT and the folders.
        boards: which boards.
        parents: make those above them too, and say nothing of those that are there.

    Examples:
        belay mkdir :data
        belay mkdir -p /dev/ttyACM0 :lib/sensors
    """
    split = boards.split(words, least=1, most=None)

    def work(board: Board) -> None:
        resolve = Resolver(board.device)
        for word in split.words:
            board.device.files.mkdir(resolve(word), parents=parents, exist_ok=parents)

    return each_board(split, work, startup="")


def edit(*words: Words, boards: BoardOptions = ANY_BOARD) -> int:
    """Edit a file of a board in your editor.

    The editor is what VISUAL or EDITOR says. The file is written back when the editor ends, if it
    was changed; one that is not there is made. Where it cannot be written, your text stays in a
    file of this computer, and you are told where.

    Args:
        words: PORT and the file.
        boards: which board.

    Examples:
        belay edit :main.py
        EDITOR='code --wait' belay edit /dev/ttyACM0 :lib/sensor.py
    """
    split = boards.split(words, least=1, most=1)
    with one_board(split, startup="") as board:
        files = board.device.files
        path = Resolver(board.device)(split.words[0])
        before = files.read(path) if files.exists(path) else b""
        copy = Path(tempfile.mkdtemp(prefix="belay-")) / (posixpath.basename(path) or "file")
        copy.write_bytes(before)
        _run_editor(copy)
        after = copy.read_bytes()
        if after != before:
            try:
                files.write(path, after)
            except BelayException as error:
                raise BelayException(f"{error} Your text is in {copy}.") from error
            print(f":{path}: {len(after)} bytes written")
        else:
            print(f":{path}: not changed")
        copy.unlink()
        copy.parent.rmdir()
    return 0


def _run_editor(path: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    editor = editor or ("notepad" if os.name == "nt" else "vi")
    command = [editor] if os.name == "nt" else shlex.split(editor)
    try:
        status = subprocess.run([*command, str(path)], check=False).returncode
    except OSError as error:
        raise BelayException(
            f"The editor {editor!r} cannot be started: {error.strerror}. Set VISUAL or EDITOR."
        ) from None
    if status:
        raise BelayException(f"The editor ended with status {status}; your text is in {path}.")


def _be_sure(question: str) -> None:
    """Ask before something that cannot be undone.

    Raises:
        UsageError: nobody can be asked.
        BelayException: the answer is no.
    """
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Nobody can be asked here; --yes does it")
    if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise BelayException("Nothing was removed.")
