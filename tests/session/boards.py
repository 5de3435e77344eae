# SPDX-License-Identifier: Apache-2.0
"""Sessions with a real MicroPython, over links that count and fail."""

from __future__ import annotations

import dataclasses
import itertools
import time
from typing import Any

import pytest

from belay.session import channel as channel_module
from belay.session import session as session_module
from belay.session.session import Session
from belay.transports import Transport, open_transport
from belay.wire.exchange import Timing
from belay.wire.greeting import Facts
from tests.links.counting import CountingLink
from tests.links.faulty import FaultyLink

PATIENT = 20.0
"""Silence before a repetition where the test counts: no busy machine reaches it."""

HASTY = 0.04
"""The same where the test provokes repetitions: each costs this much."""

opened: list[Session] = []
"""Every session, so that a test that fails leaves none open: see conftest.py."""

_names = itertools.count()


def fresh_name() -> str:
    """The address of a board that this test has for itself and can come back to."""
    return f"virtual:test{next(_names)}"


def open_session(
    link: Transport | str, *, silence: float = PATIENT, reset: bool = False, **options: Any
) -> Session:
    """A session over a link or an address, with a floor under its patience."""
    transport = open_transport(link) if isinstance(link, str) else link
    timing = Timing(floor=silence)
    session = Session.open(transport, timing=timing, reset=reset, **options)
    opened.append(session)
    return session


def read_until(transport: Transport, end: bytes, seconds: float = 20.0) -> bytes:
    """Read until the bytes ``end`` have come."""
    seen = b""
    deadline = time.monotonic() + seconds
    while end not in seen:
        if not transport.wait(max(0.0, deadline - time.monotonic())):
            raise AssertionError(f"{end!r} did not come; this did: {seen[-300:]!r}")
        seen += transport.read()
    return seen


def pretend(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Let the board of the next session seem to have other facts: a stream of text only, say."""
    greet = session_module.greet

    def changed(*args: Any, **options: Any) -> tuple[Facts, float]:
        facts, round_trip = greet(*args, **options)
        return dataclasses.replace(facts, **changes), round_trip

    for module in (session_module, channel_module):
        monkeypatch.setattr(module, "greet", changed)


def counted(address: str, **options: Any) -> tuple[Session, CountingLink]:
    """A session, and the link that counts what it sends."""
    link = CountingLink(open_transport(address), keep=True)
    return open_session(link, **options), link


def faulty(address: str, **options: Any) -> tuple[Session, FaultyLink]:
    """A hasty session over a link that fails where it is told to."""
    link = FaultyLink(open_transport(address))
    return open_session(link, silence=HASTY, **options), link
