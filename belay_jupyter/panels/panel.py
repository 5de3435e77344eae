# SPDX-License-Identifier: Apache-2.0
"""One board of a dashboard: what is known of it, and what is done with it. Knows no widget."""

from __future__ import annotations

import posixpath
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from belay.errors import BelayException, FeatureUnavailableError, PyboardException
from belay.output import handler
from belay_jupyter import polling
from belay_jupyter.panels.filework import Changed, FileWork, There
from belay_jupyter.panels.numbers import KEPT_SAMPLES, MEMORY, Log, Sample, facts_of, sample_of
from belay_jupyter.panels.worker import Action, Worker

if TYPE_CHECKING:
    from belay_jupyter.boards import Board, Boards

__all__ = ["Panel", "Send"]

Send = Callable[[dict[str, Any], list[bytes]], object]

_LIFE = 0.5
"""Seconds between two looks whether the link stands. They cost no message."""

_PATIENCE = 10.0


class Panel:
    """What a page shows of one board.

    Args:
        board: which.
        boards: those that it is one of; None for a Device that ``%belay_connect`` has not made.
        send: takes what is for the page: a message and its buffers.
        every: seconds between two polls, while a page is there and the board idle.

    Attributes:
        board: which; another one once a board of the same name was connected.
        state: of the link: ``idle``, ``busy``, ``lost`` or ``closed``.
        facts: the firmware and the chip.
        samples: how full it was.
        files: paths and sizes, -1 for folders.
        globals: names, types, sizes and values.
        log: what it has said.
    """

    def __init__(self, board: Board, boards: Boards | None, send: Send, every: float = 1.0) -> None:
        self.board, self.boards = board, boards
        self.every = every
        self.state, self.why = "idle", ""
        self.facts: list[tuple[str, str]] = []
        self.samples: deque[Sample] = deque(maxlen=KEPT_SAMPLES)
        self.files: list[tuple[str, int]] = []
        self.globals: list[Sequence[str]] = []
        self.log = Log()
        self._send = send
        self._worker = Worker(self._begun, self._ended)
        self._watches: list[polling.Watch] = []
        self._lock = threading.RLock()
        self._pages = 0
        self._doing = ""
        self._stopped = False
        self._device: Any = None
        self._heard: Any = None
        self._detach: list[Callable[[], object]] = []
        if boards is not None:
            boards.on_connect.append(self._connected)
        self._attach()
        self.look()

    # ---------------------------------------------------------------------------- the board

    def _attach(self) -> None:
        """Follow the Device that the board has now."""
        device = self.board.device
        if device is not self._device:
            self._leave()
            self._device = device
            recovery = device._recovery

            def lost(error: Exception) -> None:
                self._lost(device, error)

            def back() -> None:
                self._back(device)

            if device._session.agent:  # others say nothing between calls
                device.on_disconnect(lost)
                self._detach.append(lambda: recovery.on_disconnect.remove(lost))
            device.on_reconnect(back)
            self._detach.append(lambda: recovery.on_reconnect.remove(back))
        session = device._session
        if self._heard is not None:
            before, hearer = self._heard
            if hearer in before.hearers:
                before.hearers.remove(hearer)
        self._heard = session, handler(_Sink(self))
        session.hearers.append(self._heard[1])
        self._set_state("idle", "")
        self._follow()

    def _leave(self) -> None:
        """Follow the Device no longer that the board had."""
        for detach in self._detach:
            detach()
        self._detach.clear()

    def _follow(self) -> None:
        """Ask again and again: whether the link stands; and, for a page, how full the board is."""
        device = self._device
        for watch in self._watches:
            watch.stop()
        poller = polling.poller_of(device)

        def life(answer: polling.Answer) -> None:
            if answer.ended and device is self._device:
                self._gone(answer.error)

        alive = polling.Question(polling.ALIVE, "")
        self._watches = [poller.watch(alive, life, _LIFE)]
        if self._pages and device._session.agent:

            def memory(answer: polling.Answer) -> None:
                if device is self._device:
                    self._take_memory(answer)

            wanted = polling.Question(polling.VALUE, MEMORY)
            self._watches.append(poller.watch(wanted, memory, self.every, self._busy))

    def _take_memory(self, answer: polling.Answer) -> None:
        if answer.ended:
            self._gone(answer.error)
            return
        self._set_state("idle", "")
        if not answer.error:
            self._keep(answer.value)

    def _keep(self, answer: Any) -> None:
        try:
            sample = sample_of(answer)
        except (TypeError, ValueError):
            return
        self.samples.append(sample)
        self._send({"type": "sample", "sample": list(sample)}, [])

    def _busy(self) -> None:
        if self.state == "idle":
            self._set_state("busy", "")

    def _gone(self, why: str) -> None:
        closed = polling.is_closed(self._device)
        self._set_state("closed" if closed else "lost", "" if closed else why)

    def _lost(self, device: Any, error: Exception) -> None:
        if device is self._device and not polling.is_closed(device):
            self._set_state("lost", str(error))

    def _back(self, device: Any) -> None:
        if device is self._device and not self._stopped:
            self._attach()

    def _connected(self, board: Board) -> None:
        """Another board of this name, or the same one once more."""
        if board.name == self.board.name and not self._stopped:
            self.board = board
            self._attach()
            self.refresh("all")

    def _set_state(self, state: str, why: str) -> None:
        with self._lock:
            before, self.state, self.why = self.state, state, why
            if state == before:
                return
        if state in ("lost", "closed"):
            for watch in self._watches:
                watch.stop()
            text = {"lost": f"the link ended: {why}", "closed": "closed"}[state]
            self._tell_log(self.log.event(text))
        elif before in ("lost", "closed"):
            self._tell_log(self.log.event(f"connected: {self.board.device.address}"))
        self._send(self._link(), [])

    def _link(self) -> dict[str, Any]:
        return {
            "type": "link",
            "name": self.board.name,
            "address": self.board.device.address,
            "state": self.state,
            "why": self.why,
        }

    def _tell_log(self, lines: Sequence[Sequence[Any]]) -> None:
        if lines:
            self._send({"type": "log", "lines": [list(line) for line in lines]}, [])

    # ---------------------------------------------------------------------------- looking

    def look(self) -> None:
        """Learn all there is to see: two messages. Nothing where the board is busy."""
        self.facts = facts_of(self.board.device, {})
        session = self.board.device._session
        if session.agent and not polling.is_busy(self.board.device):
            try:
                self._look_inside()
                self.files = FileWork(self.board.device).listed()
            except (BelayException, OSError) as error:
                self._tell_log(self.log.event(str(error)))
        else:
            self._worker.do("look at the board", lambda: self._refreshed("all"))

    def _look_inside(self) -> None:
        """Facts, memory and globals, in one message."""
        from belay.session.requests import EVALUATE, Operation

        device = self.board.device
        if not device._session.agent:
            raise FeatureUnavailableError("this board has no room for belay's agent")
        measuring = [Operation(b"w", (what,), "measuring") for what in (1, 0)]
        wanted = [*measuring, Operation(EVALUATE, (MEMORY,))]
        told, found, memory = device._ask(_together, wanted, None, _PATIENCE)
        self.facts = facts_of(device, told)
        self.globals = [[str(part) for part in row] for row in found]
        self._keep(memory)

    def refresh(self, what: str) -> None:
        """Look again: at the ``files``, the ``globals``, or ``all``."""
        if self._is_recording():
            return
        self._worker.do("look again", lambda: self._refreshed(what))

    def _refreshed(self, what: str) -> str:
        if what in ("globals", "all"):
            self._look_inside()
            self._send({"type": "globals", "rows": self.globals}, [])
            self._send({"type": "facts", "facts": self.facts}, [])
        if what in ("files", "all"):
            self._list()
        return ""

    def _list(self) -> None:
        self.files = FileWork(self.board.device).listed()
        self._send({"type": "files", "files": self.files}, [])

    # ---------------------------------------------------------------------------- a page

    def asked(self, message: Any, buffers: Sequence[Any]) -> None:
        """Do what a page wants. What is wrong with it is told there."""
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "hello":
            self._pages = max(1, self._pages)
            self._send(self._everything(), [])
            if self.state in ("idle", "busy"):
                self._follow()
        elif kind == "pages":  # how many show it
            was, self._pages = self._pages, int(message.get("count", 0))
            if bool(was) != bool(self._pages) and self.state in ("idle", "busy"):
                self._follow()
        elif kind == "cancel":
            self._worker.cancel()
        elif kind == "interrupt":
            self.interrupt()
        elif isinstance(kind, str):
            self._file_work(kind, message, buffers)

    def _everything(self) -> dict[str, Any]:
        return {
            "type": "all",
            "link": self._link(),
            "facts": self.facts,
            "samples": [list(sample) for sample in self.samples],
            "files": self.files,
            "globals": self.globals,
            "log": [list(line) for line in self.log.lines],
            "doing": self._doing,
        }

    def interrupt(self) -> None:
        """Stop what runs on the board, at once, whoever runs it."""
        background = self.board.background
        if background is not None and not background.done:
            background.stop(0)
        elif polling.is_busy(self.board.device):
            self.board.device.interrupt()
        else:
            self._say("nothing runs on it")
            return
        self._say("interrupted")

    def _file_work(self, kind: str, message: dict[str, Any], buffers: Sequence[Any]) -> None:
        from belay_jupyter.panels.requests import REQUESTS

        found = REQUESTS.get(kind)
        if found is None:
            return
        label, work = found
        data = bytes(buffers[0]) if buffers else b""
        path = str(message.get("path", ""))
        text = label.format(posixpath.basename(path) or message.get("name", ""))

        def done() -> str:
            self._refuse_in_a_recording(kind)
            return work(self, message, data)

        self._worker.do(text, done)

    def _is_recording(self) -> bool:
        return self.board.device._session.transport.is_recording

    def _refuse_in_a_recording(self, kind: str) -> None:
        """A person's clicks are in no recording, so nothing answers them there.

        Raises:
            FeatureUnavailableError: this is one.
        """
        if self._is_recording() and kind not in ("connect", "close"):
            raise FeatureUnavailableError(
                "this is a recording of a board: it has what the notebook asked, and not this"
            )

    def _begun(self, action: Action) -> None:
        busy = polling.is_busy(self.board.device)
        self._doing = action.label
        self._send({"type": "doing", "text": action.label, "waits": busy}, [])

    def _ended(self, action: Action, done: str | BaseException) -> None:
        self._doing = ""
        self._send({"type": "doing", "text": "", "waits": False}, [])
        if isinstance(done, There):
            self._send({"type": "there", "path": str(done)}, [])
        elif isinstance(done, Changed):
            self._send({"type": "changed", "why": str(done)}, [])
        elif isinstance(done, KeyboardInterrupt):
            self._say(f"{action.label}: {str(done) or 'interrupted'}", error=True)
        elif isinstance(done, BaseException):
            text = str(done) or type(done).__name__
            if isinstance(done, PyboardException):
                text = text.strip().rpartition("\n")[2]
            self._say(f"{action.label}: {text}", error=True)
        elif done:
            self._say(done)

    def _say(self, text: str, *, error: bool = False) -> None:
        self._send({"type": "said", "text": text, "error": error, "time": time.time()}, [])

    def stop(self) -> None:
        """Follow the board no longer."""
        self._stopped = True
        self._leave()
        if self.boards is not None and self._connected in self.boards.on_connect:
            self.boards.on_connect.remove(self._connected)
        for watch in self._watches:
            watch.stop()
        session, hearer = self._heard
        if hearer in session.hearers:
            session.hearers.remove(hearer)
        self._worker.stop()


class _Sink:
    """Takes what the board prints outside of calls."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel

    def write(self, text: str) -> None:
        panel = self._panel
        panel._tell_log(panel.log.printed(text.replace("\r\n", "\n")))


def _together(session: Any, operations: Sequence[Any], **options: Any) -> list[Any]:
    found: list[Any] = session.batch(operations, **options)
    return found
