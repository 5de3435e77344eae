# SPDX-License-Identifier: Apache-2.0
"""The outside of a board that is simulated: ``device.board``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from belay import errors

if TYPE_CHECKING:
    from belay.session.session import Session
    from belay.source.linemap import SourceMap
    from belay.virtual import Board

__all__ = ["Simulated", "show_files"]


class Simulated:
    """What a Device adds for virtual boards."""

    _session: Session

    @property
    def board(self) -> Board:
        """The outside of this virtual board: its pins, analogue inputs, sensors and faults.

        Raises:
            FeatureUnavailableError: this board is none.
        """
        transport = self._session.transport
        if transport.is_recording:
            raise errors.FeatureUnavailableError(
                f"{transport.address} is a recording: it has no pins that could be turned. What a "
                "program does to device.board is not in a recording."
            )
        if transport.outside is None:
            from belay.transports.virtual import served

            transport.outside = served(transport.address)
        if transport.outside is None:
            raise errors.FeatureUnavailableError(
                f"{transport.address} is no virtual board: nobody can reach its pins from outside. "
                "Device('virtual:').board can."
            )
        return transport.outside


def show_files(sources: SourceMap, address: str) -> None:
    """Let tracebacks show the folder of this computer in which a virtual board keeps its files."""
    if not address.startswith("virtual:"):
        return
    from belay.transports.address import VirtualAddress, parse_address

    parsed = parse_address(address)
    if isinstance(parsed, VirtualAddress) and parsed.files is not None:
        sources.add_folder("/", parsed.files)
