# SPDX-License-Identifier: Apache-2.0
"""Recording the sessions of a Device in a cassette, and playing it in the place of the board."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable
from pathlib import Path

from belay.cassettes.files import CassetteFile
from belay.cassettes.masking import Masks
from belay.errors import CassetteError, ReplayError
from belay.session.taping import Recorder
from belay.transports.base import Transport
from belay.transports.replay import ReplayOpening

__all__ = ["Recording", "begin", "check_played", "next_recording", "replayed"]

_numbers = itertools.count(1)
_played: list[ReplayOpening] = []
_FOLDER = re.compile(r"(?<=[?&](?:files|bench)=)(?:/|~|[A-Za-z]:[\\/])[^&]*[\\/](?=[^&\\/]*)")


class Recording:
    """Where a Device is recorded, and what must not be written there.

    Args:
        path: of the cassette; it is replaced when the Device is closed, unless the same was said.
        secrets: texts that are masked, beside those that are found: what source text or arguments
            give to names such as ``password``, ``token`` or ``api_key``, and passwords of links.
    """

    def __init__(self, path: str | os.PathLike[str], *, secrets: Iterable[str] = ()) -> None:
        self.path = Path(path)
        self.secrets = (secrets,) if isinstance(secrets, str) else tuple(secrets)

    def __repr__(self) -> str:
        return f"Recording({str(self.path)!r})"  # without the secrets


def begin(
    record: str | os.PathLike[str] | Recording, device: object, password: str | None
) -> Recorder:
    """Begin to record.

    Args:
        record: where.
        device: the board, as the program names it.
        password: of its link.
    """
    where = record if isinstance(record, Recording) else Recording(record)
    masks = Masks(where.secrets)
    for secret in (password, os.environ.get("BELAY_PASSWORD")):
        if secret:
            masks.add(secret)
    return Recorder(CassetteFile(where.path), masks, told_address(device), told_address)


def told_address(device: object) -> str:
    """A board as a cassette names it: no folder of this computer."""
    named = device is None or isinstance(device, Transport) or callable(device)
    return "" if named else _FOLDER.sub("", str(device))


def next_recording(folder: str) -> Recording:
    """The recording of the next Device of this process, where ``BELAY_RECORD`` names a folder."""
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CassetteError(f"BELAY_RECORD={folder}: {error.strerror}") from None
    return Recording(path / f"board-{next(_numbers)}.cassette")


def replayed(board: object) -> ReplayOpening | None:
    """The cassette for the next Device of this process, where ``BELAY_REPLAY`` names a folder.

    Args:
        board: as the program names it. A ``replay:`` address means what it says: None.

    Raises:
        CassetteError: there is no cassette for it.
        ReplayError: it was recorded for another board.
    """
    if str(board).startswith("replay:"):
        return None
    folder, number = os.environ["BELAY_REPLAY"], next(_numbers)
    path = Path(folder) / f"board-{number}.cassette"
    if not path.exists():
        raise CassetteError(
            f"BELAY_REPLAY={folder}: there is no {path.name} for Device number {number} of this "
            f"program, {told_address(board) or 'without an address'}. Try: record it again, with "
            f"BELAY_RECORD={folder}"
        )
    timing = os.environ.get("BELAY_REPLAY_TIMING", "fast")
    if timing not in ("fast", "recorded"):
        raise CassetteError(f"BELAY_REPLAY_TIMING must be 'fast' or 'recorded', not {timing!r}")
    opening = ReplayOpening(path, fast=timing == "fast")
    _played.append(opening)
    recorded, now = opening.tape.cassette.header.get("asked for", ""), told_address(board)
    if now and recorded != now:
        raise ReplayError(
            f"{path}: the Device number {number} of this program is {now!r}; when it was recorded, "
            f"it was {recorded!r}. Try: record it again, with BELAY_RECORD={folder}"
        )
    return opening


def check_played() -> None:
    """See that the program has asked for all that is in the cassettes of ``BELAY_REPLAY``.

    Raises:
        ReplayError: it has not.
    """
    folder = os.environ.get("BELAY_REPLAY", "")
    for opening in _played:
        opening.tape.finish()
    left = sorted({path.name for path in Path(folder).glob("board-*.cassette")}) if folder else []
    if len(left) > len(_played):
        raise ReplayError(
            f"{folder}: the program has connected {len(_played)} Devices; when it was recorded, "
            f"there were {len(left)}: {', '.join(left)}"
        )
