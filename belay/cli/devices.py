# SPDX-License-Identifier: Apache-2.0
"""``belay devices``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from belay.cli.options import Json

if TYPE_CHECKING:
    from belay.transports.discovery import Probed

__all__ = ["devices"]


def devices(*, probe: bool = False, network: bool = False, json: Json = False) -> int:
    """List the boards that there are.

    These are the serial ports of USB devices, whether or not a board is behind them, and the
    boards that have a name in pyproject.toml or in your own file. Nothing is opened, unless asked.

    Args:
        probe: ask each one what runs there. It is neither reset nor interrupted; a board whose
            program runs does not answer.
        network: look for boards with WebREPL in the local network, too; takes 2 seconds.
        json: print an array of objects.

    Examples:
        belay devices
        belay devices --probe
        belay devices --json
    """
    from belay.cli.boards import dump
    from belay.cli.candidates import HEADINGS, Candidate, found_boards
    from belay.cli.columns import aligned

    found = found_boards()
    if network:
        from belay.transports.discovery import find_network_boards

        known = {each.address for each in found}
        found += [Candidate(str(a)) for a in find_network_boards() if str(a) not in known]
    runs = _probed([each.address for each in found]) if probe else [None] * len(found)
    if json:
        asked = [{} if one is None else one._asdict() for one in runs]
        print(dump([each.as_json() | more for each, more in zip(found, asked, strict=True)]))
        return 0
    if not found:
        print("There is no board on USB, and none is configured. 'virtual:' needs no hardware.")
        return 0
    rows = [[*each.row(), one.text if one else ""] for each, one in zip(found, runs, strict=True)]
    print("\n".join(aligned([[*HEADINGS, "RUNS"], *rows])))
    return 0


def _probed(addresses: list[str]) -> Sequence[Probed | None]:
    """What runs on each, asked of all at once. Nobody is asked for a password."""
    from concurrent.futures import ThreadPoolExecutor

    from belay.transports.discovery import probe

    def ask(address: str) -> Probed:
        webrepl = address.startswith(("ws:", "wss:"))
        return probe(address, password=os.environ.get("BELAY_PASSWORD", "") if webrepl else None)

    if not addresses:
        return []
    with ThreadPoolExecutor(len(addresses)) as pool:
        return list(pool.map(ask, addresses))
