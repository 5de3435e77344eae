# SPDX-License-Identifier: Apache-2.0
"""The control pipe: how a host program reaches a running board beside its REPL.

One JSON object a line, both ways, on a stream socket. The host asks
``{"id": 7, "do": "pin.drive", "with": {"pin": 3, "level": 1}}`` and gets
``{"id": 7, "answer": ...}`` or ``{"id": 7, "error": text, "kind": name}``. The board tells
``{"event": name, "values": [...], "lost": 0}`` those who have asked ``watch`` for that name, and
asks ``{"ask": 4, "what": name, "at": seconds}``, answered with ``{"told": 4, "value": ...}``.

Every client has a thread of its own, which answers also while the board runs ``while True: pass``:
the interpreter computes without Python's lock. What commands there are is a table, to which every
part of the board adds its own (see :meth:`Control.add`).
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["Client", "CommandError", "Commands", "Control", "Json", "SceneError", "knows"]

Json = Any
"""What JSON can say: None, bool, int, float, str, and lists and dicts of those."""

Commands = Mapping[str, Callable[..., Json]]
"""Functions by the names of the commands, called with what stands in ``with`` as keywords."""

_MOST_WAITING = 100_000  # events that nobody reads, after which they are dropped
_PATIENCE = 1.0  # seconds in which a host answers what the board asks


class CommandError(ValueError):
    """A command that cannot be done; the text goes to whoever gave it."""


class SceneError(ValueError):
    """A scene that cannot be built: which file, which line, what is wrong with it."""


class Client:
    """One host program at the other end.

    Attributes:
        watched: names of the events that it wants to be told.
    """

    def __init__(self, control: Control, connection: socket.socket) -> None:
        self._control, self._connection = control, connection
        self.watched: set[str] = set()
        self._sending = threading.Lock()
        self._numbers = itertools.count(1)
        self._answers: dict[int, queue.SimpleQueue[Json]] = {}
        self.gone = False
        self._stream = connection.makefile("rb")
        self._later: deque[dict[str, Json]] = deque()

    def serve(self) -> None:
        """Answer until the other end closes."""
        try:
            while (message := self._next()) is not None:
                self.send(self._answer(message))
        except (OSError, ValueError):
            pass  # the other end has gone, or is none of ours
        finally:
            self.gone = True
            self._control.forget(self)
            self._connection.close()

    def _next(self) -> dict[str, Json] | None:
        """The next command; None at the end."""
        while not self._later:
            if not self._read_one():
                return None
        return self._later.popleft()

    def _read_one(self) -> bool:
        """Take one message off the line, only on this client's own thread."""
        import json

        line = self._stream.readline()
        if not line:
            return False
        message = json.loads(line)
        if "told" not in message:
            self._later.append(message)
        elif (waiting := self._answers.pop(message["told"], None)) is not None:
            waiting.put(message.get("value"))
        return True

    def _answer(self, message: dict[str, Json]) -> dict[str, Json]:
        answer: dict[str, Json] = {"id": message.get("id")}
        _serving.client = self
        try:
            answer["answer"] = self._control.run(message.get("do", ""), message.get("with") or {})
        except Exception as error:  # whatever it is, it is the answer, and the board lives
            answer["error"], answer["kind"] = str(error), type(error).__name__
        return answer

    def send(self, message: dict[str, Json]) -> None:
        """Send one message, from any thread; nothing where the other end has gone."""
        import json

        data = json.dumps(message).encode() + b"\n"
        with self._sending, contextlib.suppress(OSError):
            self._connection.sendall(data)

    def ask(self, what: str, at: float) -> Json:
        """Ask the host for a value, and wait for it; None where it does not answer in time."""
        if self.gone:
            return None
        number = next(self._numbers)
        waiting: queue.SimpleQueue[Json] = queue.SimpleQueue()
        self._answers[number] = waiting
        self.send({"ask": number, "what": what, "at": at})
        if getattr(_serving, "client", None) is self:  # nobody else reads what it answers
            while number in self._answers and self._read_one():
                pass
        try:
            return waiting.get(timeout=_PATIENCE)
        except queue.Empty:
            self._answers.pop(number, None)
            return None


_serving = threading.local()


class Control:
    """The board's side of all its control pipes.

    Args:
        commands: the table of commands to begin with.
    """

    def __init__(self, commands: Commands) -> None:
        self._commands: dict[str, Callable[..., Json]] = {
            "watch": self._watch,
            "commands": lambda: sorted(self._commands),
            **commands,
        }
        self._powered = threading.Event()
        self._clients: list[Client] = []
        self._lock = threading.Lock()
        self._events: queue.SimpleQueue[tuple[str, Json]] | None = None
        self._lost = 0
        self._sources: dict[str, Callable[[bool], None]] = {}

    def add(self, commands: Commands) -> None:
        """Add commands to the table."""
        self._commands.update(commands)

    def power(self) -> None:
        """The table is complete: commands, which may have come before, are done from now on."""
        self._powered.set()

    def run(self, name: str, arguments: dict[str, Json]) -> Json:
        """Do a command, on the thread of the client that gave it.

        Raises:
            CommandError: there is no such command.
            Exception: whatever the command raises; the client is told.
        """
        self._powered.wait()
        command = self._commands.get(name)
        if command is None:
            raise CommandError(f"a virtual board has no command {name!r}")
        return command(**arguments)

    @staticmethod
    def client() -> Client:
        """Who gave the command that runs on this thread."""
        client: Client = _serving.client
        return client

    # ---- connections

    def serve(self, connection: socket.socket, key: str = "") -> None:
        """Answer one client, on a thread of its own.

        Args:
            connection: a stream socket.
            key: what it has to send first, in hex and a newline; "" asks for nothing.
        """
        threading.Thread(
            target=self._serve, args=(connection, key), name="control pipe", daemon=True
        ).start()

    def _serve(self, connection: socket.socket, key: str) -> None:
        if key and not knows(connection, key):
            connection.close()
            return
        client = Client(self, connection)
        with self._lock:
            self._clients.append(client)
        client.serve()

    def listen(self, key: str) -> int:
        """Accept clients that know the key, on a port of 127.0.0.1, which is returned."""
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, args=(listener, key), daemon=True).start()
        port: int = listener.getsockname()[1]
        return port

    def _accept(self, listener: socket.socket, key: str) -> None:
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.serve(connection, key)

    def forget(self, client: Client) -> None:
        """A client has gone."""
        with self._lock:
            if client in self._clients:
                self._clients.remove(client)
            self._tell_sources()

    # ---- events

    def publish(self, event: str, value: Json) -> None:
        """Tell those who watch; costs next to nothing when nobody does. From any thread."""
        events = self._events
        if events is None:
            return
        if events.qsize() >= _MOST_WAITING:
            self._lost += 1
            return
        events.put((event, value))

    def when_watched(self, event: str, tell: Callable[[bool], None]) -> None:
        """Have a source of events told when somebody begins to watch it, and when nobody does."""
        self._sources[event] = tell

    def _tell_sources(self) -> None:
        watched = {event for client in self._clients for event in client.watched}
        for event, tell in self._sources.items():
            tell(event in watched)

    def _watch(self, events: list[str], on: bool = True) -> None:
        client = self.client()
        with self._lock:
            if on:
                client.watched.update(events)
            else:
                client.watched.difference_update(events)
            if self._events is None and on:
                self._events = queue.SimpleQueue()
                threading.Thread(target=self._pump, name="events", daemon=True).start()
            self._tell_sources()

    def _pump(self) -> None:
        """Send events on, all that wait of one name in one message."""
        events = self._events
        assert events is not None
        while True:
            name, value = events.get()
            batch: dict[str, list[Json]] = {name: [value]}
            for _ in range(min(events.qsize(), 1000)):
                name, value = events.get()
                batch.setdefault(name, []).append(value)
            lost, self._lost = self._lost, 0
            with self._lock:
                clients = list(self._clients)
            for name, values in batch.items():
                for client in clients:
                    if name in client.watched:
                        client.send({"event": name, "values": values, "lost": lost})


def knows(connection: socket.socket, key: str) -> bool:
    """Whether the client begins with the key; it has a few seconds."""
    said = b""
    with contextlib.suppress(OSError):
        connection.settimeout(5)
        while not said.endswith(b"\n") and len(said) <= len(key):
            data = connection.recv(len(key) + 1 - len(said))
            if not data:
                break
            said += data
        connection.settimeout(None)
    import hmac

    return hmac.compare_digest(said, key.encode() + b"\n")
