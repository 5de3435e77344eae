# SPDX-License-Identifier: Apache-2.0
"""The control pipe: the outside of a board, reached beside its REPL."""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import belay
from belay.errors import FeatureUnavailableError
from belay.virtual import Board, BoardGoneError, CommandFailedError, published, waves
from belay.virtual.commands import CommandError
from belay.virtual.control import Control
from belay.virtual.pipe import Pipe


@pytest.fixture(scope="module")
def lab() -> Iterator[belay.Device]:
    with belay.Device("virtual:") as device:
        device("from machine import Pin, ADC\nimport time\nled = Pin(25, Pin.OUT)\n")
        yield device


def test_pins_and_levels(lab: belay.Device) -> None:
    board = lab.board
    lab("led.off()")
    assert board.pins[25].read() == 0
    lab("led.on()")
    assert board.pins[25].read() == 1
    assert board.pins[25].state["mode"] == "OUT"
    lab("button = Pin(14, Pin.IN, Pin.PULL_UP)")
    assert lab("button.value()") == 1
    board.pins[14].drive(0)
    assert lab("button.value()") == 0
    board.pins[14].release()
    assert lab("button.value()") == 1


def test_a_volt_is_a_number_an_expression_or_a_function(lab: belay.Device) -> None:
    volts = lab.board.adc[0]
    volts.volts = 1.65
    assert abs(lab("ADC(26).read_u16()") - 32768) <= 1
    volts.volts = "3.3 * (t > 0) / 2 + 0 * sin(t)"
    assert abs(lab("ADC(26).read_u16()") - 32768) <= 1
    asked: list[float] = []

    def sawtooth(seconds: float) -> float:
        asked.append(seconds)
        return 3.3 if len(asked) % 2 else 0.0

    volts.volts = sawtooth
    assert lab("[ADC(26).read_u16() for _ in range(4)]") == [65535, 0, 65535, 0]
    assert asked == sorted(asked)
    assert volts.volts == 3.3  # asked by the very pipe that waits for this answer


BAD = {
    "__import__('os')": "there is no '__import__'",
    "x + 1": "there is no 'x'",
    "t ** 9": "there is no",
    "t.real": "more than arithmetic",
    "1 +": "no expression",
    "'a'": "no number",
    "[1, 2]": "more than arithmetic",
    "max(t, key=abs)": "more than arithmetic",
}


@pytest.mark.parametrize("text", BAD)
def test_expressions_are_arithmetic(text: str) -> None:
    with pytest.raises(ValueError, match=BAD[text]):
        waves.expression(text)


def test_an_expression_outside_of_where_it_is_defined_is_zero() -> None:
    assert waves.expression("1 / t")(0) == 0.0
    assert waves.expression("log(t)")(-1) == 0.0
    assert waves.expression("sin(t) if t > 1 else 2")(0) == 2.0


def test_edges_arrive_while_a_program_computes(lab: belay.Device) -> None:
    seen: queue.SimpleQueue[tuple[float, int, int]] = queue.SimpleQueue()
    end = lab.board.pins[3].on_edge(seen.put)
    lab("p = Pin(3, Pin.OUT)\nfor _ in range(3): p.on(); p.off()\n")
    edges = [seen.get(timeout=10) for _ in range(6)]
    assert [(pin, level) for _, pin, level in edges] == [(3, 1), (3, 0)] * 3
    assert [at for at, *_ in edges] == sorted(at for at, *_ in edges)
    remembered = lab.board.record().of(3)
    assert remembered[-6:] == edges
    end()


def test_a_board_answers_in_an_endless_loop(lab: belay.Device) -> None:
    failed: list[BaseException] = []

    def loop() -> None:
        try:
            lab("led.toggle(); led.toggle()\nwhile True: pass\n", stream_out=None)
        except BaseException as error:
            failed.append(error)

    seen: queue.SimpleQueue[object] = queue.SimpleQueue()
    end = lab.board.pins[25].on_edge(seen.put)
    thread = threading.Thread(target=loop)
    thread.start()
    seen.get(timeout=10)
    seen.get(timeout=10)
    lab.board.pins[7].drive(1)
    assert lab.board.pins[7].read() == 1
    lab.interrupt()
    thread.join(10)
    assert len(failed) == 1
    end()
    assert lab("Pin(7, Pin.IN).value()") == 1


def test_many_threads_ask_at_once(lab: belay.Device) -> None:
    answers: list[int] = []

    def ask(number: int) -> None:
        for _ in range(50):
            lab.board.pins[number].drive(number & 1)
            answers.append(lab.board.pins[number].read() == number & 1)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8, 16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == [True] * 400


def test_what_cannot_be_done_says_so(lab: belay.Device) -> None:
    with pytest.raises(CommandFailedError, match="no pin 30"):
        lab.board.command("pin.read", pin=30)
    with pytest.raises(CommandFailedError, match="no command 'fly'"):
        lab.board.command("fly")
    with pytest.raises(CommandFailedError, match="unexpected keyword"):
        lab.board.command("pin.read", pins=3)
    assert "pin.drive" in lab.board.command("commands")


def test_a_board_that_has_ended() -> None:
    with belay.Device("virtual:") as device:
        board = device.board
        assert board.pins[0].read() == 0
    with pytest.raises(BoardGoneError, match="has ended"):
        board.pins[0].read()


def test_a_shared_board_is_found_by_its_name() -> None:
    with belay.Device("virtual:control-shared?seed=1") as device:
        device("__import__('machine').Pin(5, 1).on()")
        assert Board("virtual:control-shared").pins[5].read() == 1
    assert device  # its board outlives it
    assert Board("virtual:control-shared").pins[5].read() == 1
    with belay.Device("virtual:control-shared") as again:
        assert again.board.pins[5].read() == 1
    with pytest.raises(BoardGoneError, match="Connect to it first"):
        Board("virtual:nobody")


def test_a_real_board_has_no_outside() -> None:
    command = f"{sys.executable} -m belay.virtual --stdio"
    with (
        belay.Device(f"exec:{command}") as device,
        pytest.raises(FeatureUnavailableError, match="no virtual board"),
    ):
        _ = device.board


SERVED = {"tcp": ["--tcp", "0"], "webrepl": ["--webrepl", "0", "--password", "secret"]}
if os.name == "posix":
    SERVED["pty"] = ["--pty"]


@pytest.mark.parametrize("kind", SERVED)
def test_a_served_board_is_found_by_its_address(kind: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "belay.virtual", *SERVED[kind]],
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    try:
        address = process.stderr.readline().split(" at ")[1].split("  (")[0]
        board = Board(address)
        assert board.pins[25].read() == 0
        record = published.find(address)
        assert record is not None
        assert record.pid == process.pid
        if os.name == "posix":
            folder = published._folder()
            assert folder.stat().st_mode & 0o077 == 0
            assert (folder / f"{process.pid}.json").stat().st_mode & 0o077 == 0
        stranger = socket.create_connection(("127.0.0.1", record.port), timeout=5)
        stranger.sendall(b"0" * 32 + b"\n" + b'{"id": 1, "do": "commands"}\n')
        assert _everything(stranger) == b""
        if kind == "tcp":
            with belay.Device(address) as device:
                device("__import__('machine').Pin(6, 1).on()")
                assert device.board.pins[6].read() == 1
    finally:
        process.terminate()
        process.wait(10)
        process.stderr.close()
    with pytest.raises(BoardGoneError):
        board.pins[0].read()
    found = published.find(address)
    assert found is None or found.pid != process.pid  # a terminal's number is soon another's
    assert not (published._folder() / f"{process.pid}.json").exists()


def _everything(connection: socket.socket) -> bytes:
    data = b""
    with connection:
        try:
            while piece := connection.recv(4096):
                data += piece
        except ConnectionError:
            pass
    return data


def test_a_record_left_behind_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "_folder", lambda: tmp_path / "boards")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    record = published.Record("/dev/x", ["/dev/x", "/tmp/x"], port, "k", 1)
    path = published.publish(record)
    assert path is not None
    assert json.loads(path.read_text())["port"] == port
    assert published.find("/tmp/x") is None  # nobody listens there any more
    if os.name == "posix":
        (tmp_path / "boards").chmod(0o755)
        assert published.publish(record) is None  # others could read the key


# ---- the two ends by themselves


class Ends:
    """A control and a pipe, joined by a socket pair, without a board."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.control = Control({"double": lambda x: 2 * x, "fail": self.fail, "gone": theirs.close})
        self.control.power()
        self.control.serve(theirs)
        self.pipe = Pipe(lambda: ours, "The board")

    @staticmethod
    def fail() -> None:
        raise CommandError("no way")


def test_the_table_of_commands_can_be_added_to() -> None:
    ends = Ends()
    assert ends.pipe.call("double", x=21) == 42
    with pytest.raises(CommandFailedError, match="no way"):
        ends.pipe.call("fail")
    ends.control.add({"half": lambda x: x / 2})
    assert ends.pipe.call("half", x=3) == 1.5
    ends.pipe.close()
    with pytest.raises(BoardGoneError):
        ends.pipe.call("double", x=1)


def test_a_board_that_does_not_answer_in_time() -> None:
    ends, go = Ends(), threading.Event()
    ends.control.add({"hang": lambda: go.wait(10)})
    with pytest.raises(TimeoutError, match="within 0.05 s"):
        ends.pipe.call("hang", 0.05)
    go.set()
    assert ends.pipe.call("double", x=2) == 4  # the late answer is nobody's
    ends.pipe.close()


def test_events_go_to_those_who_watch_and_a_bad_callback_ends_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ends = Ends()
    ends.control.publish("edge", 1)  # nobody watches: costs nothing, goes nowhere
    seen: queue.SimpleQueue[int] = queue.SimpleQueue()

    def bad(_value: int) -> None:
        raise RuntimeError("mine")

    end_bad, end = ends.pipe.on("edge", bad), ends.pipe.on("edge", seen.put)
    for value in range(1000):
        ends.control.publish("edge", value)
    assert [seen.get(timeout=10) for _ in range(1000)] == list(range(1000))
    assert "mine" in capsys.readouterr().err
    end_bad()
    end()
    ends.control.publish("edge", 7)
    assert ends.pipe.call("double", x=0) == 0
    time.sleep(0)
    assert seen.empty()
    ends.pipe.close()


@pytest.mark.parametrize(
    ("look", "told"),
    [
        (lambda board: board.pins[30], "the board has no pin 30: 0 to 29"),
        (lambda board: board.pins[-1], "the board has no pin -1: 0 to 29"),
        (lambda board: board.adc[5], "the board has no analogue channel 5: 0 to 4"),
    ],
)
def test_what_the_board_does_not_have(look: Callable[[Any], object], told: str) -> None:
    with belay.Device("virtual:", startup="") as device, pytest.raises(IndexError, match=told):
        look(device.board)
