# SPDX-License-Identifier: Apache-2.0
"""The outside of a board that is simulated: ``device.board``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from belay import errors

if TYPE_CHECKING:
    from belay.session.session import Session
    from belay.source.linemap import SourceMap
    from belay.transports import Transport
    from belay.virtual import Board

__all__ = ["Simulated", "show_files"]


class Simulated:
    """What a Device adds for virtual boards."""

    _session: Session
    _outside: tuple[Transport, Board] | None = None

    @property
    def board(self) -> Board:
        """The outside of this virtual board: its pins, analogue inputs, sensors and faults.

        Raises:
            FeatureUnavailableError: this board is none.
        """
        session = self._session
        transport = session.transport
        if self._outside is not None and self._outside[0] is transport:
            return self._outside[1]
        if transport.is_recording:
            found = _played(session)
        else:
            if transport.outside is None:
                from belay.transports.virtual import served

                transport.outside = served(transport.address)
            if transport.outside is None:
                raise errors.FeatureUnavailableError(
                    f"{transport.address} is no virtual board: nobody can reach its pins from "
                    "outside. Device('virtual:').board can."
                )
            found = transport.outside
            if session.recorder is not None:
                from belay.transports.benchtape import taped

                found = taped(found, session.recorder.look)
        self._outside = transport, found
        return found


def _played(session: Session) -> Board:
    """The outside of a recording."""
    from belay.session.replaying import has_looks, next_look
    from belay.transports.benchtape import played

    address = session.transport.address
    if not has_looks(session, "bench "):
        raise errors.FeatureUnavailableError(
            f"{address} is a recording, in which nothing was done to device.board."
        )

    def refuse(what: str) -> NoReturn:
        raise errors.ReplayError(
            f"{address}: the program does this to device.board, and did not, or not so often, when "
            f"it was recorded:\n\n    {what}"
        )

    return played(address, lambda title, rest: next_look(session, title, rest), refuse)


def show_files(sources: SourceMap, address: str) -> None:
    """Let tracebacks show the folder of this computer in which a virtual board keeps its files."""
    if not address.startswith("virtual:"):
        return
    from belay.transports.address import VirtualAddress, parse_address

    parsed = parse_address(address)
    if isinstance(parsed, VirtualAddress) and parsed.files is not None:
        sources.add_folder("/", parsed.files)
