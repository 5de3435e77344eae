# SPDX-License-Identifier: Apache-2.0
"""A labgrid laboratory on this computer: its coordinator and exporter, as programs of their own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.links.environments import installed

VERSION = "26.0"


class Program:
    """A running program whose output is waited for.

    Args:
        argv: the program and its arguments.
        folder: where it runs.
        environment: its environment variables.
    """

    def __init__(self, argv: list[str], folder: Path, environment: dict[str, str]) -> None:
        self._said = ""
        self._more = threading.Condition()
        self._process = subprocess.Popen(
            argv,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._more:
                self._said += line
                self._more.notify_all()

    def wait_for(self, pattern: str, timeout: float = 60) -> None:
        with self._more:
            if not self._more.wait_for(lambda: re.search(pattern, self._said), timeout):
                raise AssertionError(f"{pattern!r} did not come, but:\n{self._said}")

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._reader.join(20)
        assert self._process.stdout is not None
        self._process.stdout.close()


class Laboratory:
    """A laboratory that runs.

    Args:
        python: that of labgrid's environment.
        coordinator: its address.
    """

    def __init__(self, python: Path, coordinator: str) -> None:
        self.python = python
        self.coordinator = coordinator
        self.client = str(python.parent / "labgrid-client")

    def do(self, place: str, command: str, user: str) -> str:
        """Run the client program as somebody of this host."""
        done = subprocess.run(
            [self.client, "-p", place, command],
            env={**os.environ, "LG_COORDINATOR": self.coordinator, "LG_USERNAME": user},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout


@contextlib.contextmanager
def laboratory(
    folder: Path, places: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> Iterator[Laboratory]:
    """Run a coordinator and an exporter.

    Args:
        folder: for their files.
        places: by name, what the exporter has for each: classes of resources with parameters.
    """
    python = installed("labgrid", VERSION)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    coordinator = f"127.0.0.1:{port}"
    # Both files are YAML, of which JSON is a part. The coordinator finds its own in its folder.
    (folder / "exporter.yaml").write_text(json.dumps(places))
    matches = {
        place: [{"exporter": "shelf", "group": place, "cls": "*", "name": None, "rename": None}]
        for place in places
    }
    known = {
        place: {"matches": match, "tags": {}, "aliases": [], "comment": "", "acquired": None}
        | {"acquired_resources": [], "allowed": [], "changed": 0.0, "created": 0.0}
        | {"reservation": None}
        for place, match in matches.items()
    }
    (folder / "places.yaml").write_text(json.dumps(known))
    environment = {**os.environ, "LG_COORDINATOR": coordinator, "PYTHONUNBUFFERED": "1"}
    programs = python.parent
    with contextlib.ExitStack() as stack:
        served = Program(
            [str(programs / "labgrid-coordinator"), "-l", coordinator], folder, environment
        )
        stack.callback(served.end)
        served.wait_for("Coordinator ready")
        exporter = Program(
            [str(programs / "labgrid-exporter"), "--name", "shelf", "exporter.yaml"],
            folder,
            environment,
        )
        stack.callback(exporter.end)
        for place in places:
            served.wait_for(f"set_resource {place} ")
        yield Laboratory(python, coordinator)
