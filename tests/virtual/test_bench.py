# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - programs for the board in one line
"""The bench around the boards: scenes, parts, wires, sockets, and the record of edges."""

from __future__ import annotations

import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import belay
from belay.errors import ConnectionFailedError
from belay.virtual import CommandFailedError, scene
from belay.virtual.devices.ssd1306 import Ssd1306
from belay.virtual.peripherals import Bench
from belay.virtual.png import png
from belay.virtual.recording import Recording


@pytest.fixture(scope="module")
def first() -> Iterator[belay.Device]:
    with belay.Device("virtual:?seed=1&net=loopback") as device:
        device("from machine import *\nimport time")
        yield device


@pytest.fixture(scope="module")
def second() -> Iterator[belay.Device]:
    with belay.Device("virtual:?seed=2") as device:
        device("from machine import *\nimport time")
        yield device


def until(ready: Callable[[], object], seconds: float = 10) -> None:
    """Wait for what another process does: there is no event for it here."""
    gone = threading.Event()
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it never came"
        gone.wait(0.002)


# ---- scenes

MISTAKES = {
    "[[part]]\nkind = 'bme28'\n": "b.toml, line 2: there is no part 'bme28'; there are bme280, button",
    "\n[[part]]\npin = 3\n": "b.toml, line 2: [part] needs kind",
    "[[part]]\nkind = 'button'\n\n[[part]]\nkind = 'button'\npin = 33\n": (
        "b.toml, line 1: [part] needs pin"
    ),
    "[[part]]\nkind = 'button'\npin = 33\n": "b.toml, line 3: pin = 33: pins are 0 to 29",
    "[[part]]\nkind = 'led'\npin = 3\ncolor = 'red'\n": (
        "b.toml, line 4: a led has no setting 'color'; it has kind, name, pin, to"
    ),
    "[[part]]\nkind = 'led'\npin = 'LED'\n": "b.toml, line 3: pin = 'LED': a whole number is expected",
    "[[part]]\nkind = 'bme280'\n[[part]]\nkind = 'bme280'\n": (
        "b.toml, line 3: there is a device at 0x76 already"
    ),
    "[[part]]\nkind = 'dht22'\npin = 2\ntemperature = 'warm'\n": (
        "b.toml, line 4: temperature: 'warm': there is no 'warm'"
    ),
    "[[part]]\nkind = 'led'\nname = 'a'\npin = 1\n[[part]]\nkind = 'led'\nname = 'a'\npin = 2\n": (
        "b.toml, line 5: there is a part 'a' already"
    ),
    "[[prt]]\nkind = 'led'\n": "b.toml, line 1: a scene has no [prt]; it has part, wire, wifi, adc, pins",
    "[adc]\n7 = 1.0\n": "b.toml, line 2: 7 is no channel",
    "[pins]\n14 = 'high'\n": "b.toml, line 2: 14 = 'high': a whole number",
    "[[wire]]\nfrom = 1\n": "b.toml, line 1: [wire] needs to",
    "[[part]\nkind = 1\n": "b.toml, line 1: ",
    "part = 3\n": "part is a table: write [[part]]",
    "[[wifi]]\nssid = 'a'\nstrength = 3\n": "b.toml, line 3: a network has no setting 'strength'",
    "[[part]]\nkind = 'potentiometer'\npin = 3\n": "b.toml, line 3: pin = 3: analogue inputs",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_in_a_scene_is_told_with_its_line(text: str) -> None:
    bench = Bench()
    bench.furnish = None  # an empty one
    with pytest.raises(scene.SceneError) as caught:
        scene.build(bench, scene.parse(text, "b.toml"))
    assert MISTAKES[text] in str(caught.value)


def test_a_board_with_a_bad_scene_does_not_start(tmp_path: Path) -> None:
    file = tmp_path / "bench.toml"
    file.write_text("[[part]]\nkind = 'toaster'\n")
    with pytest.raises(
        ConnectionFailedError, match=r"bench.toml, line 2: there is no part 'toaster'"
    ):
        belay.Device(f"virtual:?bench={file}")
    with pytest.raises(ConnectionFailedError, match="cannot be read"):
        belay.Device(f"virtual:?bench={tmp_path / 'nothing.toml'}")
    command = [sys.executable, "-m", "belay", "virtual", "--tcp", "0", "--bench", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "line 2: there is no part 'toaster'" in done.stderr
    assert "Traceback" not in done.stderr


def test_parts_are_added_while_the_board_runs(first: belay.Device) -> None:
    board = first.board
    assert list(board.parts)[:2] == ["bme280", "eeprom"]
    board.add_scene(
        "[[part]]\nkind = 'potentiometer'\nname = 'knob'\npin = 27\n[adc]\n0 = '1 + 0.5'\n"
    )
    assert abs(first("ADC(27).read_u16()") - 32768) < 3
    board.parts["knob"].turned = 25
    assert abs(first("ADC(Pin(27)).read_u16()") - 16384) < 3
    assert first("ADC(0).read_u16()") == round(1.5 / 3.3 * 65535)
    lamp = board.add("led", pin=13, name="lamp")
    first("w = PWM(Pin(13), freq=100, duty_u16=32768)")
    assert lamp.lit == pytest.approx(0.5, abs=0.01)
    assert lamp.png().startswith(b"\x89PNG")
    with pytest.raises(CommandFailedError, match="there is a part 'lamp' already"):
        board.add("led", pin=12, name="lamp")
    with pytest.raises(CommandFailedError, match="measures turned; no angle"):
        board.parts["knob"].set(angle=3)
    with pytest.raises(CommandFailedError, match="nothing to look at"):
        board.parts["knob"].png()
    with pytest.raises(AttributeError, match="it has lit"):
        _ = lamp.bright
    with pytest.raises(KeyError, match="no part 'lantern'"):
        board.parts["lantern"]
    assert "<svg" in board.svg()


def test_a_function_of_the_host_is_asked_when_the_board_measures(first: belay.Device) -> None:
    asked: list[float] = []

    def rising(seconds: float) -> float:
        asked.append(seconds)
        return 10.0 * len(asked)

    first.board.add("dht22", pin=11, name="porch", temperature=5).temperature = rising
    first("import dht\ns = dht.DHT22(Pin(11))\ns.measure()")
    assert first("s.temperature()") == pytest.approx(10 * len(asked), abs=0.3)
    assert asked


# ---- wires


def test_pins_of_one_board_are_wired(first: belay.Device) -> None:
    pins = first.board.pins
    pins[6].wire_to(pins[7])
    first(
        "out = Pin(6, Pin.OUT, value=0)\nin_ = Pin(7, Pin.IN)\nn = []\nin_.irq(n.append, Pin.IRQ_RISING)"
    )
    assert first("[out.on(), in_()]")[1] == 1
    assert first("[out.off(), in_(), time.sleep_ms(2), len(n)]") == [None, 0, None, 1]
    pins[6].cut()
    assert first("[out.on(), in_()]")[1] == 0


def test_a_uart_hears_itself_through_a_wire(first: belay.Device) -> None:
    first.board.pins[0].wire_to(first.board.pins[1])
    first("u = UART(0, 9600, tx=Pin(0), rx=Pin(1))\nu.write('hello, hello')")
    assert first("u.any()") < 12  # it takes its 12.5 ms
    assert first("[u.flush(), time.sleep_ms(3), u.read()]")[2] == b"hello, hello"
    first.board.uart[0].write(b"from outside\n")
    assert first("[time.sleep_ms(20), u.readline()]")[1] == b"from outside\n"
    first(
        "h = []\nu.irq(lambda u: h.append(u.any()), UART.IRQ_RXIDLE)\nu.write('abc')\ntime.sleep_ms(20)"
    )
    assert first("h") == [3]
    first("u.deinit()")


def test_boards_are_wired_to_each_other(first: belay.Device, second: belay.Device) -> None:
    first.board.pins[2].wire_to(second.board.pins[3])
    second("p = Pin(3, Pin.IN)\nr = []\np.irq(lambda p: r.append(time.ticks_ms()), Pin.IRQ_RISING)")
    seen: queue.SimpleQueue[int] = queue.SimpleQueue()
    end = second.board.pins[3].on_edge(lambda edge: seen.put(edge.level))
    first("q = Pin(2, Pin.OUT)\nfor _ in range(5): q.on(); q.off()")
    assert [seen.get(timeout=10) for _ in range(10)] == [1, 0] * 5
    until(lambda: second("len(r)") == 5)
    end()
    # Both ways: the far pin drives, this one listens.
    first("q.init(Pin.IN)")
    second("p.init(Pin.OUT, value=1)")
    until(lambda: first("q.value()") == 1)
    # Two outputs that fight: 0 wins, on both boards.
    first("q.init(Pin.OUT, value=0)")
    until(lambda: second.board.pins[3].read() == 0)


def test_uarts_of_two_boards_talk(first: belay.Device, second: belay.Device) -> None:
    first.board.pins[4].wire_to(second.board.pins[5])
    first.board.pins[5].wire_to(second.board.pins[4])
    for device in (first, second):
        device("v = UART(1, 115200, timeout=2000)")
    first("v.write('ping\\n')")
    assert second("v.readline()") == b"ping\n"
    second("v.write('pong\\n')")
    assert first("v.readline()") == b"pong\n"
    second("v.init(9600)")  # the wrong rate: something arrives, but not that
    first("v.write('garbled')")
    until(lambda: second("v.any()") == 7)
    assert second("v.read()") != b"garbled"


def test_a_board_that_ends_lets_go_of_its_wires(first: belay.Device) -> None:
    with belay.Device("virtual:") as third:
        third.board.pins[9].wire_to(first.board.pins[9])
        third("from machine import Pin\nPin(9, Pin.OUT, value=1)")
        until(lambda: first.board.pins[9].read() == 1)
    until(lambda: first.board.pins[9].read() == 0)


# ---- sockets


def test_sockets_reach_this_computer_only(first: belay.Device, second: belay.Device) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                assert connection.recv(100) == b"GET / HTTP/1.0\r\n\r\n"
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello")

        thread = threading.Thread(target=answer)
        thread.start()
        first(
            "import socket\ns = socket.socket()\n"
            f"s.connect(socket.getaddrinfo('localhost', {port})[0][-1])\n"
            "s.send(b'GET / HTTP/1.0\\r\\n\\r\\n')\nline = s.readline()\nrest = s.read()\ns.close()"
        )
        thread.join(10)
    assert first("(line, rest)") == (b"HTTP/1.0 200 OK\r\n", b"\r\nhello")
    for host in ("8.8.8.8", "example.com", "192.168.1.1"):
        with pytest.raises(belay.PyboardException, match="this computer only"):
            first(f"socket.getaddrinfo({host!r}, 80)")
    with pytest.raises(belay.PyboardException, match="this computer only"):
        first("socket.socket().connect(('10.0.0.1', 80))")
    with pytest.raises(belay.PyboardException, match=r"virtual:\?net=loopback"):
        second("import socket\nsocket.socket()")


def test_a_server_on_the_board(first: belay.Device) -> None:
    first(
        "import socket\nl = socket.socket()\nl.bind(('0.0.0.0', 0))\nl.listen(1)\nl.settimeout(10)"
    )
    # A port of 0 is any free one, which bind answers here.
    first(
        "l2 = socket.socket()\nport = l2._number and __import__('_board').socket('bind', l2._number, '', 0)"
    )
    first("l2.listen(1)\nl2.settimeout(10)")
    port = first("port")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"hi")
        assert first("[globals().update(c=l2.accept()[0]), c.recv(10), c.send('ho')]")[1:] == [
            b"hi",
            2,
        ]
        assert client.recv(10) == b"ho"
    first("c.settimeout(0.01)")
    with pytest.raises(belay.PyboardException, match="ETIMEDOUT"):
        first("l2.settimeout(0.01)\nl2.accept()")


# ---- the record


def record(edges: list[tuple[int, int, int]], pulses: list[tuple[int, int, int, int]]) -> Recording:
    now = max([at for at, *_ in edges] + [at for at, *_ in pulses], default=0) + 1000
    facts = {"edges": edges, "pulses": pulses, "forgotten": 0, "now": now, "levels": [0] * 30}
    return Recording(facts)


_STEPS = st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 29)), max_size=60)


@settings(max_examples=60, deadline=None)
@given(_STEPS)
def test_a_vcd_says_what_was_recorded(steps: list[tuple[int, int]]) -> None:
    """Read back by a reader of its own, it has the same edges."""
    at, levels, edges = 0, [0] * 30, []
    for gap, pin in steps:
        at += gap
        levels[pin] ^= 1
        edges.append((at, pin, levels[pin]))
    text = record(edges, []).vcd()
    names: dict[str, int] = {}
    read, now, body = [], 0, False
    for line in text.splitlines():
        words = line.split()
        if words[0] == "$var":
            names[words[3]] = int(words[4].removeprefix("GP"))
        elif line == "$end":
            body = True
        elif line.startswith("#"):
            now = int(line[1:])
        elif body:
            read.append((now, names[line[1:]], int(line[0])))
    assert read == edges
    assert "$timescale 1ns $end" in text


def test_pulses_and_pictures(first: belay.Device, tmp_path: Path) -> None:
    first.board.forget()
    first("a = Pin(20, Pin.OUT)\nfor _ in range(4): a.toggle(); time.sleep_ms(2)\n")
    first("w = PWM(Pin(21), freq=1000, duty_u16=16384)\ntime.sleep_ms(3)\nw.deinit()")
    taken = first.board.record()
    assert [edge.level for edge in taken.of(20)] == [1, 0, 1, 0]
    gaps = [b.time - a.time for a, b in zip(taken.of(20), taken.of(20)[1:])]  # noqa: B905
    assert min(gaps) >= 0.002
    duties = [pulse.duty for pulse in taken.pulses if pulse.pin == 21]
    assert duties == [pytest.approx(0.25, abs=1e-3), None]
    taken.save(tmp_path / "r.vcd", names={20: "my pin"})
    assert "$var wire 1 5 my_pin $end" in (tmp_path / "r.vcd").read_text()
    taken.save(tmp_path / "r.svg", names={20: "<&>"})
    tree = ElementTree.parse(tmp_path / "r.svg")
    texts = [node.text for node in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[-2:] == ["<&>", "GP21"] or "<&>" in texts
    with pytest.raises(ValueError, match="as .vcd or as .svg"):
        taken.save(tmp_path / "r.png")


def test_a_png_is_one() -> None:
    import struct
    import zlib

    data = png([[(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (1, 2, 3)]], scale=2)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(
            kind + body
        )
        chunks[kind] = body
        at += 12 + size
    assert struct.unpack(">II", chunks[b"IHDR"][:8]) == (4, 4)
    rows = zlib.decompress(chunks[b"IDAT"])
    assert rows[:13] == b"\0" + b"\xff\0\0" * 2 + b"\0\xff\0" * 2


# ---- the display by itself


def display(*commands: int) -> Ssd1306:
    it = Ssd1306()
    it.start(False)
    it.write(bytes([0x00, 0x8D, 0x14, 0xAF, *commands]))
    it.stop()
    return it


def dots(it: Ssd1306, data: bytes) -> None:
    it.start(False)
    it.write(b"\x40" + data)
    it.stop()


ADDRESSING = {
    "page": ([], bytes(range(1, 131)), {127: 128, 0: 129, 1: 130}),
    "horizontal": ([0x20, 0], bytes([7] * 128 + [9]), {127: 7, 128: 9}),
    "vertical": ([0x20, 1], bytes([1, 2, 3, 4, 5, 6, 7, 8, 9]), {0: 1, 7 * 128: 8, 1: 9}),
    "window": (
        [0x20, 0, 0x21, 10, 11, 0x22, 2, 3],
        b"\1\2\3\4\5",
        {266: 5, 267: 2, 394: 3, 395: 4},
    ),
    "page 3, column 0x25": ([0xB3, 0x05, 0x12], b"\x55", {3 * 128 + 0x25: 0x55}),
}


@pytest.mark.parametrize("mode", ADDRESSING)
def test_where_dots_go(mode: str) -> None:
    commands, data, expected = ADDRESSING[mode]
    it = display(*commands)
    dots(it, data)
    assert {at: it.memory[at] for at in expected} == expected


def test_what_the_display_shows() -> None:
    it = display(0xA1, 0xC8)
    dots(it, b"\x01")
    assert it.rows()[0][0]
    assert sum(map(sum, it.rows())) == 1
    for command, lit in ((0xA7, 64 * 128 - 1), (0xA6, 1), (0xA5, 64 * 128), (0xA4, 1), (0xAE, 0)):
        it.start(False)
        it.write(bytes([0x00, command]))
        assert sum(map(sum, it.rows())) == lit
    it = display(0xA0, 0xC0)  # neither mirrored: upside down
    dots(it, b"\x01")
    assert it.rows()[63][127]
