# SPDX-License-Identifier: Apache-2.0
"""Sessions of every kind, recorded on the virtual board and played without it."""

from __future__ import annotations

import builtins
import os
import re
import subprocess
import sys
import threading
from array import array
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import belay
from belay.cassettes.files import load
from belay.transports.process import BoardProcess
from tests.session.boards import pretend

Seen = list[Any]
Scenario = Callable[[belay.Device, Seen], None]


def refused(seen: Seen, work: Callable[[], object]) -> None:
    """What a call raised: its type, its text, its frames."""
    with pytest.raises(BaseException) as caught:
        work()
    error = caught.value
    cause = error.__cause__
    seen.append((type(error).__name__, str(error), getattr(error, "ran", None), repr(cause)))
    seen.append([str(frame) for frame in getattr(error, "frames", ())])


def calls(device: belay.Device, seen: Seen) -> None:
    @device.task
    def count(n, step=1):  # type: ignore[no-untyped-def]
        for i in range(0, n, step):
            print("tick", i)
            print("\x1b[31m\0\\ \r", end=" ")
        return n // step

    @device.setup
    def prepare(factor):  # type: ignore[no-untyped-def]
        scale = factor  # noqa: F841

    prepare(3)
    seen += [count(3), count(4, step=2), device("scale"), device("x = 5"), device("x * scale")]
    refused(seen, lambda: count("a"))
    refused(seen, lambda: count(object()))
    refused(seen, lambda: device("1 / 0"))
    refused(seen, lambda: device("import nowhere"))
    refused(seen, lambda: device("object()"))
    seen.append(count(1))


def values(device: belay.Device, seen: Seen) -> None:
    @device.task
    def same(value):  # type: ignore[no-untyped-def]
        return value

    deep: Any = []
    for _ in range(60):
        deep = [deep]
    for value in (
        None, -0.0, float("inf"), 1 / 3, 2**5000, -(2**70), 1j, "é€😀\n\\'", "x" * 9000,
        bytes(range(256)) * 20, bytearray(b"\0"), (1,), (), {1: {"a": [b"", {}]}}, {3, 1, 2},
        frozenset({"b", "a"}), range(1, 9, 3), array("h", [1, -2]), array("f", [0.1]), deep,
        list(range(3000)),
    ):  # fmt: skip
        seen.append((type(value), same(value)))
    seen.append(str(same(float("nan"))))
    seen.append(bytes(same(memoryview(b"abc"))))


def streams(device: belay.Device, seen: Seen) -> None:
    @device.task
    def squares(n):  # type: ignore[no-untyped-def]
        for i in range(n):
            print("item", i)
            got = yield i * i
            if got:
                yield got
        raise ValueError("the end")

    @device.task(prefetch=256)
    def many(n):  # type: ignore[no-untyped-def]
        yield from range(n)

    generator = squares(3)
    seen += [next(generator), generator.send("sent"), next(generator)]
    refused(seen, lambda: [*generator])
    closed = squares(9)
    seen.append(next(closed))
    closed.close()
    seen.append(sum(many(3000)))


def proxies(device: belay.Device, seen: Seen) -> None:
    device("class Box:\n    def __init__(self):\n        self.items = [1, 2]")
    device("box = Box()")
    box = device.proxy("box")
    box.items.append(7)
    seen += [list(box.items), len(box.items), box.items[2], 7 in box.items, dir(box)]
    refused(seen, lambda: box.missing)
    with device.batch() as batch:
        first, second = box.items, box.items
        assert batch is not None
    seen += [first.result()[0], len(second.result())]
    device.soft_reset()
    refused(seen, lambda: box.items)
    seen.append(device("'box' in globals()"))


def stopping(device: belay.Device, seen: Seen) -> None:
    refused(seen, lambda: device("print('begun')\nwhile True: pass", timeout=0.2))
    timer = threading.Timer(0.2, device.interrupt)
    timer.start()
    refused(seen, lambda: device("while True: pass"))
    timer.join()
    seen.append(device("1 + 1"))

    class Broken:
        def write(self, text: str) -> None:
            raise RuntimeError(f"no room for {text!r}")

    refused(seen, lambda: device("print('hello')\nwhile True: pass", stream_out=Broken()))
    seen.append(device("2 + 2"))


def events(device: belay.Device, seen: Seen) -> None:
    lines: list[Any] = []
    got = threading.Event()

    @device.on("step")
    def step(value: Any) -> None:
        lines.append(value)
        if value == 4:
            got.set()

    stream = device.events("late", return_time=True)
    device("from machine import Timer\nimport belay")
    device("for i in range(5): belay.emit('step', i)")
    assert got.wait(20)
    device(
        "timer = Timer(-1)\n"
        "timer.init(mode=Timer.ONE_SHOT, period=50, callback=lambda t: "
        "(print('by a timer'), belay.emit('late', {'x': 1.5})))"
    )
    value, when = next(stream)
    assert isinstance(when, datetime)
    seen += [lines, value]
    seen.append(device("3"))


def files(device: belay.Device, seen: Seen) -> None:
    device.files.write_text("/notes.txt", "a\nb\n" * 2000)
    seen += [device.files.read_text("/notes.txt"), device.files.listdir("/")]
    seen.append(device.files.usage())
    here = Path("project")
    seen.append(device.sync(here, "/project") is None)
    seen.append(sorted(device.files.listdir("/project")))
    device.sync(here, "/project")
    refused(seen, lambda: device.files.read("/missing"))
    with device.mount(here, "/here", readonly=False):
        seen.append(device("open('/here/data.txt').read()"))
        device("with open('/here/made.txt', 'w') as f: f.write('made there')")
        seen.append((here / "made.txt").read_text())
    (here / "made.txt").unlink()


def written_files(device: belay.Device, seen: Seen) -> None:
    """Without a list of them, which tells when they were written."""
    device.files.write_text("/notes.txt", "a\nb\n" * 2000)
    seen.append(device.files.read_text("/notes.txt"))
    with device.mount("project", "/here"):
        seen.append(device("open('/here/data.txt').read()"))


def clock(device: belay.Device, seen: Seen) -> None:
    @device.task
    def measure():  # type: ignore[no-untyped-def]
        return 4

    measured = device.task(measure.__wrapped__, return_time=True)  # type: ignore[attr-defined]
    first, begin = measured()
    device("import time\ntime.sleep_ms(120)")
    second, end = measured()
    device.set_rtc()
    between = (end - begin).total_seconds()
    seen += [first, second, between > 0.12, round(between, 2)]
    # How well the time is known becomes less by the time that passes, some 10 us in each ms.
    assert 0 < end.uncertainty < 1
    assert 0 < device.clock.uncertainty < 1


def asynchronous(device: belay.Device, seen: Seen) -> None:
    import asyncio

    async def program() -> None:
        seen.append(await device.aio("2 ** 100"))

    asyncio.run(program())


SCENARIOS: list[Scenario] = [
    calls, values, streams, proxies, stopping, events, files, clock, asynchronous,
]  # fmt: skip


def play(scenario: Scenario, address: str, capsys: pytest.CaptureFixture[str], **o: Any) -> Seen:
    seen: Seen = []
    capsys.readouterr()
    with belay.Device(address, **o) as device:
        scenario(device, seen)
        seen.append(device.implementation)
    return [*seen, capsys.readouterr()]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "project" / "lib").mkdir(parents=True)
    (tmp_path / "project" / "data.txt").write_text("data\n")
    (tmp_path / "project" / "lib" / "code.py").write_text("def f():\n    return 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def no_boards(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From the call on, no board can start, and wasmtime cannot be imported."""

    def forbid() -> None:
        def refuse(*args: object, **options: object) -> None:
            raise AssertionError("a board was started")

        monkeypatch.setattr(BoardProcess, "__init__", refuse)
        monkeypatch.setitem(sys.modules, "wasmtime", None)

    return forbid


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.__name__)
def test_a_recording_plays_as_it_was(
    scenario: Scenario, capsys: pytest.CaptureFixture[str], no_boards: Callable[[], None]
) -> None:
    recorded = play(scenario, "virtual:", capsys, record="x.cassette")
    no_boards()
    for address in ("replay:x.cassette", "replay:./x.cassette"):
        assert play(scenario, address, capsys) == recorded


def test_circuitpython_and_a_cooked_line(capsys: pytest.CaptureFixture[str]) -> None:
    for options in ("circuitpython=1", "cooked=1"):
        recorded = play(calls, f"virtual:?{options}", capsys, record="x.cassette")
        assert play(calls, "replay:x.cassette", capsys) == recorded


def test_a_board_without_room_for_the_agent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        pretend(patch, free=9 * 1024)
        recorded = play(calls, "virtual:", capsys, record="x.cassette")
    assert play(calls, "replay:x.cassette", capsys) == recorded
    text = Path("x.cassette").read_text(encoding="utf-8")
    assert "# agent False" in text


def test_a_board_that_was_reset_and_came_back(capsys: pytest.CaptureFixture[str]) -> None:
    def scenario(device: belay.Device, seen: Seen) -> None:
        told: Seen = []
        device.on_reconnect(lambda: told.append("there again"))
        device("x = 5")
        refused(seen, lambda: device("machine.reset()", record=False))
        seen += [device("x"), told]
        device.reconnect()
        seen += [device("x"), told]

    recorded = play(scenario, "virtual:", capsys, record="x.cassette", attempts=3)
    assert play(scenario, "replay:x.cassette", capsys, attempts=3) == recorded


def test_input_is_answered_as_it_was_and_nobody_is_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = iter(["Ada", "", "hunter22"])

    def scenario(device: belay.Device, seen: Seen) -> None:
        device("names = [input('Name? '), input('More? ')]")
        device("password = input('Password: ')")
        seen.append(device("names"))
        seen.append(device("len(password)"))
        refused(seen, lambda: device("input('At the end? ')"))

    def no_input(prompt: str = "") -> str:
        raise AssertionError("somebody was asked")

    def give() -> str:
        for line in lines:
            return line
        raise EOFError

    recorded = play(scenario, "virtual:", capsys, record="x.cassette", stdin=give)
    monkeypatch.setattr(builtins, "input", no_input)
    assert play(scenario, "replay:x.cassette", capsys) == recorded
    text = Path("x.cassette").read_text(encoding="utf-8")
    assert "\n< Ada\n" in text
    assert "hunter22" not in text


def test_secrets_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    def scenario(device: belay.Device, seen: Seen) -> None:
        @device.task
        def join(name, password):  # type: ignore[no-untyped-def]
            print("joining with", password)
            return "the key is " + key  # type: ignore[name-defined]  # noqa: F821

        device(f"wifi_password = {word!r}\nkey = {extra!r}")
        join("net", password=word)
        device.files.write("/secrets.py", f"TOKEN = {word!r}\n".encode())

    word, extra = "pass-word-1", "k1"
    play(scenario, "virtual:", capsys, record=belay.Recording("x.cassette", secrets=[extra]))
    data = Path("x.cassette").read_bytes()
    assert b"pass-word-1" not in data
    assert b"k1" not in data
    assert data.count("«secret»".encode()) > 4
    # What a secret was does not count; in a file its length does.
    word, extra = "no-password", "another, longer one that makes other lines"
    play(scenario, "replay:x.cassette", capsys)
    assert "joining with «secret»" in play(scenario, "replay:x.cassette", capsys)[-1].out


def test_two_recordings_of_the_same_are_the_same_but_for_the_times(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for scenario in (calls, values, proxies, written_files):
        for name in ("a", "b"):
            play(scenario, "virtual:", capsys, record=f"{name}.cassette")
        texts = [Path(f"{name}.cassette").read_text(encoding="utf-8") for name in "ab"]
        first, second = (text.partition("\ntimes\n")[0] for text in texts)
        assert first == second
        assert not re.search(r"/tmp|/home|20\d\d-|" + re.escape(os.getcwd()), first)


def test_what_says_the_same_leaves_the_file_alone(capsys: pytest.CaptureFixture[str]) -> None:
    play(calls, "virtual:", capsys, record="x.cassette")
    before = Path("x.cassette").read_bytes()
    play(calls, "virtual:", capsys, record="x.cassette")
    assert Path("x.cassette").read_bytes() == before
    play(asynchronous, "virtual:", capsys, record="x.cassette")
    assert Path("x.cassette").read_bytes() != before
    assert [path.name for path in Path().glob("x.*")] == ["x.cassette"]


# ---------------------------------------------------------------------------- what differs


@pytest.fixture
def recorded(project: Path) -> str:
    with belay.Device("virtual:", record="x.cassette") as device:
        device("x = 5")
        device("x + 1")
    return "replay:x.cassette"


def test_something_else(recorded: str) -> None:
    device = belay.Device(recorded)
    device("x = 5")
    with pytest.raises(belay.ReplayError) as caught:
        device("x + 2")
    text = str(caught.value)
    assert "x.cassette: the program asks for something else" in text
    assert "-- 'x + 1'\n+- 'x + 2'" in text
    with pytest.raises(belay.ReplayError, match="'x \\+ 2'"):
        device("x + 1")  # it is out of step for good
    device.close()


def test_another_order_more_and_less(recorded: str) -> None:
    device = belay.Device(recorded)
    with pytest.raises(belay.ReplayError, match="was recorded as number 3"):
        device("x + 1")
    device.close()

    device = belay.Device(recorded)
    device("x = 5")
    assert device("x + 1") == 6
    with pytest.raises(belay.ReplayError, match=r"more than was recorded(.|\n)*'x \+ 1'"):
        device("x + 1")
    device.close()

    device = belay.Device(recorded)
    device("x = 5")
    with pytest.raises(belay.ReplayError, match=r"1 of 3 recorded exchanges(.|\n)*'x \+ 1'"):
        device.close()
    assert device.closed

    with pytest.raises(ZeroDivisionError), belay.Device(recorded):
        1 / 0  # noqa: B018


def test_another_way_to_connect(recorded: str) -> None:
    with pytest.raises(belay.ReplayError, match=r"-- reset\n\+- attach"):
        belay.Device(recorded, reset=False)


def test_what_needs_the_board_says_so(recorded: str) -> None:
    device = belay.Device(recorded)
    with pytest.raises(belay.FeatureUnavailableError, match="a recording: it has no prompt"):
        device.terminal()
    with pytest.raises(belay.CassetteError, match="recording already"):
        belay.Device(recorded, record="y.cassette")
    device("x = 5")
    device("x + 1")
    device.close()
    with pytest.raises(belay.DeviceClosedError):
        device("x")


def test_the_time_passes_as_it_did_if_that_is_wanted(project: Path) -> None:
    with belay.Device("virtual:", record="x.cassette") as device:
        device("import time\nfor i in range(3):\n    time.sleep_ms(100)\n    print(i)")
        device("while True: pass" if False else "1")
    arrived: list[float] = []

    class Clocked:
        def write(self, text: str) -> None:
            from time import monotonic

            arrived.append(monotonic())

    with belay.Device("replay:x.cassette?timing=recorded", startup=None) as device:
        device(
            "import time\nfor i in range(3):\n    time.sleep_ms(100)\n    print(i)",
            stream_out=Clocked(),
        )
        device("1")
    assert arrived[-1] - arrived[0] > 0.15


def test_a_slow_recording_can_be_interrupted(project: Path) -> None:
    with belay.Device("virtual:", record="x.cassette") as device:
        device("print('begun')\nimport time\ntime.sleep(1)\nprint('ended')")

    with belay.Device("replay:x.cassette?timing=recorded") as device:

        class Stops:
            def write(self, text: str) -> None:
                assert text == "begun\n"
                device.interrupt()

        with pytest.raises(KeyboardInterrupt):
            device("print('begun')\nimport time\ntime.sleep(1)\nprint('ended')", stream_out=Stops())


def test_two_devices_do_not_share_a_file(project: Path) -> None:
    device = belay.Device("virtual:", record="x.cassette")
    with pytest.raises(belay.CassetteError, match=r"x\.cassette: another Device"):
        belay.Device("virtual:", record="x.cassette")
    device.close()
    with pytest.raises(belay.CassetteError, match="cannot be written: No such file"):
        belay.Device("virtual:", record="nowhere/x.cassette")


def test_a_startup_that_fails(project: Path) -> None:
    with pytest.raises(belay.PyboardException, match="ZeroDivisionError"):
        belay.Device("virtual:", startup="print('begun')\n1 / 0", record="x.cassette")
    with pytest.raises(belay.PyboardException, match="ZeroDivisionError"):
        belay.Device("replay:x.cassette", startup="print('begun')\n1 / 0")


def test_nothing_is_left_where_no_board_was_found(project: Path) -> None:
    with pytest.raises(belay.ConnectionFailedError):
        belay.Device("socket://127.0.0.1:1", record="x.cassette")
    assert not list(Path().glob("x.*"))


def test_programs_are_recorded_and_played_as_they_are(project: Path) -> None:
    Path("program.py").write_text(
        "import belay, sys\n"
        "with belay.Device('virtual:?seed=1') as a, belay.Device('virtual:?seed=2') as b:\n"
        "    print(a('1 + 1'), b('2 + 2'), a.address, b.address)\n"
    )

    def run(**env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "program.py"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **env},
        )

    first = run(BELAY_RECORD="tapes")
    assert first.returncode == 0, first.stderr
    assert sorted(path.name for path in Path("tapes").iterdir()) == [
        "board-1.cassette",
        "board-2.cassette",
    ]
    again = run(BELAY_REPLAY="tapes")
    assert (again.stdout, again.stderr) == (first.stdout, "")
    assert first.stdout == "2 4 virtual:?seed=1 virtual:?seed=2\n"
    Path("tapes/board-1.cassette").rename("tapes/board-2.cassette")
    other = run(BELAY_REPLAY="tapes")
    assert "there is no board-1.cassette for Device number 1 of this program" in other.stderr
    Path("tapes/board-2.cassette").rename("tapes/board-1.cassette")
    Path("program.py").write_text("import belay\nbelay.Device('virtual:?seed=3')\n")
    other = run(BELAY_REPLAY="tapes")
    assert "is 'virtual:?seed=3'; when it was recorded, it was 'virtual:?seed=1'" in other.stderr


def test_a_recording_needs_no_wasmtime(recorded: str) -> None:
    code = (
        "import sys; sys.modules['wasmtime'] = None; import belay\n"
        "d = belay.Device('replay:x.cassette'); d('x = 5'); print(d('x + 1')); d.close()\n"
        "print([name for name in sys.modules if name.startswith(('belay.virtual', 'wasmtime.'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "6\n[]\n"


def test_the_file_of_a_program_that_is_killed_can_be_looked_at(project: Path) -> None:
    code = (
        "import belay, os\n"
        "d = belay.Device('virtual:', record='x.cassette')\n"
        "d('x = 5')\n"
        "os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert not Path("x.cassette").exists()
    assert "| x=5" in Path("x.cassette.part").read_text(encoding="utf-8")
    with pytest.raises(belay.CassetteError, match="has no end"):
        load("x.cassette.part")
