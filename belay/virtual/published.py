# SPDX-License-Identifier: Apache-2.0
"""Where a board that serves a serial port or a TCP port says how its control pipe is reached.

A file for each board in a folder of this user under the system's folder for temporary files, which
nobody else may read: the address that tools connect to, the port of the pipe on 127.0.0.1, and the
key that has to be sent there first.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["Record", "find", "new_key", "publish", "terminal_at"]


class Record(NamedTuple):
    """How one board is reached.

    Attributes:
        address: what tools connect to.
        aliases: other names of the same.
        port: of the control pipe, on 127.0.0.1.
        key: what a client has to send first.
        pid: process of the board.
        terminals: the pseudo terminals it has had, the newest last, as :func:`terminal_at` tells
            them apart.
    """

    address: str
    aliases: list[str]
    port: int
    key: str
    pid: int
    terminals: Sequence[int] = ()

    def connect(self) -> socket.socket:
        """Open the pipe.

        Raises:
            OSError: the board has gone.
        """
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(self.key.encode() + b"\n")
        return connection


def new_key() -> str:
    """A key that nobody can guess."""
    return secrets.token_hex(16)


def _folder() -> Path:
    name = f"belay-boards-{os.getuid()}" if os.name == "posix" else "belay-boards"
    return Path(tempfile.gettempdir()) / name


def terminal_at(path: str) -> int | None:
    """Which pseudo terminal of Linux is there; None for none, and for all else.

    Its name alone does not say: the number of one that was closed is given to the next that any
    program opens. The time of its making does; reading and writing leave that as it is.
    """
    try:
        if os.path.realpath(path).startswith("/dev/pts/"):
            return os.stat(path).st_ctime_ns
    except OSError:
        pass
    return None


def publish(record: Record) -> Path | None:
    """Write the file, or write it anew; None where its folder is not ours alone."""
    folder = _folder()
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if os.name == "posix":
            status = folder.lstat()
            if status.st_uid != os.getuid() or status.st_mode & 0o077:
                return None
        path = folder / f"{record.pid}.json"
        draft = path.with_suffix(".new")
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()  # of a process that had this number before
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(record._asdict(), file)
        draft.replace(path)  # whoever looks sees the old one or the new one, whole
    except OSError:
        return None
    return path


def find(address: str) -> Record | None:
    """The board that serves this address, as :func:`publish` was told it."""
    wanted = {address, os.path.realpath(address)}
    terminal = terminal_at(address)
    for path in sorted(_folder().glob("*.json"), reverse=True):
        with contextlib.suppress(OSError, ValueError, TypeError):
            record = Record(**json.loads(path.read_text(encoding="utf-8")))
            known = wanted & {record.address, *record.aliases}
            # One that is unplugged is found by the name that it had, until that is another's.
            if known and terminal in (None, *record.terminals[-1:]) and _lives(record):
                return record
    return None


def _lives(record: Record) -> bool:
    """Whether its pipe is there: a file may be left behind by a board that was killed."""
    try:
        socket.create_connection(("127.0.0.1", record.port), timeout=1).close()
    except OSError:
        return False
    return True
