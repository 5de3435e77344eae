# SPDX-License-Identifier: Apache-2.0
"""The host's end of a control pipe (see :mod:`belay.virtual.control`), for many threads."""

from __future__ import annotations

import contextlib
import itertools
import json
import queue
import socket
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["BoardGoneError", "CommandFailedError", "Pipe"]

_PATIENCE = 10.0


class BoardGoneError(ConnectionError):
    """The virtual board has ended, and its control pipe with it."""


class CommandFailedError(ValueError):
    """The virtual board could not do what it was told; the text says why."""


class Pipe:
    """One connection to a running board.

    Two threads of its own begin with the first call: one reads, the other runs what the host has
    left with the board (functions of time, callbacks), which may use the pipe themselves.

    Args:
        connect: opens the connection, when it is first needed; or an open one.
        name: how messages call the board.
    """

    def __init__(self, connect: Callable[[], socket.socket] | socket.socket, name: str) -> None:
        self.name = name
        self.end: Pipe = self  # the same for all that hand on to it
        self._unused: socket.socket | None = None
        if isinstance(connect, socket.socket):
            self._unused = connection = connect
            self._connect: Callable[[], socket.socket] = lambda: connection
        else:
            self._connect = connect
        self._connection: socket.socket | None = None
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._answers: dict[int, queue.SimpleQueue[dict[str, Any] | None]] = {}
        self._work: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._functions: dict[str, Callable[[float], Any]] = {}
        self._listeners: dict[str, list[Callable[[Any], None]]] = {}
        self._gone = False

    def call(self, do: str, /, timeout: float | None = _PATIENCE, **arguments: Any) -> Any:
        """Give a command and wait for its answer.

        Args:
            do: the name of the command.
            timeout: seconds to wait; None for ever.
            **arguments: what the command takes.

        Raises:
            CommandFailedError: the board says why not.
            BoardGoneError: it has ended.
            TimeoutError: it does not answer.
        """
        number = next(self._numbers)
        waiting: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._answers[number] = waiting
        try:
            self._send({"id": number, "do": do, "with": arguments})
            message = waiting.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError(f"{self.name} does not answer within {timeout:g} s.") from None
        finally:
            self._answers.pop(number, None)
        if message is None:
            raise BoardGoneError(f"{self.name} has ended.")
        if "error" in message:
            raise CommandFailedError(message["error"])
        return message.get("answer")

    def on(self, event: str, callback: Callable[[Any], None]) -> Callable[[], None]:
        """Call a function with every value of an event; returns what ends that."""
        listeners = self._listeners.setdefault(event, [])
        listeners.append(callback)
        if len(listeners) == 1:
            self.call("watch", events=[event])

        def end() -> None:
            if callback in listeners:
                listeners.remove(callback)
                if not listeners and not self._gone:
                    self.call("watch", events=[event], on=False)

        return end

    def lend(self, name: str, function: Callable[[float], Any]) -> None:
        """Leave a function of the board's seconds here that it can ask, under a name."""
        self._functions[name] = function

    def unrecorded(self) -> Pipe:
        """The same pipe for looks that are no part of a program, if that is being recorded.

        Raises:
            BoardGoneError: it is a recording, which has no such looks.
        """
        return self

    def close(self) -> None:
        """Close this end; the board goes on."""
        self._gone = True
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        elif self._unused is not None:
            self._unused.close()

    # ---- threads

    def _open(self) -> socket.socket:
        with self._lock:
            if self._gone:
                raise BoardGoneError(f"{self.name} has ended.")
            if self._connection is None:
                try:
                    self._connection = self._connect()
                except OSError as error:
                    raise BoardGoneError(f"{self.name} cannot be reached: {error}") from error
                for target in (self._read, self._serve):
                    threading.Thread(
                        target=target, name=f"pipe to {self.name}", daemon=True
                    ).start()
            return self._connection

    def _send(self, message: dict[str, Any]) -> None:
        connection = self._open()
        data = json.dumps(message).encode() + b"\n"
        try:
            with self._lock:
                connection.sendall(data)
        except OSError:
            raise BoardGoneError(f"{self.name} has ended.") from None

    def _read(self) -> None:
        assert self._connection is not None
        try:
            for line in self._connection.makefile("rb"):
                message = json.loads(line)
                if "id" in message:
                    waiting = self._answers.get(message["id"])
                    if waiting is not None:
                        waiting.put(message)
                else:
                    self._work.put(message)
        except (OSError, ValueError):
            pass
        self._gone = True
        self._work.put(None)
        for waiting in list(self._answers.values()):
            waiting.put(None)
        self._connection.close()

    def _serve(self) -> None:
        while (message := self._work.get()) is not None:
            if "ask" in message:
                self._tell(message)
                continue
            for callback in list(self._listeners.get(message.get("event", ""), ())):
                for value in message["values"]:
                    _guarded(callback, value)

    def _tell(self, message: dict[str, Any]) -> None:
        function = self._functions.get(message["what"])
        value = None if function is None else _guarded(function, message["at"])
        with contextlib.suppress(BoardGoneError):
            self._send({"told": message["ask"], "value": value})


def _guarded(function: Callable[[Any], Any], value: Any) -> Any:
    """Call what is not ours; an error in it is shown and ends nothing."""
    try:
        return function(value)
    except Exception:
        import sys

        sys.excepthook(*sys.exc_info())
        return None
