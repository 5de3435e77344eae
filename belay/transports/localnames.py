# SPDX-License-Identifier: Apache-2.0
"""Names such as ``mpy-esp32.local`` where the system itself does not ask the local network."""

from __future__ import annotations

__all__ = ["local_address"]

PATIENCE = 3.0


def local_address(host: str, timeout: float | None) -> str:
    """The IP address of a host whose name ends in ``.local``, by multicast DNS.

    Args:
        host: the name.
        timeout: seconds to wait for an answer; more than three are not waited.

    Returns:
        Empty for other names, for hosts that do not answer, and where the package ``zeroconf`` is
        not installed.
    """
    if not host.lower().rstrip(".").endswith(".local"):
        return ""
    try:
        import zeroconf
    except ImportError:
        return ""
    resolver = zeroconf.AddressResolver(f"{host.rstrip('.')}.")  # type: ignore[attr-defined]
    patience = PATIENCE if timeout is None else min(timeout, PATIENCE)
    try:
        with zeroconf.Zeroconf() as network:
            # Asked so, all programs of this computer hear the answer, and this one for sure.
            resolver.request(network, patience * 1000, zeroconf.DNSQuestionType.QM)
    except OSError:  # no network, or none with multicast
        return ""
    addresses: list[str] = resolver.parsed_addresses()
    return min(addresses, key=lambda address: (":" in address, address), default="")
