# SPDX-License-Identifier: Apache-2.0
"""All of a Device on a board that behaves as CircuitPython does: text streams, other modules."""

from __future__ import annotations

import array
import asyncio
import math
import random
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import belay
from belay import Device
from belay.session.requests import Operation
from belay.transports.discovery import probe
from tests.device.plugs import Plug
from tests.session.boards import counted

BOARD = "virtual:?circuitpython=1"
SOON = 30.0


@pytest.fixture(scope="module")
def device() -> Iterator[Device]:
    with Device(BOARD) as connected:
        yield connected


# ------------------------------------------------------------------------------ connecting

CODES = {
    "none": "",
    "ends": "print('done')",
    "raises": "1 / 0",
    "loops": "while True:\n  pass",
    "prints": "import time\nwhile True:\n  print('tick ' * 9)\n  time.sleep(0.001)",
    "reads": "while True:\n  print(repr(input('? ')))",
    "sleeps": "import time\ntime.sleep(1000)",
}


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_it_connects_whatever_code_py_does(
    connect: Callable[..., Device], tmp_path: Path, code: str
) -> None:
    if code:
        (tmp_path / "code.py").write_text(code)
    device = connect(f"{BOARD}&files={tmp_path}", reset=False)
    assert device.implementation.name == "circuitpython"
    assert device.implementation.version[:2] == (10, 3)
    assert device("1 + 1") == 2


def test_boot_py_that_runs_for_ever_is_only_a_slow_board(
    connect: Callable[..., Device], tmp_path: Path
) -> None:
    # There is no USB while it runs: on a board it would have to be reset.
    (tmp_path / "boot.py").write_text("import time\ntime.sleep(0.7)\nprint('late')")
    assert connect(f"{BOARD}&files={tmp_path}")("2") == 2


def test_names_that_belay_imports(device: Device) -> None:
    assert device("board.board_id") == "raspberry_pi_pico"
    assert device("digitalio.Direction.INPUT, I2C.__name__") == ("digitalio.Direction.INPUT", "I2C")
    with pytest.raises(belay.PyboardException["NameError"]):
        device("machine")


def test_what_a_notebook_asks_about_a_board(device: Device) -> None:
    facts = device._session.perform(Operation(b"w", (1,), "measuring"))
    assert facts["machine"] == "Raspberry Pi Pico with rp2040"
    assert facts["id"] == device("bytes(__import__('microcontroller').cpu.uid)")
    assert facts["frequency"] == 125_000_000


def test_a_soft_reset_and_attaching(connect: Callable[..., Device]) -> None:
    name = f"virtual:circuit{random.getrandbits(32)}?circuitpython=1"
    first = connect(name)
    first("kept = 1")
    first.close()
    second = connect(name, reset=False)
    assert second("kept") == 1
    second.soft_reset()
    assert second("'kept' in globals()") is False


def test_it_is_recognised_without_a_word_of_ours() -> None:
    plug = Plug("tcp", circuitpython=True)
    try:
        found = [probe(plug.address, timeout=SOON) for _ in range(2)]  # it waits for a key; not
        assert {each.state for each in found} == {"circuitpython"}
        assert {each.version for each in found} == {"10.3.1"}
    finally:
        plug.close()


# ------------------------------------------------------------------------------ calls


def test_values_travel_both_ways(device: Device) -> None:
    @device.task
    def same(value):
        return value

    values: list[Any] = [
        *(None, True, -1, 2**80, -(2**64), 0.1, -0.0, math.inf, 1e-300),
        *("", "ü€\N{SNAKE}", "\x03\x04\n\r\0", b"", bytes(range(256)), bytearray(b"\x03")),
        *([], [1, [2, (3, {4: {5}})]], {"a": None}, set(), frozenset((1,)), range(3, 9, 2)),
        *(array.array("h", [-2, 3]), "x" * 5000, bytes(5000), list(range(500))),
    ]
    for value in values:
        got = same(value)
        assert got == value
        assert type(got) is type(value)
    assert math.isnan(same(math.nan))
    with pytest.raises(belay.UnsupportedValueError):
        same(object())
    with pytest.raises(belay.UnsupportedValueError, match="function"):
        device("[print, 1]")


def test_prints_arrive_as_they_were_printed(device: Device, capsys: Any) -> None:
    @device.task
    def talk():
        print("üñí", end="")
        print("a\nb\r\nc")
        print("\x04>OK\x03 __b(b'')")
        return 3

    assert talk() == 3
    assert capsys.readouterr().out == "üñía\nb\r\nc\n\x04>OK\x03 __b(b'')\n"


def test_errors_show_the_lines_of_the_host(device: Device) -> None:
    @device.task
    def inner(x):
        return 1 / x

    @device.task
    def outer(x):
        return inner(x) + 1

    with pytest.raises(belay.PyboardException[ZeroDivisionError]) as caught:
        outer(0)
    assert caught.value.type == "ZeroDivisionError"
    frames = [(frame.name, Path(frame.filename).name) for frame in caught.value.frames]
    assert frames == [("outer", Path(__file__).name), ("inner", Path(__file__).name)]
    assert caught.value.frames[-1].source == "return 1 / x"
    with pytest.raises(belay.PyboardException["SyntaxError"]):
        device("exec('x =')")
    with pytest.raises(belay.PyboardException[OSError]) as refused:
        device("open('new', 'w')")
    assert refused.value.value_args == (30,)


def test_generators_proxies_and_batches(device: Device) -> None:
    @device.task(prefetch=16)
    def count(n):
        got = 0
        for i in range(n):
            got = (yield i) or got
        return got

    assert list(count(40)) == list(range(40))
    proxy = device("{'a': [1, 2]}", proxy=True)
    proxy["b"] = 3
    assert len(proxy) == 2
    assert [*proxy["a"]] == [1, 2]
    assert "b" in proxy
    with device.batch() as batch:
        results = [device(f"{i} * 2") for i in range(20)]
    assert [result.result() for result in results] == list(range(0, 40, 2))
    assert batch is not None


def test_input_and_what_reads_stdin(device: Device) -> None:
    lines = iter(["first\n", "süß\n"])
    with Device(BOARD, stdin=lambda: next(lines)) as asked:
        assert asked("input('? ')", stream_out=None) == "first"
        assert asked("sys.stdin.readline()") == "süß\n"


def test_events_and_async(device: Device) -> None:
    with device.events("numbers") as numbers:
        device("import belay\nfor i in range(3): belay.emit('numbers', (i, 'ü'))")
        assert [next(numbers) for _ in range(3)] == [(i, "ü") for i in range(3)]

    async def both() -> list[Any]:
        return list(await asyncio.gather(device.aio("1"), device.aio("2")))

    assert asyncio.run(both()) == [1, 2]


def test_the_deadline_and_ctrl_c(device: Device) -> None:
    with pytest.raises(belay.CallTimeoutError) as late:
        device("while True: pass", timeout=0.3)
    assert late.value.ran is True
    running = threading.Event()
    stopped: list[BaseException] = []

    class Sink:
        def write(self, text: str) -> None:
            running.set()

    def call() -> None:
        try:
            device("print('runs')\nwhile True: pass", stream_out=Sink())
        except BaseException as error:
            stopped.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    assert running.wait(SOON)
    device.interrupt()
    thread.join(SOON)
    assert isinstance(stopped[0], KeyboardInterrupt)
    assert device("4") == 4


def test_time(device: Device) -> None:
    device.sync_time()
    before = datetime.now().astimezone()
    value, moment = device("5", return_time=True)
    assert value == 5
    assert abs((moment - before).total_seconds()) < SOON
    device.set_rtc(datetime(2031, 1, 2, 3, 4, 5))
    assert device("tuple(time.localtime())[:4]") == (2031, 1, 2, 3)


def test_there_are_no_threads(device: Device) -> None:
    with pytest.raises(belay.FeatureUnavailableError):

        @device.thread
        def forever():
            pass


class Lamp(Device):
    @Device.setup(autoinit=True)
    def setup():
        import board
        import digitalio

        lamp = digitalio.DigitalInOut(board.LED)  # noqa: F841

    @Device.task(implementation="micropython")
    def shine(level):  # noqa: N805
        raise NotImplementedError

    @Device.task(implementation="circuitpython")
    def shine(level):  # noqa: F811, N805
        lamp.switch_to_output(bool(level))  # noqa: F821
        return lamp.value  # noqa: F821


def test_a_class_for_both_implementations(connect: Callable[..., Device]) -> None:
    with Lamp(BOARD) as lamp:
        assert lamp.shine(1) is True
        assert lamp.shine(0) is False


def test_it_mounts_nothing_but_fat(connect: Callable[..., Device], tmp_path: Path) -> None:
    device = connect(BOARD)
    # As `import vfs` fails there and storage is taken.
    device("import sys, storage\nsys.modules['vfs'] = storage\nstorage.umount = None", record=False)
    with pytest.raises(belay.FeatureUnavailableError, match="cannot mount"):
        device.mount(tmp_path)
    assert device("6") == 6


# ------------------------------------------------------------------------------ resets


def test_a_reset_of_the_chip_is_noticed(connect: Callable[..., Device]) -> None:
    device = connect(BOARD, attempts=2)

    @device.setup
    def prepare():
        prepared = 3  # noqa: F841

    prepare()
    with pytest.raises(belay.BoardResetError):
        device("import microcontroller; microcontroller.reset()", record=False)
    assert device("prepared") == 3


def test_round_trips_are_those_of_any_board() -> None:
    session, link = counted(BOARD)
    before = link.round_trips
    assert session.evaluate("1") == 1
    assert session.call("abs", (-3,), {}) == 3
    assert link.round_trips - before == 2
    session.close()
