# SPDX-License-Identifier: Apache-2.0
"""Programs as tutorials have them run unmodified, and the outside sees what they do."""

from __future__ import annotations

import itertools
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import belay
from belay.virtual import Board

PROGRAMS: dict[str, str] = dict(
    re.findall(
        r"^## (\w+)\n\n```python\n(.*?)^```",
        (Path(__file__).parent / "tutorials.md").read_text(encoding="utf-8"),
        flags=re.MULTILINE | re.DOTALL,
    )
)

SCENE = """
[[part]]
kind = "bme280"
temperature = 25.0
pressure = 100000
humidity = 40

[[part]]
kind = "ssd1306"

[[part]]
kind = "mpu6050"
ax = 0.5
gz = 90

[[part]]
kind = "button"
pin = 14

[[part]]
kind = "neopixel"
pin = 28

[[part]]
kind = "servo"
pin = 16

[[part]]
kind = "led"
pin = 15

[[part]]
kind = "hcsr04"
trigger = 3
echo = 2
distance = 42

[[part]]
kind = "ds18b20"
pin = 22
temperature = 19.5

[[part]]
kind = "ds18b20"
name = "outside"
pin = 22
temperature = -4.25

[[part]]
kind = "dht22"
pin = 21
temperature = 18
humidity = 61

[[part]]
kind = "serial"
from = 0
to = 1
text = "$GPGGA,120000,4807.038,N,01131.000,E*47\\r\\n"
every = 0.1
"""


class Running:
    """A tutorial's program that runs on a board, in a thread of its own."""

    def __init__(self, device: belay.Device, name: str) -> None:
        self.device, self.error = device, None
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._partial = ""
        self._thread = threading.Thread(target=self._run, args=(PROGRAMS[name],))
        self._thread.start()

    def write(self, text: str) -> None:
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            self._lines.put(line.rstrip("\r"))

    def flush(self) -> None:
        pass

    def _run(self, source: str) -> None:
        try:
            self.device(source, stream_out=self)
        except BaseException as error:
            self.error = error

    def line(self) -> str:
        return self._lines.get(timeout=20)

    def rest(self) -> list[str]:
        """What it still prints, until it ends by itself."""
        self._thread.join(30)
        assert not self._thread.is_alive()
        assert self.error is None, self.error
        lines = []
        while not self._lines.empty():
            lines.append(self._lines.get())
        return lines

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self.device.interrupt()
        self._thread.join(20)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[belay.Device]:
    scene = tmp_path_factory.mktemp("lab") / "bench.toml"
    scene.write_text(SCENE, encoding="utf-8")
    with belay.Device(f"virtual:?bench={scene}&seed=3") as device:
        yield device


@pytest.fixture
def board(lab: belay.Device) -> Board:
    lab.soft_reset()  # handlers of the program before end
    lab.board.forget()
    return lab.board


Run = Callable[[str], Running]


@pytest.fixture
def run(lab: belay.Device) -> Iterator[Run]:
    running: list[Running] = []

    def start(name: str) -> Running:
        running.append(Running(lab, name))
        return running[-1]

    yield start
    for program in running:
        program.__exit__()


def test_blink(run: Run, board: Board) -> None:
    seen: queue.SimpleQueue[belay.virtual.recording.Edge] = queue.SimpleQueue()  # type: ignore[name-defined]
    end = board.pins[25].on_edge(seen.put)
    with run("blink"):
        edges = [seen.get(timeout=20) for _ in range(5)]
    end()
    assert [edge.level for edge in edges[1:]] == [1 - edge.level for edge in edges[:-1]]
    gaps = [b.time - a.time for a, b in itertools.pairwise(edges)]
    assert min(gaps) >= 0.045


def test_neopixel_rainbow(run: Run, board: Board) -> None:
    assert run("rainbow").rest() == []
    assert board.pins[28].lights == [(0, 0, 16)] * 8
    assert board.parts["neopixel"].lights == [[0, 0, 16]] * 8
    assert board.parts["neopixel"].png().startswith(b"\x89PNG")


def test_pwm_fade(run: Run, board: Board) -> None:
    assert run("fade").rest() == []
    duties = [pulse.duty for pulse in board.record().pulses if pulse.pin == 15]
    assert max(d for d in duties if d is not None) == 1.0
    assert duties[-1] == 0
    assert len(duties) > 30
    assert board.parts["led"].lit == 0


def test_button_with_debounce(run: Run, board: Board) -> None:
    """The contacts bounce, and the program counts presses all the same."""
    button = board.parts["button"]
    program = run("button")
    for press in (1, 2, 3):
        time.sleep(0.06)  # a person is no faster, and the program would take it for a bounce
        button.do("press", seconds=0.03)
        assert program.line() == f"pressed {press}"
    assert program.rest() == ["done"]
    falling = [e for e in board.record().of(14) if not e.level]
    assert len(falling) > 3


def test_i2c_scan(run: Run) -> None:
    assert run("scan").rest() == [
        "Scanning I2C bus...",
        "I2C devices found: 3",
        "Decimal address: 60 | Hexadecimal address: 0x3c",
        "Decimal address: 104 | Hexadecimal address: 0x68",
        "Decimal address: 118 | Hexadecimal address: 0x76",
    ]


def test_bme280_driver(run: Run, board: Board) -> None:
    def measured() -> list[float]:
        (line,) = run("bme280").rest()
        return [float(number) for number in re.findall(r"[\d.]+", line)]

    assert measured() == pytest.approx([25.0, 1000.0, 40.0], abs=0.3)
    board.parts["bme280"].temperature = "10 + 20"
    board.parts["bme280"].set(pressure=lambda t: 95_000.0, humidity=12)
    assert measured() == pytest.approx([30.0, 950.0, 12.0], abs=0.3)


def test_display_hello(run: Run, board: Board) -> None:
    assert run("display").rest() == []
    display = board.parts["ssd1306"]
    rows = display.rows
    assert len(rows) == 64
    # The built-in font of 8 by 8 dots: an h has a full left stroke.
    assert [row[0:8].count("#") > 0 for row in rows[:8]] == [True] * 7 + [False]
    assert [x for x in range(128) if rows[20][x] == "#"] == list(range(10, 40))
    assert [rows[25][x] for x in (9, 10, 11, 38, 39, 40)] == list(".#..#.")
    assert display.png()[:8] == b"\x89PNG\r\n\x1a\n"


def test_servo_sweep(run: Run, board: Board) -> None:
    program = run("servo")
    assert [int(line) for line in program.rest()] == [*range(0, 181, 30), *range(180, 89, -30)]
    assert board.parts["servo"].angle == pytest.approx(90, abs=0.2)


def test_data_logger(run: Run, board: Board) -> None:
    board.adc[4].volts = 0.706 - 10 * 0.001721  # 37 degrees
    lines = run("logger").rest()
    assert lines[0] == "time,temperature"
    assert len(lines) == 6
    assert all(re.fullmatch(r"2026-05-17 12:00:0\d,3[67]\.\d", line) for line in lines[1:])


def test_asyncio_blinker_with_a_button(run: Run, board: Board) -> None:
    seen: queue.SimpleQueue[object] = queue.SimpleQueue()
    end = board.pins[25].on_edge(seen.put)
    with run("asyncio") as program:
        seen.get(timeout=20)
        board.parts["button"].do("press")
        assert program.line() == "interval 10"
        board.parts["button"].do("release")
        for _ in range(3):
            seen.get(timeout=20)
    end()


def test_wifi_reconnect(run: Run, board: Board) -> None:
    with run("wifi") as program:
        assert program.line() == "connecting"
        assert program.line() == "connected 192.168.4.16"
        assert board.wifi.networks()[0]["joined"]
        board.wifi.down("belay-lab")
        assert program.line() == "connecting"
        assert program.line() == "network connection failed"
        board.wifi.set("belay-lab", password="other", up=True)
        while (line := program.line()) == "connecting" or "failed" in line:
            board.wifi.set("belay-lab", password="micropython")
        assert line == "connected 192.168.4.16"


def test_ultrasonic_range_finder(run: Run, board: Board) -> None:
    # A program that is held up between trigger and echo misses the echo's beginning, as on a chip.
    lines = run("ultrasonic").rest()
    assert max(float(line.split()[0]) for line in lines) == pytest.approx(42, abs=0.2)
    board.parts["hcsr04"].distance = 137.5
    lines = run("ultrasonic").rest()
    assert max(float(line.split()[0]) for line in lines) == pytest.approx(137.5, abs=0.2)


def test_thermometers_on_one_wire(run: Run) -> None:
    assert run("thermometers").rest() == ["found 2", "19.50", "-4.25", "18 C 61 %"]


def test_accelerometer(run: Run) -> None:
    assert run("accelerometer").rest() == ["0.5 0.0 1.0", "24", "90"]


def test_serial_gps(run: Run, board: Board) -> None:
    lines = run("gps").rest()
    assert lines == ["$GPGGA,120000,4807.038,N,01131.000,E*47"] * 2
    assert board.parts["serial"].heard == "thanks\n"
    assert board.uart[0].read() == b"thanks\n"
