# SPDX-License-Identifier: Apache-2.0
"""Tab and Shift-Tab while a cell runs.

A kernel answers one message of the shell channel after the other, so Tab would wait until the cell
has ended. What is known about a board can be told meanwhile: it comes from a cache, or from the
board itself where that is idle. IPython's own answers are left to wait: they need the thread that
runs the cell.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from belay_jupyter import tab as tabs

if TYPE_CHECKING:
    from ipykernel.ipkernel import IPythonKernel

__all__ = ["BusyTab"]

_TYPES = "_jupyter_types_experimental"  # what ipykernel and JupyterLab call it


class BusyTab:
    """Answers in the place of a kernel that is busy.

    Args:
        kernel: the kernel; its ipykernel is 7 or newer, with a thread for the shell channel.
    """

    def __init__(self, kernel: IPythonKernel) -> None:
        self._kernel: Any = kernel
        self._lock = threading.Lock()
        self._cell: dict[str, Any] | None = None

    def begin(self, cell: dict[str, Any]) -> None:
        """A cell begins.

        Args:
            cell: the message that asked for it.
        """
        with self._lock:
            self._cell = cell

    def end(self) -> None:
        """It has ended; nothing is said any more about it from here."""
        with self._lock:
            self._cell = None

    def answer(self, frames: list[Any]) -> bool:
        """Answer a message of the shell channel, if it can be done now; in that channel's thread.

        Args:
            frames: the message, as it came.

        Returns:
            False where it is for the kernel, which has not seen it then.
        """
        if self._cell is None:
            return False
        session = self._kernel.session
        identities, message = session.feed_identities(frames, copy=False)
        # Without its content: with it, the session would take note of having seen it.
        request = session.deserialize(message, content=False, copy=False)
        kind = request["header"]["msg_type"]
        if kind not in ("complete_request", "inspect_request"):
            return False
        content = session.unpack(request["content"])
        tab = tabs.of(self._kernel.shell)
        if tab is None:
            return False
        told = _completions(tab, content) if kind == "complete_request" else _help(tab, content)
        with self._lock:
            if told is None or self._cell is None:
                return False
            reply = kind.replace("request", "reply")
            publish = self._kernel._publish_status
            publish("busy", "shell", parent=request)
            session.send(self._kernel.shell_stream, reply, told, parent=request, ident=identities)
            # A front end waits for this "idle", and then shows the kernel as idle, which it is not.
            publish("idle", "shell", parent=request)
            publish("busy", "shell", parent=self._cell)
        return True


def _completions(tab: tabs.Tab, content: dict[str, Any]) -> dict[str, Any] | None:
    end = content["cursor_pos"]
    found = tab.complete(content["code"], end)
    if found is None:
        return None
    start = end - len(found[0])
    place = {"start": start, "end": end, "signature": ""}
    return {
        "status": "ok",
        "matches": [text for text, _ in found[1]],
        "cursor_start": start,
        "cursor_end": end,
        "metadata": {_TYPES: [{**place, "text": text, "type": kind} for text, kind in found[1]]},
    }


def _help(tab: tabs.Tab, content: dict[str, Any]) -> dict[str, Any] | None:
    text = tab.inspect(content["code"], content["cursor_pos"], content.get("detail_level", 0))
    if text is None:
        return None
    data = {"text/plain": text} if text else {}
    return {"status": "ok", "found": bool(text), "data": data, "metadata": {}}
