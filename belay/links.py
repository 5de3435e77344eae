# SPDX-License-Identifier: Apache-2.0
"""What a Device talks over: an address, an open link, or a recording; and who writes it down."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from belay import errors
from belay.transports import Transport

if TYPE_CHECKING:
    from belay.recording import Recording
    from belay.session.taping import Recorder
    from belay.transports.usb import UsbSpecifier

__all__ = ["Opened", "is_recorded", "opener", "recorder", "tags"]

Opened = Transport | Callable[[], Transport]


def opener(
    device: str | os.PathLike[str] | UsbSpecifier | Opened | None,
    baudrate: int,
    exclusive: bool,
    timeout: float,
    user: str,
    password: str | None,
) -> Callable[[], Transport]:
    """What opens the link, every time that it is to be opened."""
    if isinstance(device, Transport):
        return _Once(device)
    if callable(device):
        return device
    from belay.transports.opening import Opening

    board = os.fspath(device) if isinstance(device, os.PathLike) else device
    if os.environ.get("BELAY_REPLAY"):
        from belay.recording import replayed

        if (replay := replayed(board)) is not None:
            return replay
    return Opening(
        board,
        baudrate=baudrate,
        exclusive=exclusive,
        timeout=timeout,
        user=user,
        password=password,
    )


def is_recorded(opens: Callable[[], Transport]) -> bool:
    """Whether a recording is played in the place of a board."""
    return bool(getattr(opens, "replays", False))


def tags(opens: Callable[[], Transport], taped: Recorder | None) -> str:
    """What the tags of a Device's sources begin with.

    Chance keeps a function that an earlier session left on the board from being taken for one of
    this session. A recording has to be the same every time.
    """
    return "taped" if taped is not None or is_recorded(opens) else os.urandom(2).hex()


def recorder(
    record: str | os.PathLike[str] | Recording | None,
    device: object,
    opens: Callable[[], Transport],
    password: str | None,
) -> Recorder | None:
    """What writes down a Device's sessions, if anything does.

    Raises:
        CassetteError: the file cannot be written; or a recording is played.
    """
    if record is None:
        folder = os.environ.get("BELAY_RECORD")
        if not folder or is_recorded(opens):
            return None
        from belay.recording import next_recording

        record = next_recording(folder)
    elif is_recorded(opens):
        raise errors.CassetteError("what is played is a recording already; record needs a board")
    from belay.recording import begin

    return begin(record, device, password)


class _Once:
    """A link that the caller has opened: it cannot be opened again."""

    def __init__(self, transport: Transport) -> None:
        self._transport: Transport | None = transport

    def __call__(self) -> Transport:
        transport, self._transport = self._transport, None
        if transport is None:
            raise errors.ConnectionFailedError(
                "this Device was given an open Transport, which cannot be opened again; give it "
                "an address, or a function that opens one"
            )
        return transport
