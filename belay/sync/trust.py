# SPDX-License-Identifier: Apache-2.0
"""What a board's files were when they were last hashed: for syncs that trust sizes and times.

A board whose clock was never set begins the same times again with every start. So this is no
proof, and only used where the caller asks for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from belay.sync.board import BoardFiles
from belay.sync.manifest import BoardFile, BoardManifest, WantedFile

__all__ = ["Records"]

_AT_ONCE = 50
"""Files that the board hashes for one request."""


class Records:
    """Sizes, times and digests of one board's files, kept on this computer.

    Args:
        board: tells this board from others, such as its serial number.
        folder: where they are kept; None for the user's cache.
    """

    def __init__(self, board: str, folder: Path | None = None) -> None:
        if folder is None:
            from platformdirs import user_cache_dir

            folder = Path(user_cache_dir("belay", appauthor=False), "manifests")
        self._path = folder / f"{hashlib.sha256(board.encode()).hexdigest()[:32]}.json"
        self._known: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError):
            known = json.loads(self._path.read_bytes())
            if isinstance(known, dict):
                self._known = known

    def complete(
        self, manifest: BoardManifest, wanted: Iterable[WantedFile], board: BoardFiles
    ) -> None:
        """Give a manifest the digests that a plan needs: known ones, and for the rest ask.

        Args:
            manifest: made without hashes.
            wanted: what is to be on the board; only what has its size there need be hashed.
            board: the board.
        """
        asked: list[str] = []
        for file in wanted:
            found = manifest.files.get(file.path)
            if found is None or found.size != len(file.data):
                continue
            digest = self._digest(file.path, found)
            if digest:
                self._set(manifest, file.path, digest)
            else:
                asked.append(file.path)
        for start in range(0, len(asked), _AT_ONCE):
            some = asked[start : start + _AT_ONCE]
            for path, (_, digest) in zip(some, board.digests(some), strict=True):
                self._set(manifest, path, digest)

    def keep(self, manifest: BoardManifest, wanted: Iterable[WantedFile]) -> None:
        """Remember what is on the board now.

        Args:
            manifest: made after the sync, without hashes.
            wanted: what the sync has made sure is there.
        """
        inside = manifest.root.rstrip("/") + "/"
        self._known = {
            path: known for path, known in self._known.items() if not path.startswith(inside)
        }
        for file in wanted:
            found = manifest.files.get(file.path)
            if found is not None and found.size == len(file.data):
                digest = file.digest(manifest.hash_name).hex()
                self._known[file.path] = [found.size, found.modified, digest]
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._path.parent)
            with open(handle, "w", encoding="utf-8") as out:
                json.dump(self._known, out)
            os.replace(name, self._path)

    def _digest(self, path: str, found: BoardFile) -> bytes:
        try:
            size, modified, digest = self._known[path]
            return (
                bytes.fromhex(digest) if (size, modified) == (found.size, found.modified) else b""
            )
        except (KeyError, TypeError, ValueError):
            return b""

    @staticmethod
    def _set(manifest: BoardManifest, path: str, digest: bytes) -> None:
        manifest.files[path] = manifest.files[path]._replace(digest=digest)
        manifest.hash_name = "crc32" if len(digest) == 4 else "sha256"
