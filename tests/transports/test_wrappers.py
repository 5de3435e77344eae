# SPDX-License-Identifier: Apache-2.0
"""Transports around transports: the transcript, and the slow line."""

from __future__ import annotations

import threading
import time

import pytest

from belay.errors import ConnectionLost, DeviceClosedError
from belay.transports import Transport, open_transport
from belay.transports.recording import RecordingTransport
from belay.transports.shaped import ShapedTransport

SOON = 30.0


def receive(transport: Transport, count: int) -> bytes:
    data = b""
    while len(data) < count:
        assert transport.wait(SOON), len(data)
        data += transport.read()
    return data


def test_a_transcript_has_both_directions_in_order() -> None:
    transport = RecordingTransport(open_transport("exec:cat"))
    for word in (b"one", b"two"):
        transport.write(word)
        assert receive(transport, 3) == word
    entries = transport.transcript()
    assert [(entry.direction, entry.data) for entry in entries] == [
        ("up", b"one"),
        ("down", b"one"),
        ("up", b"two"),
        ("down", b"two"),
    ]
    assert [entry.time for entry in entries] == sorted(entry.time for entry in entries)
    shown = transport.format().splitlines()
    assert [line.split(None, 1)[1] for line in shown] == [
        "> b'one'",
        "< b'one'",
        "> b'two'",
        "< b'two'",
    ]
    assert transport.format(5).splitlines()[0].endswith("> …b'wo'")
    transport.close()
    assert transport.transcript() == entries


def test_a_transcript_is_bounded() -> None:
    transport = RecordingTransport(open_transport("loop://"), limit=1000)
    for number in range(500):
        transport.write(b"%03d" % number)
    kept = transport.transcript()
    assert kept[-1].data == b"499"
    assert len(kept) < 20
    transport.write(b"x" * 5000)
    assert [len(entry.data) for entry in transport.transcript()] == [1000]
    transport.close()


def test_an_empty_transcript() -> None:
    transport = RecordingTransport(open_transport("loop://"))
    assert transport.format() == ""
    transport.close()


def test_a_delay_is_added_once_to_every_byte() -> None:
    transport = ShapedTransport(open_transport("exec:cat"), delay=0.05)
    start = time.monotonic()
    transport.write(b"x")
    assert receive(transport, 1) == b"x"
    assert time.monotonic() - start >= 0.1
    # A thousand small steps in flight at once: not a thousand delays.
    for _ in range(1000):
        transport.write(b"ab")
    assert receive(transport, 2000) == b"ab" * 1000
    assert time.monotonic() - start < 0.05 * 1000
    transport.close()


def test_a_rate_is_kept() -> None:
    transport = ShapedTransport(open_transport("exec:cat"), bytes_per_second=20_000)
    assert transport.bytes_per_second == 20_000
    start = time.monotonic()
    transport.write(b"x" * 6_000)  # more than the line's buffer: this blocks
    assert time.monotonic() - start >= 0.05
    assert receive(transport, 6_000) == b"x" * 6_000
    assert time.monotonic() - start >= 0.3
    transport.close()


def test_output_that_has_not_left_is_dropped() -> None:
    transport = ShapedTransport(open_transport("exec:cat"), bytes_per_second=5_000)
    writer = threading.Thread(target=transport.write, args=(b"x" * 1_000_000,))
    writer.start()
    assert receive(transport, 1)
    transport.drop_output()
    writer.join(SOON)
    assert not writer.is_alive()
    transport.write(b"!")
    data = b""
    while not data.endswith(b"!"):
        assert transport.wait(SOON)
        data += transport.read()
    assert len(data) < 10_000
    transport.close()


def test_a_blocked_write_ends_with_the_line() -> None:
    transport = ShapedTransport(open_transport("exec:cat"), bytes_per_second=5_000)
    ended = threading.Event()

    def write() -> None:
        try:
            transport.write(b"x" * 1_000_000)
        except DeviceClosedError:
            ended.set()

    threading.Thread(target=write).start()
    assert receive(transport, 1)
    transport.close()
    assert ended.wait(SOON)
    with pytest.raises(DeviceClosedError):
        transport.drop_output()


def test_the_end_comes_after_the_last_bytes() -> None:
    transport = ShapedTransport(
        open_transport("exec:sh -c 'read x; printf 0123456789; exit 4'"), bytes_per_second=1_000
    )
    transport.write(b"\n")
    assert receive(transport, 10) == b"0123456789"
    for _ in range(2):
        assert transport.wait(None) is True
        with pytest.raises(ConnectionLost, match="exit code 4"):
            transport.read()
    with pytest.raises(ConnectionLost):
        transport.write(b"x")
    transport.close()
