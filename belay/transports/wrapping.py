# SPDX-License-Identifier: Apache-2.0
"""A transport around a transport, for links that watch, shape or lend another one."""

from __future__ import annotations

from belay.transports.base import Transport

__all__ = ["TransportWrapper"]


class TransportWrapper(Transport):
    """Hands every call to the transport inside; a subclass changes what it is about.

    Args:
        inner: an open transport, which closes with this one.
    """

    def __init__(self, inner: Transport) -> None:
        self.inner = inner
        self.address = inner.address
        self.bytes_per_second = inner.bytes_per_second
        self.text_only = inner.text_only
        self.survives_reset = inner.survives_reset
        self.outside = inner.outside

    def wait(self, timeout: float | None) -> bool:
        """See :meth:`Transport.wait`."""
        return self.inner.wait(timeout)

    def read(self) -> bytes:
        """See :meth:`Transport.read`."""
        return self.inner.read()

    def write(self, data: bytes) -> None:
        """See :meth:`Transport.write`."""
        self.inner.write(data)

    def wake(self) -> None:
        """See :meth:`Transport.wake`."""
        self.inner.wake()

    def drop_output(self) -> None:
        """See :meth:`Transport.drop_output`."""
        self.inner.drop_output()

    def hard_reset(self) -> bool:
        """See :meth:`Transport.hard_reset`."""
        return self.inner.hard_reset()

    def close(self) -> None:
        """See :meth:`Transport.close`."""
        self.inner.close()
