# SPDX-License-Identifier: Apache-2.0
"""The magics for the files of a board."""

from __future__ import annotations

import builtins
import posixpath
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, magics_class

from belay.errors import BelayException, PackageError
from belay_jupyter import boards
from belay_jupyter.boards import DEFAULT, Board
from belay_jupyter.options import (
    argument,
    line_magic,
    magic_arguments,
    parse,
    target_option,
    unquoted,
)
from belay_jupyter.progress import CellLine, SyncLine

if TYPE_CHECKING:
    from belay.installing import Installation
    from belay.sync.plan import Plan

__all__ = ["FileMagics"]

_SHOWN = 20
"""Most files that a question names."""


@magics_class
class FileMagics(Magics):
    """Files of boards in a notebook.

    Args:
        shell: the IPython to add the magics to.
    """

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._boards = boards.of(shell)

    @magic_arguments()
    @argument("folder", metavar="FOLDER", help="On this computer; or one file.")
    @argument("dst", nargs="?", default="/", metavar="DST", help="On the board. Usually /.")
    @argument(
        "--keep",
        action="append",
        metavar="PATTERN",
        help="What stays on the board although FOLDER does not have it: paths, or patterns as in "
        ".gitignore. Repeat it. Without, for /: boot.py, webrepl_cfg.py and lib.",
    )
    @argument(
        "--ignore",
        action="append",
        metavar="PATTERN",
        help="What of FOLDER is left out. Repeat it. Without: *.pyc, __pycache__ and the like.",
    )
    @argument("--mpy", action="store_true", help="Compile .py files with mpy-cross.")
    @argument("--no-minify", action="store_true", help="Leave comments and docstrings in them.")
    @argument("--dry-run", action="store_true", help="Say what would be done, and do nothing.")
    @argument("--yes", action="store_true", help="Remove files of the board without asking.")
    @argument("--no-remove", action="store_true", help="Remove nothing from the board.")
    @target_option
    @line_magic
    def belay_sync(self, line: str) -> None:
        """Make the files of a board equal those of a folder.

        Only what differs is sent, and every file is checked. Files of the board that the folder
        does not have are removed: you are asked first. Modules that the board has imported stay
        as they are in its memory, until %belay_reset.
        """
        options = parse(self.belay_sync, line)
        folder = _host_path(options.folder)
        if not folder.exists():
            raise UsageError(f"%belay_sync: there is no folder {str(folder)!r}")
        wanted: dict[str, Any] = {
            "dst": unquoted(options.dst),
            "keep": True if options.no_remove else _texts(options.keep),
            "ignore": _texts(options.ignore),
            "minify": not options.no_minify,
            "mpy_cross_binary": options.mpy or None,
        }

        def work(board: Board, at: CellLine) -> None:
            if options.dry_run:
                planned = board.device.sync(folder, **wanted, dry_run=True)
                print("\n".join([*planned.lines(), f"To do{_on(board)}: {planned}"]))
                return
            agreed = wanted if options.yes else _agreed(board, folder, wanted)
            done = board.device.sync(folder, progress_update=SyncLine(at), **agreed)
            at.end(f"{options.folder} is in {wanted['dst']}{_on(board)}: {_summary(done)}")

        self._each(options.target, work)

    @magic_arguments()
    @argument("source", metavar="FILE", help="On this computer; a folder with all that is in it.")
    @argument(
        "path",
        nargs="?",
        default="/",
        metavar="DST",
        help="On the board: a folder, or what the copy is called. Usually /.",
    )
    @target_option
    @line_magic
    def belay_put(self, line: str) -> None:
        """Copy a file or a folder to a board, as it is. What is there already is not sent."""
        options = parse(self.belay_put, line)
        source = _host_path(options.source)
        if not source.exists():
            raise UsageError(f"%belay_put: there is no file {str(source)!r}")

        def work(board: Board, at: CellLine) -> None:
            files, path = board.device.files, unquoted(options.path)
            if path.endswith("/") or files.is_dir(path):
                path = posixpath.join(path, source.resolve().name)
            copied = files.put(source, path, progress=_bytes_on(at))
            at.end(f"{path}{_on(board)}: {_counted(copied, source.is_dir())}")

        self._each(options.target, work)

    @magic_arguments()
    @argument("path", metavar="SRC", help="On the board; a folder with all that is in it.")
    @argument(
        "target_path",
        nargs="?",
        default=".",
        metavar="FILE",
        help="On this computer: a folder, or what the copy is called. Usually the current folder.",
    )
    @target_option
    @line_magic
    def belay_get(self, line: str) -> None:
        """Copy a file or a folder of a board to this computer."""
        options = parse(self.belay_get, line)
        path, given = unquoted(options.path), unquoted(options.target_path)
        target = _host_path(given)
        chosen = self._chosen(options.target)
        if len(chosen) > 1:
            raise UsageError("%belay_get: one board at a time; their copies would be one file")
        if given.endswith("/") or target.is_dir():
            target /= posixpath.basename(path.rstrip("/")) or chosen[0].name

        def work(board: Board, at: CellLine) -> None:
            copied = board.device.files.get(path, target, progress=_bytes_on(at))
            at.end(f"{target}: {_counted(copied, target.is_dir())}")

        self._each(options.target, work)

    @magic_arguments()
    @argument(
        "folder",
        nargs="?",
        default=".",
        metavar="FOLDER",
        help="Of the project, or one inside. Usually the current one.",
    )
    @argument(
        "--with",
        dest="groups",
        action="append",
        metavar="GROUP",
        help="A group of dependencies that is optional. Repeat it.",
    )
    @argument("--main", metavar="FILE", help="A script that becomes /main.py.")
    @argument("--mpy", action="store_true", help="Packages as .mpy, where they have these.")
    @argument("--no-minify", action="store_true", help="Leave comments and docstrings in them.")
    @argument("--dry-run", action="store_true", help="Say what would be done, and do nothing.")
    @argument("--yes", action="store_true", help="Remove files of the board without asking.")
    @argument("--no-remove", action="store_true", help="Remove nothing from the board.")
    @argument("--locked", action="store_true", help="Fail if belay.lock does not fit.")
    @argument("--frozen", action="store_true", help="Take belay.lock as it stands.")
    @argument("--offline", action="store_true", help="Ask nobody: what was fetched has to do.")
    @target_option
    @line_magic
    def belay_install(self, line: str) -> None:
        """Put a project on a board: its packages as belay.lock says, and its code.

        Packages go to /lib, the code to the folder that [tool.belay] names. The board is not
        reset: modules that it has imported stay as they are in its memory, until %belay_reset.
        """
        from belay.installing import Installation
        from belay.packages.workspace import Workspace

        options = parse(self.belay_install, line)
        if options.locked and options.frozen:
            raise UsageError("%belay_install: --locked and --frozen do not go together")
        line_below = CellLine(self.shell)

        def progress(url: str, done: int, size: int) -> None:
            line_below.show(f"{url}: {done:,} bytes")

        try:
            with Workspace(
                _host_path(options.folder), offline=options.offline, progress=progress
            ) as workspace:
                fit = {"locked": options.locked, "frozen": options.frozen}
                if not options.dry_run:
                    workspace.install(**fit)
                lock = workspace.current(**fit)
                installation = Installation(
                    workspace,
                    lock,
                    groups=_texts(options.groups) or (),
                    main=None if options.main is None else _host_path(options.main),
                    mpy=options.mpy,
                    minify=not options.no_minify,
                )
                self._each(
                    options.target, lambda board, at: _installed(board, at, installation, options)
                )
        except (OSError, PackageError) as error:
            line_below.leave()
            self._boards.renderer.as_message(error)
            raise

    # ---------------------------------------------------------------------------- inside

    def _chosen(self, target: str) -> list[Board]:
        try:
            return self._boards.chosen(target)
        except BelayException as error:
            self._boards.renderer.as_message(error)
            raise

    def _each(self, target: str, work: Callable[[Board, CellLine], None]) -> None:
        """Do something with the boards that ``-t`` names, one after the other."""
        from belay_jupyter.background import wait_for_turn

        for board in self._chosen(target):
            at = CellLine(self.shell)
            wait_for_turn([board])
            board.calls += 1  # stopping the notebook stops it
            try:
                work(board, at)
            except (OSError, ValueError, BelayException, KeyboardInterrupt) as error:
                at.leave()
                if isinstance(error, BelayException | KeyboardInterrupt):
                    self._boards.prepare(board, error)
                else:
                    self._boards.renderer.as_message(error)
                raise
            finally:
                board.calls -= 1


def _installed(board: Board, at: CellLine, installation: Installation, options: Any) -> None:
    """Put a project on one board, and tell what was done."""
    from belay.installing import install_project

    remove = not options.no_remove
    if options.dry_run or (remove and not options.yes):
        steps = install_project(board.device, installation, remove=remove, dry_run=True)
        if options.dry_run:
            for step in steps:
                print("\n".join([*step.plan.lines(), f"{step.name}{_on(board)}: {step.plan}"]))
            return
        unknown = [path for step in steps for path in step.plan.unknown]
        if unknown:
            remove = _may_remove(f"On {_called(board)}, and not in the project:", unknown)
    steps = install_project(board.device, installation, remove=remove, update=SyncLine(at))
    told = [f"{step.name} in {step.dst}: {_summary(step.plan)}" for step in steps]
    at.end("; ".join(told) + _on(board) if told else "there is nothing to install")


def _agreed(board: Board, folder: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    """What is wanted, once it is settled what becomes of files that the folder does not have."""
    planned = board.device.sync(folder, **wanted, dry_run=True)
    if not planned.unknown or _may_remove(
        f"On {_called(board)}, and not in {folder}:", planned.unknown
    ):
        return wanted
    return {**wanted, "keep": True}


def _may_remove(head: str, paths: Sequence[str]) -> bool:
    """Ask whether files of a board are removed; otherwise they are left there."""
    from belay.sync.plan import shown

    listed = [f"  {shown(path)}" for path in paths[:_SHOWN]]
    if len(paths) > _SHOWN:
        listed.append(f"  and {len(paths) - _SHOWN} more")
    question = "Remove them? [y]es, [n]o, leave them there, [c]ancel: "
    try:
        answer = builtins.input("\n".join([head, *listed, question])).strip().lower()
    except Exception as error:
        if type(error).__name__ not in ("StdinNotImplementedError", "EOFError"):
            raise
        raise UsageError(
            "\n".join([head, *listed, "--yes removes them, --no-remove leaves them there"])
        ) from None
    if answer in ("y", "yes", "n", "no"):
        return answer.startswith("y")
    raise KeyboardInterrupt("nothing was done")


def _summary(done: Plan) -> str:
    """What a sync has done, in a few words."""
    counts = {
        "written": len(done.written),
        "removed": len(done.unknown),
        "unchanged": len(done.unchanged),
    }
    told = [f"{count} {what}" for what, count in counts.items() if count or what == "written"]
    return ", ".join(told)


def _counted(copied: list[str], is_folder: bool) -> str:
    """What a copy has done, in a few words."""
    if is_folder:
        return f"{len(copied)} files copied"
    return "copied" if copied else "is there already"


def _bytes_on(at: CellLine) -> Callable[[str, int, int], None]:
    """Shows how far a copy is."""
    return lambda path, done, size: at.show(f"{path}: {done:,} of {size:,} bytes")


def _called(board: Board) -> str:
    return "the board" if board.name == DEFAULT else board.name


def _on(board: Board) -> str:
    return "" if board.name == DEFAULT else f" on {board.name}"


def _host_path(text: str) -> Path:
    return Path(unquoted(text)).expanduser()


def _texts(given: list[str] | None) -> list[str] | None:
    return None if given is None else [unquoted(one) for one in given]
