# SPDX-License-Identifier: Apache-2.0
"""The files of a board, for programs: ``device.files``."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

from belay import errors
from belay.session.operations import perform
from belay.session.requests import EVALUATE, Operation

if TYPE_CHECKING:
    from typing import IO

    from belay.device import Device
    from belay.sync.board import BoardFiles
    from belay.sync.manifest import BoardManifest

__all__ = ["Entry", "Files", "Filing", "Usage"]

T = TypeVar("T")
BoardPath = str | os.PathLike[str]
CopyProgress = Callable[[str, int, int], object]
"""Called with a file's path on the board, how many bytes of it are done, and how many it has."""

_FOLDER = 0x4000
_ENOSPC, _EROFS = 28, 30
_SECONDS_TO_2000 = 946_684_800

_EPOCH = "__import__('time').localtime(0)[0]"
_LIST = (
    "(lambda o,p:[{},[(n,s[0],s[6],s[8])for n in sorted(o.listdir(p or'/'))"
    "for s in[o.stat(p+'/'+n)]]])(__import__('os'),{})"
)
_STAT = "(lambda s:[{},[('',s[0],s[6],s[8])]])(__import__('os').stat({}))"


class Entry(NamedTuple):
    """A file or folder of the board.

    Attributes:
        name: the last part of its path.
        path: absolute.
        is_dir: or a file.
        size: bytes; 0 for a folder.
        modified: seconds since 1970 of its last change, by the board's clock; 0 where it has none.
    """

    name: str
    path: str
    is_dir: bool
    size: int
    modified: int


class Usage(NamedTuple):
    """Bytes of a file system: all, taken, and left."""

    total: int
    used: int
    free: int


class Files:
    """The files of a board: :attr:`belay.Device.files`.

    Paths are the board's, with ``/``; one that does not begin with it is below the folder that is
    current on the board, which costs a round trip. What is not said otherwise is one round trip,
    whatever the size.

    All methods raise :class:`belay.BoardFileError`, which is also Python's own
    ``FileNotFoundError`` and so on, where the board refuses; and ``ConnectionLost`` where it is
    gone. With ``attempts`` what does no harm twice is begun again once the board is back.
    """

    def __init__(self, device: Device) -> None:
        self._device = device

    def __repr__(self) -> str:
        return f"<files of {self._device!r}>"

    # ---------------------------------------------------------------------------- asking

    def listdir(self, path: BoardPath = "/") -> list[str]:
        """The names in a folder, sorted."""
        return [entry.name for entry in self.scandir(path)]

    def scandir(self, path: BoardPath = "/") -> list[Entry]:
        """What is in a folder, sorted by name."""
        at = self._at(path)
        return [entry._replace(path=_join(at, entry.name)) for entry in self._entries(_LIST, at)]

    def stat(self, path: BoardPath) -> Entry:
        """What is at a path."""
        at = self._at(path)
        return self._entries(_STAT, at)[0]._replace(name=posixpath.basename(at), path=at)

    def exists(self, path: BoardPath) -> bool:
        """Whether there is a file or folder."""
        return self._kind(path) is not None

    def is_dir(self, path: BoardPath) -> bool:
        """Whether there is a folder."""
        return self._kind(path) is True

    def is_file(self, path: BoardPath) -> bool:
        """Whether there is a file."""
        return self._kind(path) is False

    def walk(self, path: BoardPath = "/") -> Iterator[tuple[str, list[str], list[str]]]:
        """All folders below a folder, from above, as ``os.walk``; one round trip for all of them.

        Other file systems, such as a card or a mounted folder of this computer, are left out.

        Returns:
            An iterator over tuples: the path of a folder, the names of folders in it, and the
            names of files. To leave something out of the names of folders has no effect.
        """
        manifest = self.manifest(path)
        inside: dict[str, tuple[list[str], list[str]]] = {manifest.root: ([], [])}
        for folder in sorted(manifest.folders - manifest.mounts - {manifest.root}):
            inside[folder] = ([], [])
            inside[posixpath.dirname(folder)][0].append(posixpath.basename(folder))
        for file in sorted(manifest.files):
            inside[posixpath.dirname(file)][1].append(posixpath.basename(file))
        yield from ((folder, *names) for folder, names in inside.items())

    def manifest(self, path: BoardPath = "/", *, hashes: bool = False) -> BoardManifest:
        """All that is below a folder, with sizes.

        Args:
            path: the folder.
            hashes: have the board hash every file; otherwise it tells when they were changed.

        Raises:
            BoardFileError: there is no such folder.
        """
        at = self._at(path)
        found = self._carry(at, lambda board: board.manifest(at, hashes=hashes))
        if not found.folders:
            raise errors.board_file_error(2, at)
        return found

    def usage(self, path: BoardPath = "/") -> Usage:
        """How full the file system is that a path is in."""
        at = self._at(path)
        block, fragment, total, free = self._carry(at, lambda board: board.call("statvfs", at))[:4]
        size = fragment or block
        return Usage(total * size, (total - free) * size, free * size)

    def hash(self, path: BoardPath) -> tuple[str, bytes]:
        """The hash of a file, made on the board.

        Returns:
            Its kind, ``"sha256"``, or ``"crc32"`` (4 bytes, little endian) where the board has no
            other; and the digest.
        """
        at = self._at(path)
        return self._carry(at, lambda board: board.digest(at))

    # ---------------------------------------------------------------------------- contents

    def read(self, path: BoardPath, *, progress: Callable[[int], object] | None = None) -> bytes:
        """What is in a file.

        Args:
            path: the file.
            progress: called with how many bytes have come.
        """
        at = self._at(path)
        return self._carry(at, lambda board: board.read(at, progress=progress))

    def read_text(self, path: BoardPath, encoding: str = "utf-8") -> str:
        """What is in a file, as text; its line ends stay as they are."""
        return self.read(path).decode(encoding)

    def write(
        self,
        path: BoardPath,
        data: bytes | bytearray | memoryview,
        *,
        progress: Callable[[int], object] | None = None,
    ) -> None:
        """Make a file, or replace what is in it.

        Whatever happens meanwhile, the file is the old one or the new one: the new one is written
        beside it, checked, and then takes its place. The folder must exist.

        Args:
            path: the file.
            data: what will be in it.
            progress: called with how many bytes are there.

        Raises:
            NoSpaceError: the flash is full.
            ReadOnlyError: the board cannot be written to; says what to do.
            TransferError: what the board has stored is not what was sent.
        """
        at, whole = self._at(path), bytes(memoryview(data))  # of an int, bytes() makes zeros
        self._change(at, lambda board: board.write(at, whole, progress=progress))

    def write_text(self, path: BoardPath, text: str, encoding: str = "utf-8") -> None:
        """The same with text; its line ends stay as they are."""
        self.write(path, text.encode(encoding))

    def open(
        self,
        path: BoardPath,
        mode: str = "r",
        *,
        encoding: str = "utf-8",
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """A file of the board as a file of Python's.

        Reading fetches what is asked for. What is written goes to the board when the file is
        closed, all at once: until then, and where the block of a ``with`` raises, the board has
        the old one.

        Args:
            path: the file.
            mode: as for Python's ``open``.
            encoding: of text.
            errors: what becomes of text that cannot be decoded or encoded, as for ``open``.
            newline: line ends of text, as for ``open``; but None writes ``\\n`` on every computer.
        """
        from belay.fileobjects import open_file

        return open_file(self, self._at(path), mode, encoding, errors, newline)

    # ---------------------------------------------------------------------------- changing

    def mkdir(self, path: BoardPath, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Make a folder.

        Args:
            path: the folder.
            parents: make the folders that it is in, too.
            exist_ok: one that is there already is no error.
        """
        at = self._at(path)
        try:
            self._change(at, lambda board: board.call("mkdir", at), twice=False)
        except FileExistsError:
            if not exist_ok or not self.is_dir(at):
                raise
        except FileNotFoundError:
            if not parents:
                raise
            from belay.copying import above

            steps = _steps("mkdir", [*above(at), at])
            self._change(at, lambda board: board.run(steps))

    def remove(
        self, path: BoardPath, *, recursive: bool = False, missing_ok: bool = False
    ) -> list[str]:
        """Remove a file or an empty folder.

        Args:
            path: of what. ``/`` itself stays.
            recursive: a folder with all that is in it. Other file systems, such as a card or a
                mounted folder of this computer, are left alone.
            missing_ok: what is not there is no error.

        Returns:
            What was removed.
        """
        at = self._at(path)
        kind = self._kind(at)
        if kind is None:
            if missing_ok:
                return []
            raise errors.board_file_error(2, at)
        if at in self._device._mounts.by_place:
            raise errors.board_file_error(16, at, "a folder of this computer; umount it instead")
        files, folders = ([], [at]) if kind else ([at], [])
        if kind and recursive:
            found = self.manifest(at)
            files = sorted(found.files)
            folders = sorted(found.folders - found.mounts, reverse=True)
        folders = [folder for folder in folders if folder != "/"]
        steps = _steps("remove", files) + _steps("rmdir", folders)
        self._change(at, lambda board: board.run(steps))
        return [*files, *folders]

    def rename(self, old: BoardPath, new: BoardPath) -> None:
        """Give a file or folder another path. On most boards a file that is there is replaced."""
        at, to = self._at(old), self._at(new)
        self._change(at, lambda board: board.call("rename", at, to), twice=False)

    # ---------------------------------------------------------------------------- copies

    def put(
        self,
        source: str | os.PathLike[str],
        path: BoardPath,
        *,
        progress: CopyProgress | None = None,
    ) -> list[str]:
        """Copy a file or a folder of this computer to the board; a folder with all that is in it.

        Files that the board has already, by size and hash, are not sent. Nothing is removed: see
        :meth:`belay.Device.sync` for that, and for what becomes of ``.py`` files there.

        Args:
            source: on this computer.
            path: on the board: of the copy itself. Folders that it is in are made.
            progress: called with a path on the board, how many bytes are done, and how many
                it has.

        Returns:
            What was written.

        Raises:
            FileNotFoundError: ``source`` is not there.
        """
        from belay.copying import put

        return put(self, source, self._at(path), progress or (lambda path, done, size: None))

    def get(
        self,
        path: BoardPath,
        target: str | os.PathLike[str],
        *,
        progress: CopyProgress | None = None,
    ) -> list[str]:
        """Copy a file or a folder of the board to this computer; a folder with all that is in it.

        One round trip for each file. A file here is replaced once the new one is there.

        Args:
            path: on the board.
            target: on this computer: of the copy itself. Folders that it is in are made.
            progress: as for :meth:`put`.

        Returns:
            What was written: paths on this computer.

        Raises:
            SyncError: the board has a name that no file here may have.
        """
        from belay.copying import get

        return get(self, self._at(path), target, progress or (lambda path, done, size: None))

    # ---------------------------------------------------------------------------- parts

    def _at(self, path: BoardPath) -> str:
        """A path of the board in its normal form."""
        text = os.fspath(path)
        if not isinstance(text, str):
            raise TypeError(f"a path on the board is a str, not {path!r}")
        if not text or "\0" in text:
            raise ValueError(f"no path on the board: {path!r}")
        if os.sep != "/" and isinstance(path, os.PathLike):
            text = text.replace(os.sep, "/")  # a Path of this computer's kind
        if not text.startswith("/"):
            text = f"{self._carry(text, lambda board: board.call('getcwd'))}/{text}"
        return "/" + posixpath.normpath(text).lstrip("/")

    def _kind(self, path: BoardPath) -> bool | None:
        """Whether it is a folder; None where there is nothing."""
        try:
            return self.stat(path).is_dir
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _entries(self, source: str, at: str) -> list[Entry]:
        """What the board says of a folder's contents, or of one path."""
        # CircuitPython counts from 1970, and its localtime() from 2000 on only.
        epoch = "1970" if self._device._session.facts.name == "circuitpython" else _EPOCH
        where = "" if source is _LIST and at == "/" else at
        operation = Operation(EVALUATE, (source.format(epoch, repr(where)),), label=at)
        ask = self._device._ask
        year, found = self._carry(at, lambda board: ask(perform, operation, None, None))
        shift = _SECONDS_TO_2000 if year == 2000 else 0
        return [_entry(name, mode, size, time, shift) for name, mode, size, time in found]

    def _carry(self, at: str, work: Callable[[BoardFiles], T], *, twice: bool = True) -> T:
        """Do something; where it may be done twice, also if the board is lost and comes back."""
        device = self._device
        device._refuse_closed()
        board = device._board_files.limited(device._timeout)

        def explained() -> T:
            try:
                return work(board)
            except errors.PyboardException as error:
                if error.type != "OSError":
                    raise
                raise _refusal(at, *error.value_args) from None
            except errors.SyncError as error:
                number = _number_of(error)
                if number is None:
                    raise
                raise errors.board_file_error(number, error.path) from None

        return device._recovery.persist(explained, twice=twice)

    def _change(self, at: str, work: Callable[[BoardFiles], T], *, twice: bool = True) -> T:
        """The same for what changes files; a board of CircuitPython may have to be told first."""
        try:
            return self._carry(at, work, twice=twice)
        except errors.ReadOnlyError:
            if self._device._session.facts.name != "circuitpython":
                raise
            from belay.circuitpython import make_writable

            make_writable(self._device)
        return self._carry(at, work, twice=twice)


def _refusal(at: str, number: int = 0, *texts: object) -> errors.SyncError:
    """What an ``OSError`` of the board becomes."""
    text = " ".join(map(str, texts))
    if number == _EROFS:
        return errors.ReadOnlyError(f"{at}: {text or 'the file system is read-only'}", path=at)
    if number == _ENOSPC:
        return errors.NoSpaceError(f"{at}: {text or 'the flash is full'}", path=at)
    return errors.board_file_error(number, at, text)


def _number_of(error: errors.SyncError) -> int | None:
    """The board's errno behind an error of sync that is of no kind of its own."""
    cause = error.__cause__
    if type(error) is errors.SyncError and isinstance(cause, errors.PyboardException):
        number = cause.value_args[0] if cause.value_args else None
        return number if isinstance(number, int) else None
    return None


def _entry(name: str, mode: int, size: int, modified: int, shift: int) -> Entry:
    folder = bool(mode & _FOLDER)
    return Entry(name, "", folder, 0 if folder else size, modified + shift if modified > 0 else 0)


def _steps(kind: str, paths: list[str]) -> list[Any]:
    from belay.sync.transfer import Step

    return [Step(kind, path) for path in paths]


def _join(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}"


class _FilesOf:
    """The attribute; a program that has an attribute of this name of its own may assign it."""

    @overload
    def __get__(self, device: None, owner: type) -> _FilesOf: ...
    @overload
    def __get__(self, device: Filing, owner: type) -> Files: ...

    def __get__(self, device: Filing | None, owner: type) -> _FilesOf | Files:
        return self if device is None else Files(device)  # type: ignore[arg-type]


class Filing:
    """The part of a Device that its files are reached by.

    Attributes:
        files: the board's files.
    """

    files = _FilesOf()
