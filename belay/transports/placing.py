# SPDX-License-Identifier: Apache-2.0
"""Addresses with paths that are relative to the file in which they stand."""

from __future__ import annotations

import os
from pathlib import Path

from belay.transports.address import Address, SerialAddress, VirtualAddress
from belay.transports.replayaddress import ReplayAddress

__all__ = ["placed"]


def placed(address: Address, folder: Path) -> Address:
    """The address with whole paths.

    Args:
        address: as it is written.
        folder: of the file in which it stands.
    """
    if isinstance(address, VirtualAddress):
        files, bench = (
            None if path is None else str(folder / os.path.expanduser(path))
            for path in (address.files, address.bench)
        )
        return address._replace(files=files, bench=bench)
    if isinstance(address, ReplayAddress):
        return address._replace(file=str(folder / os.path.expanduser(address.file)))
    if isinstance(address, SerialAddress) and address.port.startswith("./"):
        return address._replace(port=str(folder / address.port))
    return address
