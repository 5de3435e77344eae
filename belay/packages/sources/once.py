# SPDX-License-Identifier: Apache-2.0
"""What several threads want is had once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Once"]

V = TypeVar("V")


class Once(Generic[V]):
    """Values by key; who asks for one that is being made waits for it. A failure is not kept."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._locks: dict[object, threading.Lock] = {}
        self._values: dict[object, V] = {}

    def get(self, key: object, make: Callable[[], V]) -> V:
        """The value of a key, made if it is not there yet."""
        with self._turn:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._values:
                self._values[key] = make()
            return self._values[key]
