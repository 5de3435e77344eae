# SPDX-License-Identifier: Apache-2.0
"""Boards in a labgrid laboratory: ``labgrid:PLACE``.

labgrid (https://labgrid.readthedocs.io) knows who uses which board of a laboratory. A place is
acquired, its exported serial port is opened over the network, and closing the link releases it.

Its client runs as a program, ``labgrid-client`` or what ``BELAY_LABGRID_CLIENT`` names, in an
environment of its own: labgrid brings pyserial-labgrid, which owns the same package ``serial`` as
the pyserial that we need (docs/decisions/0018-tests-on-boards.md). The coordinator is the one that
the program finds, by ``LG_COORDINATOR`` for example.
"""

from __future__ import annotations

import ast
import contextlib
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from belay.errors import ConnectionFailedError, PortBusyError, PortNotFoundError
from belay.transports.options import Mistake

if TYPE_CHECKING:
    from belay.transports.base import Transport

__all__ = ["CLIENT", "LabgridAddress", "open_labgrid", "parse_labgrid", "serial_port_in"]

CLIENT = "BELAY_LABGRID_CLIENT"
_PLACE = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_./:-]*")
_PATIENCE = 60.0
_PORT = "NetworkSerialPort"


class LabgridAddress(NamedTuple):
    """A place of labgrid.

    Attributes:
        place: its name.
    """

    place: str

    def __str__(self) -> str:
        return f"labgrid:{self.place}"


def parse_labgrid(scheme: str, rest: str) -> LabgridAddress:
    """What stands behind ``labgrid:``."""
    if not _PLACE.fullmatch(rest):
        raise Mistake(f"{rest!r} is no name of a place", "Write 'labgrid:PLACE'.")
    return LabgridAddress(rest)


def open_labgrid(
    address: LabgridAddress, *, baudrate: int = 115200, exclusive: bool = True
) -> Transport:
    """Acquire a place and open its serial port; closing the link releases the place.

    Args:
        address: the place.
        baudrate: line rate in bit/s, where the place does not give one.
        exclusive: as for other serial ports.

    Raises:
        PortNotFoundError: there is no client program, no coordinator or no such place.
        PortBusyError: somebody else has the place, or this user at another program.
        ConnectionFailedError: the place has no serial port that can be reached.
    """
    from belay.transports import open_transport
    from belay.transports.wrapping import TransportWrapper

    class Acquired(TransportWrapper):
        """The link to a place, which is released with it."""

        _released = False

        def close(self) -> None:
            if not self._released:
                self._released = True
                try:
                    super().close()
                finally:
                    _release(address.place)

    _client(address.place, "acquire")
    try:
        url, rate = serial_port_in(_client(address.place, "show"), address.place)
        link = open_transport(url, baudrate=rate or baudrate, exclusive=exclusive)
    except BaseException:
        _release(address.place)
        raise
    acquired = Acquired(link)
    acquired.address = str(address)
    return acquired


def serial_port_in(text: str, place: str) -> tuple[str, int | None]:
    """The serial port of an acquired place.

    Args:
        text: what ``labgrid-client show`` prints: behind a line for each resource its Python dict.
        place: for messages.

    Returns:
        Its address, and its line rate where there is one.

    Raises:
        ConnectionFailedError: there is none, or labgrid reaches it through a proxy only.
    """
    blocks = re.split(r"(?m)^Acquired resource .*\n", text)[1:]
    for block in blocks:
        resource: Any = None
        with contextlib.suppress(ValueError, SyntaxError):
            resource = ast.literal_eval(_indented(block))
        if not isinstance(resource, dict) or resource.get("cls") != _PORT:
            continue
        params: dict[str, Any] = resource.get("params", {})
        if params.get("extra", {}).get("proxy_required"):
            raise ConnectionFailedError(
                f"labgrid:{place}: its serial port is reached through a proxy only (an exporter "
                "with --isolated), which belay cannot do; forward it with labgrid-client, and use "
                "rfc2217://127.0.0.1:PORT"
            )
        host, port = params.get("host"), params.get("port")
        if host and port:
            scheme = "socket" if params.get("protocol") == "raw" else "rfc2217"
            return f"{scheme}://{host}:{port}", params.get("speed")
    raise ConnectionFailedError(
        f"labgrid:{place}: the place has no {_PORT} that is available; labgrid-client -p {place} "
        "show lists what it has"
    )


def _indented(block: str) -> str:
    """The lines of a block that belong to the dict: indented ones."""
    lines = []
    for line in block.splitlines():
        if not line.startswith(" "):
            break
        lines.append(line.strip())
    return "\n".join(lines)


def _release(place: str) -> None:
    with contextlib.suppress(ConnectionFailedError):  # the link is gone in any case
        _client(place, "release")


def _client(place: str, command: str) -> str:
    """Run the client program.

    Returns:
        What it printed.
    """
    import subprocess

    program = os.environ.get(CLIENT) or "labgrid-client"
    try:
        done = subprocess.run(
            [program, "-p", place, command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        raise PortNotFoundError(
            f"labgrid:{place}: there is no program {program!r}. Install labgrid into an "
            f"environment of its own (not into this one), and let {CLIENT} name its "
            "labgrid-client."
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConnectionFailedError(f"labgrid:{place}: {program}: {error}") from error
    if not done.returncode:
        return done.stdout
    raise _failure(place, done.stderr.strip() or done.stdout.strip())


def _failure(place: str, output: str) -> ConnectionFailedError:
    """What the client program has said, as an exception."""
    said = (output or "labgrid-client failed without a word").splitlines()[-1]
    said = said.removeprefix("labgrid-client: ").removeprefix("Error: ")
    if "connect to coordinator" in said:
        where = os.environ.get("LG_COORDINATOR")
        return PortNotFoundError(
            f"labgrid:{place}: no coordinator answers at "
            + (f"{where}, which LG_COORDINATOR names." if where else "labgrid's usual address.")
            + " Does it run there? LG_COORDINATOR is HOST:PORT of yours."
        )
    if "matches nothing" in said:
        return PortNotFoundError(
            f"labgrid:{place}: there is no such place; labgrid-client places lists them."
        )
    if "You have already acquired" in said:
        return PortBusyError(
            f"labgrid:{place}: another program of yours has acquired it, or has left it so: then "
            f"labgrid-client -p {place} release frees it."
        )
    kind = PortBusyError if "already acquired" in said else ConnectionFailedError
    return kind(f"labgrid:{place}: {said}")
