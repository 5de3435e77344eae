# SPDX-License-Identifier: Apache-2.0
"""What every board must do: run on the virtual one, and on the one that BELAY_BOARD names.

``make hardware DEVICE=…`` runs it on a board; what only a board on a wire can show is in
`test_board_on_a_wire`.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import belay
from belay.transports.virtual import close_shared

SOON = 30.0
FOLDER = "/belay-check"
"""What the tests write on a board, and remove again."""


@pytest.fixture(
    scope="module",
    params=["virtual:any-board", pytest.param("BELAY_BOARD", marks=pytest.mark.hardware)],
)
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """A board that outlives the Devices that use it."""
    yield os.environ["BELAY_BOARD"] if request.param == "BELAY_BOARD" else request.param
    close_shared()


@pytest.fixture
def board(address: str) -> Iterator[belay.Device]:
    with belay.Device(address, reset=False, startup="import os, sys, time") as device:
        yield device


@pytest.fixture
def folder(board: belay.Device) -> Iterator[str]:
    """A folder on the board; skips where the board's files are the computer's to write."""
    try:
        board.files.mkdir(FOLDER, exist_ok=True)
    except belay.ReadOnlyError as error:
        pytest.skip(f"read-only: {error}")
    yield FOLDER
    board.files.remove(FOLDER, recursive=True)


def need(board: belay.Device, module: str, name: str) -> None:
    """Skip where the board has no such thing."""
    try:
        there = board(f"hasattr(__import__({module!r}), {name!r})")
    except belay.PyboardException:
        there = False
    if not there:
        pytest.skip(f"this board has no {module}.{name}")


# ---------------------------------------------------------------------------- connecting


def test_a_soft_reset_clears_the_memory(address: str) -> None:
    with belay.Device(address, reset=False) as device:
        device("belay_mark = 'set'")
        assert device.implementation.name in ("micropython", "circuitpython")
        assert device.implementation.version > (1,)
    with belay.Device(address) as device:
        if address.startswith(("ws:", "wss:")):
            device.soft_reset()  # ends a link of WebREPL, so there it has to be asked for
        assert device("'belay_mark' in globals()") is False


def test_attaching_leaves_the_memory(address: str) -> None:
    with belay.Device(address, reset=False) as device:
        device("belay_mark = 'set'")
    for _ in range(3):
        with belay.Device(address, reset=False) as device:
            assert device("belay_mark") == "set"


def test_a_board_that_was_restarted_is_as_it_was(address: str) -> None:
    with belay.Device(address, attempts=60) as device:

        @device.task
        def twice(value):  # type: ignore[no-untyped-def]
            return value * factor  # noqa: F821 - the board has it

        device("factor = 2")
        module = "machine" if device.implementation.name == "micropython" else "microcontroller"
        with pytest.raises(belay.ConnectionLost):
            device(f"import {module}; {module}.reset()", record=False)
        assert twice(21) == 42


# ---------------------------------------------------------------------------- calls


def test_tasks_and_values(board: belay.Device, capsys: pytest.CaptureFixture[str]) -> None:
    @board.task
    def echo(value):  # type: ignore[no-untyped-def]
        print("on the board")
        return value

    for value in (None, -1, 1 << 40, 0.5, "häß", bytes(range(256)), [1, (2, {"a": True})]):
        assert echo(value) == value
    assert capsys.readouterr().out == "on the board\n" * 7


def test_a_few_kilobytes_both_ways(board: belay.Device) -> None:
    @board.task
    def back(data):  # type: ignore[no-untyped-def]
        return data

    data = bytes(range(256)) * 12
    assert back(data) == data


def test_many_prints_arrive_whole(board: belay.Device, capsys: pytest.CaptureFixture[str]) -> None:
    board("for belay_i in range(400): print(belay_i, 'x' * 40)")
    assert capsys.readouterr().out == "".join(f"{i} {'x' * 40}\n" for i in range(400))


def test_errors_point_at_the_line(board: belay.Device) -> None:
    @board.task
    def divide(by):  # type: ignore[no-untyped-def]
        return 1 // by

    with pytest.raises(belay.PyboardException, match="ZeroDivisionError") as caught:
        divide(0)
    assert caught.value.frames[-1].source == "return 1 // by"


@pytest.mark.parametrize("program", ["while True: pass", "while True: print('x')"])
def test_a_deadline_stops_it(board: belay.Device, program: str) -> None:
    with pytest.raises(belay.errors.CallTimeoutError):
        board(program, timeout=0.5, stream_out=None)
    assert board("6 * 7") == 42


def test_threads_take_turns(board: belay.Device) -> None:
    answers: dict[int, object] = {}

    def ask(number: int) -> None:
        answers[number] = board(f"{number} * 2")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: number * 2 for number in range(4)}


def test_generators_proxies_and_batches(board: belay.Device) -> None:
    @board.task(prefetch=64)
    def count(stop):  # type: ignore[no-untyped-def]
        for number in range(stop):
            yield number * 2

    assert list(count(300)) == list(range(0, 600, 2))
    numbers = board("[1, 2, 3]", proxy=True)
    numbers.append(4)
    assert (len(numbers), numbers[3], sum(numbers)) == (4, 4, 10)
    with board.batch():
        results = [numbers.pop() for _ in range(3)]
    assert [each.result() for each in results] == [4, 3, 2]


@pytest.mark.parametrize("emitter", ["native", "viper"])
def test_machine_code(board: belay.Device, emitter: str) -> None:
    if emitter not in board.implementation.emitters:
        pytest.skip(f"this board compiles no {emitter} code")
    board(f"@micropython.{emitter}\ndef belay_f(a, b): return a * b")
    assert board("belay_f(6, 7)") == 42


def test_events_of_a_timer(board: belay.Device) -> None:
    need(board, "machine", "Timer")
    with board.events("tick") as ticks:
        board("import belay, machine\nbelay_count = [0]")
        board(
            "def belay_tick(timer):\n"
            " belay_count[0] += 1\n"
            " belay.emit('tick', belay_count[0])\n"
            "try:\n"
            " belay_timer = machine.Timer(-1)\n"
            "except ValueError:\n"
            " belay_timer = machine.Timer(0)\n"
            "belay_timer.init(period=20, callback=belay_tick)"
        )
        try:
            assert [next(ticks) for _ in range(10)] == list(range(1, 11))
        finally:
            board("belay_timer.deinit()")


def test_the_clock_agrees(board: belay.Device) -> None:
    import time

    _, first = board("0", return_time=True)
    before = time.monotonic()
    board("import time; time.sleep(0.5)")
    _, second = board("0", return_time=True)
    passed = time.monotonic() - before
    allowed = first.uncertainty + second.uncertainty + 0.1 * passed
    assert 0.5 - allowed <= (second - first).total_seconds()
    assert first.uncertainty < 1


# ---------------------------------------------------------------------------- files


def test_files_arrive_whole(board: belay.Device, folder: str) -> None:
    data = random.Random(7).randbytes(20_000)
    board.files.write(f"{folder}/random.bin", data)
    assert board.files.read(f"{folder}/random.bin") == data
    board.files.write_text(f"{folder}/täxt.txt", "zäh\n" * 200)
    assert board.files.read_text(f"{folder}/täxt.txt") == "zäh\n" * 200
    assert sorted(board.files.listdir(folder)) == ["random.bin", "täxt.txt"]


def test_a_folder_is_synced(board: belay.Device, folder: str, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    for number in range(6):
        (tmp_path / "inner" / f"part{number}.py").write_text(f"number = {number}\n" * 50)
    (tmp_path / "belay_checked.py").write_text("answer = 42\n")
    board.sync(tmp_path, folder)
    assert not board.sync(tmp_path, folder).operations
    (tmp_path / "inner" / "part3.py").unlink()
    assert len(board.sync(tmp_path, folder).operations) == 1
    board(f"import sys; sys.path.append({folder!r}); import belay_checked")
    assert board("belay_checked.answer") == 42
    board(f"sys.path.remove({folder!r}); del sys.modules['belay_checked'], belay_checked")


def test_a_mounted_folder(board: belay.Device, tmp_path: Path) -> None:
    (tmp_path / "belay_mounted.py").write_text("def twice(x):\n    return 2 * x\n")
    try:
        mount = board.mount(tmp_path, "/belay-mount")
    except belay.FeatureUnavailableError as error:
        pytest.skip(str(error))
    with mount:
        board("import belay_mounted")
        assert board("belay_mounted.twice(21)") == 42
    board("import sys; del sys.modules['belay_mounted'], belay_mounted")
