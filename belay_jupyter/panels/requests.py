# SPDX-License-Identifier: Apache-2.0
"""What a page may ask a dashboard's panel to do, when it is the board's turn."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from belay.errors import DeviceClosedError
from belay_jupyter.panels.filework import FileWork, Opened

if TYPE_CHECKING:
    from belay_jupyter.panels.panel import Panel

__all__ = ["REQUESTS"]

Work = Callable[["Panel", dict[str, Any], bytes], str]


def _files(panel: Panel) -> FileWork:
    return FileWork(panel.board.device)


def _refresh(panel: Panel, message: dict[str, Any], data: bytes) -> str:
    return panel._refreshed(str(message.get("what", "all")))


def _open(panel: Panel, message: dict[str, Any], data: bytes) -> str:
    panel._send({"type": "opened", **_files(panel).open(message["path"])._asdict()}, [])
    return ""


def _save(panel: Panel, message: dict[str, Any], data: bytes) -> str:
    done: Opened = _files(panel).save(
        message["path"], message["text"], message["stamp"], force=bool(message.get("force"))
    )
    panel._send({"type": "saved", "path": done.path, "stamp": done.stamp}, [])
    panel._list()
    return f"saved {done.path}: {done.size:,} bytes"


def _upload(panel: Panel, message: dict[str, Any], data: bytes) -> str:
    folder, name = message["folder"], message["name"]
    path = _files(panel).upload(folder, name, data, replace=bool(message.get("replace")))
    panel._send({"type": "uploaded", "path": path}, [])
    panel._list()
    return f"uploaded {path}: {len(data):,} bytes"


def _download(panel: Panel, message: dict[str, Any], data: bytes) -> str:
    path = message["path"]
    found = _files(panel).download(path)
    panel._send({"type": "file", "name": posixpath.basename(path)}, [found])
    return f"downloaded {path}: {len(found):,} bytes"


def _delete(panel: Panel, message: dict[str, Any], data: bytes) -> str:
    path = message["path"]
    count = _files(panel).delete(path)
    panel._send({"type": "deleted", "path": path}, [])
    panel._list()
    return f"deleted {path}" + (f" and {count - 1} inside" if count > 1 else "")


def _mkdir(panel: Panel, message: dict[str, Any], data: bytes) -> str:
    path = _files(panel).make_folder(message["folder"], message["name"])
    panel._list()
    return f"made {path}"


def _rename(panel: Panel, message: dict[str, Any], data: bytes) -> str:
    new = _files(panel).rename(message["path"], message["name"])
    panel._send({"type": "renamed", "path": message["path"], "new": new}, [])
    panel._list()
    return f"{message['path']} is {new} now"


def _soft_reset(panel: Panel, message: dict[str, Any], data: bytes) -> str:
    from belay_jupyter.resetting import soft_reset

    soft_reset(panel.board)
    panel._tell_log(panel.log.event("soft reset"))
    panel._refreshed("all")
    return "soft reset: its memory is empty, and boot.py has run"


def _hard_reset(panel: Panel, message: dict[str, Any], data: bytes) -> str:
    from belay_jupyter.resetting import hard_reset

    hard_reset(panel.board)
    panel._tell_log(panel.log.event("hard reset"))
    panel._refreshed("all")
    return "hard reset, and connected again"


def _connect(panel: Panel, message: dict[str, Any], data: bytes) -> str:
    board = panel.board
    if not board.device.closed:
        board.device.reconnect(1)
        panel._refreshed("all")
    elif panel.boards is None:
        raise DeviceClosedError("this Device was closed by the program; make a new one")
    else:
        panel.boards.connect(board.device.address, name=board.name)  # and the panel is told
    return "connected"


def _close(panel: Panel, message: dict[str, Any], data: bytes) -> str:
    board = panel.board
    if panel.boards is not None and board in list(panel.boards):
        panel.boards.close(board.name)
    else:
        board.device.close()
    panel._gone("")
    return "closed; other programs can use it now"


REQUESTS: dict[str, tuple[str, Work]] = {
    "refresh": ("look again", _refresh),
    "open": ("open {}", _open),
    "save": ("save {}", _save),
    "upload": ("upload {}", _upload),
    "download": ("download {}", _download),
    "delete": ("delete {}", _delete),
    "mkdir": ("make a folder", _mkdir),
    "rename": ("rename {}", _rename),
    "soft_reset": ("soft reset", _soft_reset),
    "hard_reset": ("hard reset", _hard_reset),
    "connect": ("connect", _connect),
    "close": ("close", _close),
}
"""Each with what it is called while it waits for its turn, and what does it."""
