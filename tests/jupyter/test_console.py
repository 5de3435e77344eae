# SPDX-License-Identifier: Apache-2.0
"""The prompt that shares a virtual board with cells: typed into, waited for, given back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import belay
import belay_jupyter
from belay.session.session import Session
from belay.session.visiting import visit
from belay.terminal.history import LineHistory
from belay.transports import open_transport
from belay_jupyter.consoles.prompt import BoardPrompt
from belay_jupyter.consoles.shown import Console
from tests.jupyter.kernels import Kernel
from tests.links.counting import CountingLink
from tests.links.faulty import FaultyLink


class Screen:
    """A prompt, with what it has shown and told."""

    def __init__(self, device: belay.Device) -> None:
        self.device = device
        self._changed = threading.Condition()
        self.text = ""
        self.states: list[str] = []
        self.history = LineHistory()
        self.prompt = BoardPrompt(lambda: self.device, self._show, self._tell, self.history)

    def _show(self, data: bytes) -> None:
        with self._changed:
            self.text += data.decode("utf-8", "replace").replace("\r\n", "\n")
            self._changed.notify_all()

    def _tell(self, state: str, why: str) -> None:
        with self._changed:
            self.states.append(state)
            self._changed.notify_all()

    def until(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, 60), (self.text, self.states)

    def type(self, keys: str, until: str) -> str:
        """Type, wait for an end of the screen, and return what has come."""
        with self._changed:
            before = len(self.text)
        self.prompt.type(keys.encode())
        self.until(lambda: self.text[before:].endswith(until))
        return self.text[before:]

    def be(self, state: str) -> None:
        self.until(lambda: self.prompt.state == state)


@pytest.fixture
def board() -> Iterator[belay.Device]:
    with belay.Device("virtual:") as device:
        yield device


@pytest.fixture
def screen(board: belay.Device) -> Iterator[Screen]:
    shown = Screen(board)
    yield shown
    shown.prompt.close()


def test_lines_are_typed_and_cells_run_between_them(screen: Screen, board: belay.Device) -> None:
    @board.task
    def twice(x: int) -> int:
        return x * 2

    numbers = board("[1, 2, 3]", proxy=True)
    assert screen.type("1+1\r", "2\n>>> ") == "1+1\n2\n>>> "
    assert twice(4) == 8
    assert screen.type("answer = twice(21)\r", ")\n>>> ").count(">>>") == 1
    assert board("answer") == 42
    assert numbers[1] == 2  # what the board keeps for the host is still there
    assert screen.states[:2] == ["here", "idle"]
    assert board("__import__('sys').implementation.name") == "micropython"


def test_a_half_typed_line_makes_room_and_comes_back(screen: Screen, board: belay.Device) -> None:
    board("done = []")
    screen.type("done.append(1)", "done.append(1)")
    assert board("len(done)") == 0  # it was not run, and the call was
    screen.be("idle")
    assert board("2 + 2") == 4
    assert screen.type("\r", "\n>>> ").endswith("done.append(1)\x1b[K\n>>> ")
    screen.be("idle")
    assert board("done") == [1]


def test_ctrl_c_stops_what_was_typed(screen: Screen, board: belay.Device) -> None:
    screen.type("while True: pass\r\r", "... \n")
    assert screen.prompt.runs
    assert not screen.prompt.wait(0.01)
    assert "KeyboardInterrupt" in screen.type("\x03", "\n>>> ")
    assert screen.prompt.wait(30)
    assert board("1 + 2") == 3


def test_a_call_waits_for_what_was_typed(screen: Screen, board: belay.Device) -> None:
    screen.type("import time\r", "\n>>> ")
    screen.type("for i in range(9): time.sleep_ms(50); n = i\r\r", "... \n")
    assert board("n") == 8


def test_device_interrupt_stops_what_was_typed(screen: Screen, board: belay.Device) -> None:
    screen.type("while True: pass\r\r", "... \n")
    board.interrupt()
    screen.until(lambda: screen.text.endswith("\n>>> "))
    assert "KeyboardInterrupt" in screen.text


def test_keys_wait_for_a_call_and_ctrl_c_stops_it(screen: Screen, board: belay.Device) -> None:
    begun, ended = threading.Event(), threading.Event()

    class Seen:
        def write(self, text: str) -> None:
            begun.set()

    def call() -> None:
        with pytest.raises(KeyboardInterrupt):
            board("print('begun')\nwhile True: pass", stream_out=Seen())
        ended.set()

    threading.Thread(target=call).start()
    assert begun.wait(60)
    screen.prompt.type(b"1+1\r")
    screen.be("waiting")
    assert screen.text == ""
    assert screen.type("\x03", ">>> ") == "^C\n>>> "
    assert ended.wait(60)
    # What was typed while it ran is forgotten, as at a terminal.
    assert screen.type("2+2\r", "4\n>>> ") == "2+2\n4\n>>> "


def test_ctrl_d_resets_and_tasks_are_there_again(screen: Screen, board: belay.Device) -> None:
    @board.task
    def twice(x: int) -> int:
        return x * 2

    kept = board("[1]", proxy=True)
    board("gone = 1")
    assert "soft reboot" in screen.type("\x04", "\n>>> ")
    screen.be("idle")
    assert twice(5) == 10
    with pytest.raises(belay.PyboardException, match="NameError"):
        board("gone")
    with pytest.raises(belay.StaleProxyError):
        kept[0]


def test_paste_mode_tab_and_history(screen: Screen, board: belay.Device) -> None:
    screen.type("\x05", "=== ")
    assert screen.prompt.has_open_block
    screen.type("def area(r):\r    return 3 * r\r", "r\n=== ")
    screen.type("\x04", "\n>>> ")
    assert screen.type("are\t(2)\r", "6\n>>> ") == "area(2)\n6\n>>> "
    screen.be("idle")
    assert screen.type("\x1b[A", "area(2)").endswith("area(2)")
    assert screen.type("\r", "6\n>>> ").endswith("6\n>>> ")
    assert screen.history.lines == ["area(2)"]
    screen.be("idle")
    text = screen.type("\x1b[200~if 1:\n    print('a')\n    print('b')\n\x1b[201~", "b\n>>> ")
    assert text.endswith("a\nb\n>>> ")


def test_input_at_the_prompt_asks_at_the_prompt(screen: Screen, board: belay.Device) -> None:
    screen.type("name = input('who? ')\r", "who? ")
    screen.type("Ada\r", "\n>>> ")
    assert board("name") == "Ada"
    board._lines.source = lambda: "from the host"
    board("name = input()")  # and of a call it asks the host, as before
    assert board("name") == "from the host"


def test_events_get_where_they_belong(screen: Screen, board: belay.Device) -> None:
    events = board.events("level")
    screen.type("import belay\r", "\n>>> ")
    assert screen.type("belay.emit('level', 7)\r", "\n>>> ") == "belay.emit('level', 7)\n>>> "
    assert next(events) == 7


def test_a_closed_board_ends_it_and_another_one_takes_its_place(
    screen: Screen, board: belay.Device
) -> None:
    screen.type("while True: pass\r\r", "... \n")
    board.close()
    screen.prompt.type(b"1")
    screen.be("closed")
    with belay.Device("virtual:") as other:
        screen.device = other
        assert screen.type("5+5\r", "10\n>>> ") == "5+5\n10\n>>> "


def test_a_link_that_ends_is_told() -> None:
    link = FaultyLink(open_transport("virtual:"))
    with belay.Device(link) as device:
        screen = Screen(device)
        told = threading.Event()
        device.on_disconnect(lambda error: told.set())
        screen.type("while True: pass\r\r", "... \n")
        link.cut()
        screen.be("lost")
        assert told.wait(60)
        assert not device.connected
        screen.prompt.close()


def test_what_a_visit_costs() -> None:
    """docs/widgets.md names it: the prompt's turn and back."""
    link = CountingLink(open_transport("virtual:"))
    with belay.Device(link) as device:
        device("1")
        link.reset()

        def use(here: Any) -> None:
            seen = b""
            while not seen.endswith(b">>> "):
                seen += here.read(1.0)

        assert visit(device._session, use)
        assert link.round_trips == 3
        assert device("1 + 1") == 2
        assert link.round_trips == 4  # and the call after it costs what it always does


def test_a_console_keeps_its_text(board: belay.Device) -> None:
    console = belay_jupyter.console(board)
    console.prompt.type(b"'<b>' + 'x'\r")
    tick = threading.Event()
    for _ in range(3000):
        if "'<b>x'" in console.text():
            break
        tick.wait(0.02)
    assert console.text().splitlines()[-3:] == [">>> '<b>' + 'x'", "'<b>x'", ">>> "]
    console.close()
    bundle = console._bundle()
    assert "<b>" not in bundle["text/html"]
    assert "&lt;b&gt;x" in bundle["text/html"]
    assert board("1") == 1


def test_the_terminal_comes_from_the_kernel(board: belay.Device) -> None:
    console = belay_jupyter.console(board)
    sent: list[tuple[dict[str, Any], list[bytes]]] = []
    assert console.widget is not None
    console.widget.send = lambda message, buffers=None: sent.append((message, buffers or []))
    console._asked(console.widget, {"type": "hello"}, [])
    (message, buffers), state = sent[0], sent[1][0]
    assert message == {"type": "terminal"}
    assert b"export{" in buffers[0]
    assert b".xterm" in buffers[1]
    assert buffers[2].endswith(b">>> ")
    assert state["state"] == "idle"
    for strange in (None, 3, {}, {"type": "nonsense"}, {"type": "keys"}):
        console._asked(console.widget, strange, [])
    console.close()
    console.close()


def test_without_the_agent_it_says_what_to_use() -> None:
    session = Session.open(open_transport("virtual:"), agent=False)
    with pytest.raises(belay.FeatureUnavailableError, match="belay terminal"):
        visit(session, lambda here: None)
    session.close()


def test_a_recording_has_no_prompt(tmp_path: Path) -> None:
    cassette = tmp_path / "board.tape"
    with belay.Device("virtual:", record=cassette) as device:
        pass
    with (
        belay.Device(f"replay:{cassette}") as device,
        pytest.raises(belay.FeatureUnavailableError, match="recording"),
    ):
        belay_jupyter.console(device)


def test_an_unknown_board() -> None:
    with pytest.raises(belay.BelayException, match="no board is connected"):
        Console(*belay_jupyter._board("nowhere"))


def test_cells_and_what_was_typed(kernel: Kernel) -> None:
    """A cell waits for a program that was typed, says so, and does not wait for an open block."""
    kernel.good(
        "import belay_jupyter\nconsole = belay_jupyter.console()\nprompt = console.prompt\n"
        "def until(condition):\n"
        "    import time\n"
        "    end = time.monotonic() + 60\n"
        "    while not condition() and time.monotonic() < end: time.sleep(0.01)\n"
        "    assert condition()"
    )
    kernel.good("prompt.type(b'1 + 1\\r')\nuntil(lambda: '\\n2\\n>>> ' in console.text())")
    assert kernel.good("%device 3 * 4").result == "12"
    kernel.good(
        "prompt.type(b'import time\\rfor n in range(20): time.sleep_ms(50)\\r\\r')\n"
        "until(lambda: prompt.runs)"
    )
    reply = kernel.good("%device n")
    assert "Waiting: what was typed in the console of board still runs." in reply.stderr
    assert reply.result == "19"
    kernel.good("prompt.type(b'if 1:\\r')\nuntil(lambda: prompt.has_open_block)")
    failed = kernel.run("%device 1")
    assert failed.status == "error"
    assert "the console of board has an open block" in failed.error
    kernel.good("prompt.type(b'\\x03')\nuntil(lambda: prompt.state == 'idle')")
    assert kernel.good("%device 5").result == "5"
    kernel.good("console.close()")


def test_mistakes_are_told(kernel: Kernel) -> None:
    for line, text in {
        "%belay_console nowhere": "no board is called 'nowhere'",
        "%belay_dashboard nowhere": "no board is called 'nowhere'",
        "%belay_dashboard --every 0": "it must be a number of seconds",
    }.items():
        reply = kernel.run(line)
        assert reply.status == "error", line
        assert text in reply.error, line
