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
from pathlib import Path
from typing import NamedTuple

__all__ = ["Record", "find", "new_key", "publish"]


class Record(NamedTuple):
    """How one board is reached.

    Attributes:
        address: what tools connect to.
        aliases: other names of the same.
        port: of the control pipe, on 127.0.0.1.
        key: what a client has to send first.
        pid: process of the board.
    """

    address: str
    aliases: list[str]
    port: int
    key: str
    pid: int

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


def publish(record: Record) -> Path | None:
    """Write the file; None where its folder is not ours alone."""
    folder = _folder()
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if os.name == "posix":
            status = folder.lstat()
            if status.st_uid != os.getuid() or status.st_mode & 0o077:
                return None
        path = folder / f"{record.pid}.json"
        with contextlib.suppress(FileNotFoundError):
            path.unlink()  # of a process that had this number before
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(record._asdict(), file)
    except OSError:
        return None
    return path


def find(address: str) -> Record | None:
    """The board that serves this address, as :func:`publish` was told it."""
    wanted = {address, os.path.realpath(address)}
    for path in sorted(_folder().glob("*.json"), reverse=True):
        with contextlib.suppress(OSError, ValueError, TypeError):
            record = Record(**json.loads(path.read_text(encoding="utf-8")))
            if wanted & {record.address, *record.aliases} and _lives(record):
                return record
    return None


def _lives(record: Record) -> bool:
    """Whether its pipe is there: a file may be left behind by a board that was killed."""
    try:
        socket.create_connection(("127.0.0.1", record.port), timeout=1).close()
    except OSError:
        return False
    return True
