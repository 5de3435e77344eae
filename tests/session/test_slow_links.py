# SPDX-License-Identifier: Apache-2.0
"""A link that takes long to carry what is written, as WebREPL does: that is no silence."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from belay.session import conversation
from belay.transports import open_transport
from belay.transports.wrapping import TransportWrapper
from tests.links.counting import CountingLink
from tests.session.boards import PATIENT, fresh_name, open_session


class Slow(TransportWrapper):
    """Every write takes an hour, by the clock of the conversation."""

    late = 0.0

    def write(self, data: bytes) -> None:
        super().write(data)
        self.late += 3600

    def monotonic(self) -> float:
        return time.monotonic() + self.late


def test_patience_begins_when_all_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    link = CountingLink(open_transport(fresh_name()), keep=True)
    slow = Slow(link)
    monkeypatch.setattr(conversation, "time", SimpleNamespace(monotonic=slow.monotonic))
    session = open_session(slow, silence=PATIENT, timeout=1e6)
    assert session.evaluate("6 * 7") == 42
    assert session.evaluate("'x' * 3000") == "x" * 3000
    assert session.counters.repeats == 0
    session.close()
