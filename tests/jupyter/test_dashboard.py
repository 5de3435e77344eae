# SPDX-License-Identifier: Apache-2.0
"""Dashboards of virtual boards: what they show, what a click does, what it costs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from nbconvert import HTMLExporter

import belay
import belay_jupyter
from belay.transports import open_transport
from belay_jupyter import polling
from belay_jupyter.boards import Board, Boards
from belay_jupyter.demo import _ThisPython
from belay_jupyter.panels.filework import LARGEST_TEXT
from belay_jupyter.panels.numbers import KEPT_LINES, Log
from belay_jupyter.panels.panel import Panel
from belay_jupyter.panels.still import html_of
from tests.jupyter.kernels import PATIENCE
from tests.links.counting import CountingLink
from tests.links.faulty import FaultyLink

EVERY = 0.05


class Page:
    """A panel, and what a page would have got of it."""

    def __init__(self, board: Board, boards: Boards | None = None) -> None:
        self._changed = threading.Condition()
        self.got: list[dict[str, Any]] = []
        self.buffers: list[bytes] = []
        self.panel = Panel(board, boards, self._take, EVERY)

    def _take(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        with self._changed:
            self.got.append(message)
            self.buffers += buffers
            self._changed.notify_all()

    def until(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """Wait for a message, and forget those up to it."""

        def found() -> int | None:
            for index, one in enumerate(self.got):
                if one["type"] == kind and wanted.items() <= one.items():
                    return index + 1
            return None

        with self._changed:
            assert self._changed.wait_for(lambda: found() is not None, 60), (kind, self.got)
            index = found()
            assert index is not None
            message = self.got[index - 1]
            del self.got[:index]
            return message

    def ask(self, kind: str, *buffers: bytes, **message: Any) -> None:
        self.panel.asked({"type": kind, **message}, list(buffers))

    def do(self, kind: str, *buffers: bytes, **message: Any) -> str:
        """What is said when it is done, or why it is not."""
        self.ask(kind, *buffers, **message)
        text: str = self.until("said")["text"]
        return text


@pytest.fixture
def board() -> Iterator[belay.Device]:
    with belay.Device("virtual:") as device:
        yield device


@pytest.fixture
def page(board: belay.Device) -> Iterator[Page]:
    nobody: Any = None
    made = Page(Board("tank", board, nobody))
    yield made
    made.panel.stop()


@pytest.fixture
def boards() -> Iterator[Boards]:
    made = Boards(InteractiveShell.instance())
    yield made
    made.close_all()


def test_what_is_shown(page: Page, board: belay.Device) -> None:
    facts = dict(page.panel.facts)
    assert facts["Firmware"].startswith("MicroPython 1.")
    assert facts["Address"] == "virtual:"
    (sample,) = page.panel.samples
    assert 0 < sample.heap[0] < sample.heap[1]
    assert sample.flash == (0, 4 * 1024 * 1024)
    board("limits = [1, 2]\ntitle = '<b>'")
    board.files.mkdir("/lib")
    board.files.write("/lib/a.py", b"x = 1\n")
    page.ask("refresh", what="all")
    rows = page.until("globals")["rows"]
    assert ["title", "str", "3 chars", "'<b>'"] in rows
    assert ["limits", "list", "2 items", ""] in rows
    assert page.until("files")["files"] == [("/lib", -1), ("/lib/a.py", 6)]
    page.ask("hello")
    everything = page.until("all")
    assert everything["link"]["state"] == "idle"
    assert everything["globals"] == rows


def test_memory_is_followed_while_a_page_shows_it(page: Page, board: belay.Device) -> None:
    page.got.clear()
    page.ask("hello")
    first = page.until("sample")["sample"]
    board.files.write("/big", bytes(100_000))
    while page.until("sample")["sample"][2][0] < first[2][0] + 100_000:
        pass
    page.ask("pages", count=0)
    poller = polling.poller_of(board)
    assert [watch.question.kind for watch in poller._watches if not watch.stopped] == [
        polling.ALIVE
    ]
    page.ask("pages", count=2)
    page.until("sample")


def test_files_are_uploaded_edited_renamed_and_deleted(page: Page, board: belay.Device) -> None:
    data = bytes(range(256)) * 40
    assert page.do("upload", data, folder="/", name="a.bin", path="/a.bin").startswith("uploaded")
    assert board.files.read("/a.bin") == data
    page.ask("upload", b"new", folder="/", name="a.bin", path="/a.bin")
    assert page.until("there")["path"] == "/a.bin"
    assert board.files.read("/a.bin") == data
    page.do("upload", b"new", folder="/", name="a.bin", path="/a.bin", replace=True)
    assert board.files.read("/a.bin") == b"new"
    page.ask("download", path="/a.bin")
    assert page.until("file")["name"] == "a.bin"
    assert page.buffers[-1] == b"new"
    page.until("said")
    assert page.do("mkdir", folder="/", name="lib") == "made /lib"
    assert page.do("rename", path="/a.bin", name="b.bin") == "/a.bin is /b.bin now"
    page.do("upload", b"2", folder="/lib", name="c.txt")
    assert "is there already" in page.do("rename", path="/b.bin", name="lib")
    assert page.do("delete", path="/lib") == "deleted /lib and 1 inside"
    assert board.files.listdir() == ["b.bin"]


def test_names_that_no_file_can_have(page: Page, board: belay.Device) -> None:
    for kind in ("upload", "mkdir", "rename"):
        for name in ("", ".", "..", "a/b", "a\0b", "a\nb", "..\\x", None, 3):
            said = page.do(kind, b"x", folder="/", path="/boot.py", name=name)
            assert "is no name for a file or folder" in said, (kind, name)
    assert board.files.listdir() == []


def test_an_edit_is_saved_unless_the_board_has_another_file(
    page: Page, board: belay.Device
) -> None:
    board.files.write("/main.py", b"a = 1\r\nb = 2\r\n")
    page.ask("open", path="/main.py")
    opened = page.until("opened")
    assert opened["text"] == "a = 1\r\nb = 2\r\n"
    edit = {"path": "/main.py", "text": "a = 3\n", "stamp": opened["stamp"]}
    assert page.do("save", **edit) == "saved /main.py: 7 bytes"
    assert board.files.read("/main.py") == b"a = 3\r\n"  # its line ends are kept
    page.ask("save", **edit)  # with the stamp of what was opened first
    assert "was changed on the board" in page.until("changed")["why"]
    board.files.remove("/main.py")
    page.ask("save", **edit)
    assert "not on the board any more" in page.until("changed")["why"]
    page.do("save", **edit, force=True)
    assert board.files.read("/main.py") == b"a = 3\r\n"
    page.ask("save", path="/main.py", text="new", stamp="")  # a new file of that name
    assert "already" in page.until("changed")["why"]
    assert page.do("save", path="/other.py", text="ä\n", stamp="") == "saved /other.py: 3 bytes"


EDITABLE = [
    (b"", True, ""),
    ("h\u00e4 \u20ac\n".encode(), True, ""),
    (b"a\rb\nc\r\n", True, "several kinds"),
    (b"\xff\xfe", False, "no text"),
    (b"a\0b", False, "binary"),
    (b"x" * (LARGEST_TEXT + 1), False, "too many"),
]


def test_what_can_be_edited(page: Page, board: belay.Device) -> None:
    for data, editable, why in EDITABLE:
        board.files.write("/f", data)
        page.ask("open", path="/f")
        opened = page.until("opened")
        assert (opened["text"] is not None) is editable, data[:20]
        assert why in opened["why"]
        assert opened["size"] == len(data)


def test_what_the_board_refuses_is_told(page: Page, board: belay.Device) -> None:
    assert "nowhere" in page.do("open", path="/nowhere")
    assert "nowhere" in page.do("delete", path="/nowhere")
    said = page.do("upload", bytes(5 * 1024 * 1024), folder="/", name="big")
    assert "full" in said or "space" in said.lower()
    assert board.files.listdir() == []


def busy(device: belay.Device, code: str = "while True: pass") -> threading.Event:
    """Have the board run something until it is interrupted; set at its end."""
    begun, ended = threading.Event(), threading.Event()

    class Seen:
        def write(self, text: str) -> None:
            begun.set()

    def call() -> None:
        with pytest.raises((KeyboardInterrupt, belay.DeviceClosedError)):
            device(f"print('begun')\n{code}", stream_out=Seen())
        ended.set()

    threading.Thread(target=call).start()
    assert begun.wait(60)
    return ended


def test_clicks_wait_for_their_turn_and_can_be_cancelled(page: Page, board: belay.Device) -> None:
    page.ask("hello")
    page.until("sample")
    ended = busy(board)
    page.until("link", state="busy")
    page.ask("upload", b"1", folder="/", name="first")
    assert page.until("doing", text="upload first")["waits"] is True
    page.ask("cancel")
    assert "cancelled" in page.until("said")["text"]
    page.ask("upload", b"2", folder="/", name="second")
    page.until("doing", waits=True)
    assert not ended.is_set()
    page.ask("interrupt")  # acts at once
    assert ended.wait(60)
    page.until("said", error=False)
    page.until("uploaded", path="/second")
    assert board.files.listdir() == ["second"]
    page.until("said", text="uploaded /second: 1 bytes")
    page.until("sample")
    assert page.panel.state == "idle"
    assert page.do("interrupt") == "nothing runs on it"


def test_a_running_call_keeps_its_turn(page: Page, board: belay.Device) -> None:
    """Polls of a page that wants many fall into the pauses between calls."""
    page.ask("hello")
    page.until("sample")
    poller = polling.poller_of(board)
    before = poller.polls
    assert board("import time\nstart = time.ticks_ms()\ntime.sleep_ms(400)") is None
    # It lasted eight intervals; at most the poll that was under way when it began came in.
    assert poller.polls - before <= 2


def test_the_log_has_what_nobody_waits_for(page: Page, board: belay.Device) -> None:
    board(
        "import machine\nclock = machine.Timer(-1)\n"
        "clock.init(mode=machine.Timer.ONE_SHOT, period=10,"
        " callback=lambda t: print('<i>tock</i>'))"
    )
    (line,) = page.until("log")["lines"]
    assert line[2:] == ["print", "<i>tock</i>"]
    board("print('of a call')", stream_out=None)
    assert [line[3] for line in page.panel.log.lines] == ["<i>tock</i>"]


def test_the_log_is_bounded() -> None:
    log = Log()
    log.printed("begun, ")
    log.printed("ended\nx")
    log.event("closed")
    log.printed("y" * 5000)
    assert [(kind, text[:20]) for _, _, kind, text in log.lines] == [
        ("print", "begun, ended"), ("print", "x"), ("event", "closed"), ("print", "y" * 20)
    ]  # fmt: skip
    assert len(log.lines[-1][3]) == 1000
    for number in range(2 * KEPT_LINES):
        log.printed(f"{number}\n")
    assert len(log.lines) == KEPT_LINES
    assert log.lines[-1][3] == str(2 * KEPT_LINES - 1)


def test_resets(page: Page, board: belay.Device) -> None:
    board("x = 1", record=False)
    assert page.do("soft_reset").startswith("soft reset")
    assert not [row for row in page.panel.globals if row[0] == "x"]
    assert board("1 + 1") == 2
    board("x = 1", record=False)
    assert page.do("hard_reset").startswith("hard reset")
    assert board("'x' in globals()") is False
    page.ask("hello")
    page.until("sample")  # and it is followed again


def test_a_closed_board_is_grey_until_another_one_has_its_name(boards: Boards) -> None:
    board = boards.connect("virtual:", name="pico")
    page = Page(board, boards)
    page.ask("hello")
    page.until("sample")
    boards.close("pico")
    page.until("link", state="closed")
    page.ask("hello")
    assert page.until("all")["link"]["state"] == "closed"
    assert "closed" in page.do("refresh", what="files")
    boards.connect("virtual:", name="other")
    boards.connect("virtual:", name="pico").device("fresh = 1")
    page.until("link", state="idle")
    page.until("sample")
    assert page.do("close").startswith("closed")
    assert page.panel.state == "closed"
    assert boards.names() == ["other"]
    assert page.do("connect") == "connected"
    page.until("sample")
    assert set(boards.names()) == {"other", "pico"}
    page.panel.stop()
    assert boards.on_connect == []


def test_a_lost_link_is_grey_and_can_be_connected_again() -> None:
    links: list[FaultyLink] = []

    def opened() -> FaultyLink:
        links.append(FaultyLink(open_transport("virtual:")))
        return links[-1]

    nobody: Any = None
    with belay.Device(opened) as device:
        page = Page(Board("tank", device, nobody))
        page.ask("hello")
        page.until("sample")
        links[-1].cut()
        page.until("link", state="lost")
        assert any("the link ended" in line[3] for line in page.panel.log.lines)
        assert page.do("connect") == "connected"
        page.until("sample")
        assert page.panel.state == "idle"
        page.panel.stop()


def test_what_a_page_says_is_checked(page: Page) -> None:
    for strange in (None, 3, "text", {}, {"type": "nonsense"}, {"type": ["list"]}):
        page.panel.asked(strange, [])
    assert "path" in page.do("open")  # a message without what it needs


def test_text_of_a_board_is_text(page: Page, board: belay.Device) -> None:
    board("title = '<script>alert(1)</script>'")
    board.files.write("/<img src=x>", b"1")
    page.ask("refresh", what="all")
    page.until("files")
    html = html_of(page.panel)
    assert "<script>" not in html
    assert "<img" not in html
    assert "&lt;img src=x&gt;" in html
    assert "Heap: " in html
    assert "<svg" in html


def test_one_widget_for_a_board_tabs_for_several(board: belay.Device) -> None:
    with belay.Device("virtual:") as other:
        one = belay_jupyter.dashboard(board)
        both = belay_jupyter.dashboard(board, other, every=2)
        assert type(one.widget).__name__ == "PanelWidget"
        assert both.widget.titles == ("virtual:", "virtual:")
        bundle = both._repr_mimebundle_()
        assert bundle["text/html"].count("<h4>") == 2
        assert "idle" in bundle["text/plain"]
        one.close()
        both.close()
    with pytest.raises(ValueError, match="every=0"):
        belay_jupyter.dashboard(board, every=0)


def test_what_a_dashboard_costs() -> None:
    """Round trips; docs/widgets.md names them."""
    link = CountingLink(open_transport("virtual:"))
    nobody: Any = None
    with belay.Device(link) as device:
        device("led = 3")
        link.reset()
        page = Page(Board("tank", device, nobody))
        assert link.round_trips == 2
        device.files.write("/a.py", b"x" * 4000)

        def cost(kind: str, until: str, **message: Any) -> int:
            link.reset()
            page.ask(kind, **message)
            page.until(until)
            page.until("doing", text="")
            return link.round_trips

        assert cost("open", "opened", path="/a.py") == 2
        assert cost("save", "saved", path="/a.py", text="y" * 4000, stamp="", force=True) == 2
        assert cost("refresh", "globals", what="globals") == 1
        assert cost("refresh", "files", what="files") == 1
        poller = polling.poller_of(device)
        link.reset()
        views = [belay_jupyter.view(device.proxy("[led]"), every=EVERY) for _ in range(3)]
        page.ask("hello")
        for _ in range(4):
            page.until("sample")
        page.panel.stop()
        for view in views:
            view.stop()
        end = time.monotonic() + 60
        while poller._thread is not None and time.monotonic() < end:
            threading.Event().wait(0.01)
        # One message asks for the dashboard and for all views together; making those costs more.
        assert link.round_trips <= poller.polls + 6


def test_nbconvert_shows_what_remains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Executed without a browser: a table, bars and files; no widget, and no script from a net."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    cells = [
        "%load_ext belay_jupyter\n%belay_connect virtual:",
        "%%device\nopen('/<notes>.txt', 'w').write('x')\ntitle = '<b>'",
        "%belay_dashboard --all",
        "%belay_console",
        "%unload_ext belay_jupyter",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, kernel_manager_class=_ThisPython, timeout=PATIENCE).execute()
    assert "widgets" not in notebook.metadata
    for cell in notebook.cells[2:4]:
        assert set(cell.outputs[0].data) == {"text/plain", "text/html"}
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert "&lt;notes&gt;.txt" in page
    assert "Flash: " in page
    assert "vnd.jupyter.widget" not in page
