# SPDX-License-Identifier: Apache-2.0
"""A server for tests: what it is given it serves, with the faults that it is told to have."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

CUT = "cut"
SILENT = "silent"
HANG = "hang"


@dataclass
class Reply:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    path: str
    headers: dict[str, str]


class Server:
    """At `url`; `asked` holds every request. Each path first shows its faults, one per request.

    A fault is a status, a `Reply`, or `CUT` (half of the body), `SILENT` (no answer, the end) or
    `HANG` (no answer, until the test is over or releases it). What is asked as the `hang_at`-th
    is not answered either.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.hang_at = 0
        self._replies: dict[str, Reply] = {}
        self._faults: dict[str, list[int | str | Reply]] = {}
        self._turn = threading.Condition()
        self._released = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # a body does not wait for its headers to arrive

            def do_GET(self) -> None:
                server._answer(self)

            def log_message(self, *args: object) -> None:
                pass

        class Site(ThreadingHTTPServer):
            def handle_error(self, *args: object) -> None:
                """Who has asked may be gone by now."""

        self._http = Site(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def give(
        self,
        path: str,
        body: bytes | str | object = b"",
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        faults: Iterable[int | str | Reply] = (),
    ) -> str:
        """Serve bytes, text, or any value as JSON; returns the URL."""
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        data = body.encode() if isinstance(body, str) else body
        self._replies[path] = Reply(data, status, dict(headers or {}))
        self._faults[path] = list(faults)
        return self.url + path

    def take(self, path: str) -> None:
        """Serve it no more."""
        del self._replies[path]

    def times(self, path: str) -> int:
        return sum(asked.path == path for asked in self.asked)

    def wait_for(self, count: int) -> None:
        """Wait until it was asked so often."""
        self.wait_until(lambda: len(self.asked) >= count)

    def wait_until(self, true: Callable[[], bool]) -> None:
        """Wait for what is looked at with each request, and now and then."""
        until = time.monotonic() + 60
        with self._turn:
            while not true():
                assert time.monotonic() < until
                self._turn.wait(0.2)

    def release(self) -> None:
        """Answer what hangs."""
        self._released.set()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path
        with self._turn:
            self.asked.append(Asked(path, {k.lower(): v for k, v in handler.headers.items()}))
            self._turn.notify_all()
            known = self._replies.get(path) or self._replies.get(urlsplit(path).path)
            reply = known or Reply(b"nothing here", 404)
            fault = self._faults[path].pop(0) if self._faults.get(path) else None
            if len(self.asked) == self.hang_at:
                fault = HANG
        if isinstance(fault, int):
            reply = Reply(b"fault", fault, {"Retry-After": "0"})
        elif isinstance(fault, Reply):
            reply = fault
        handler.close_connection = fault in (CUT, SILENT, HANG)
        if fault == HANG:
            self._released.wait()
        if fault in (SILENT, HANG):
            return
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        if not reply.headers.keys() & {"Transfer-Encoding", "Content-Length"}:
            handler.send_header("Content-Length", str(len(reply.body)))
        handler.end_headers()
        handler.wfile.write(reply.body[: len(reply.body) // 2] if fault == CUT else reply.body)


class IndexSite:
    """An index in the layout of micropython.org/pi/v2, below a path of a server."""

    def __init__(self, server: Server, at: str = "/pi/v2") -> None:
        self.server = server
        self.at = at
        self._packages: dict[str, dict[str, dict[str, None]]] = {}
        self._publish()

    @property
    def url(self) -> str:
        return self.server.url + self.at

    def add(
        self,
        name: str,
        version: str,
        files: Mapping[str, bytes],
        *,
        deps: Iterable[tuple[str, str]] = (),
        targets: Iterable[str] = ("py", "6"),
        compiled: Callable[[str, bytes], bytes] = lambda dest, data: b"M\x06" + data,
    ) -> None:
        """A version of a package; for mpy each `.py` becomes what `compiled` makes of it."""
        for target in targets:
            hashes = []
            for dest, data in files.items():
                if target != "py" and dest.endswith(".py"):
                    dest, data = dest[:-3] + ".mpy", compiled(dest, data)
                digest = hashlib.sha256(data).hexdigest()[:8]
                self.server.give(f"{self.at}/file/{digest[:2]}/{digest}", data)
                hashes.append([dest, digest])
            package = {"v": 1, "version": version, "hashes": hashes, "deps": list(map(list, deps))}
            for text in (version, "latest"):
                self.server.give(f"{self.at}/package/{target}/{name}/{text}.json", package)
            self._packages.setdefault(name, {}).setdefault(target, {})[version] = None
        self._publish()

    def _publish(self) -> None:
        packages = [
            {
                "name": name,
                "version": list(next(iter(targets.values())))[-1],
                "description": f"{name} for tests",
                "author": "",
                "license": "MIT",
                "versions": {target: list(known) for target, known in targets.items()},
            }
            for name, targets in self._packages.items()
        ]
        self.server.give(f"{self.at}/index.json", {"v": 2, "updated": 0, "packages": packages})
