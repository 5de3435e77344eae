# SPDX-License-Identifier: Apache-2.0
"""The magics in a real kernel, on real MicroPythons: two, called one and two."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.jupyter.kernels import PATIENCE, Kernel, Reply, kernel_process


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with kernel_process(tmp_path_factory.mktemp("kernel")) as started:
        started.good("%load_ext belay_jupyter\n%belay_connect virtual: --name one")
        started.good("%belay_connect virtual: --name two\n%belay_auto off")
        yield started


class Log:
    """Runs cells, and keeps what appears below each, also when it is another one that runs."""

    def __init__(self, kernel: Kernel) -> None:
        self.client = kernel.client
        self.shown: dict[str, str] = {}

    def run(self, code: str, meanwhile: Callable[[str], None] = lambda text: None) -> str:
        """Run a cell to its end.

        Args:
            code: the cell.
            meanwhile: called with what has appeared below it, each time when there is more.

        Returns:
            The id of its message.
        """
        message_id: str = self.client.execute(code, allow_stdin=False, stop_on_error=False)
        while self.next(message_id):
            meanwhile(self.shown.get(message_id, ""))
        reply: dict[str, Any] = {}
        while reply.get("parent_header", {}).get("msg_id") != message_id:
            reply = self.client.get_shell_msg(timeout=PATIENCE)
        return message_id

    def next(self, message_id: str = "") -> bool:
        """Take one message; returns whether this cell still runs."""
        message = self.client.get_iopub_msg(timeout=PATIENCE)
        content, parent = message["content"], message["parent_header"].get("msg_id", "")
        if message["msg_type"] == "status":
            return parent != message_id or content["execution_state"] != "idle"
        text = content.get("text") or content.get("data", {}).get("text/plain", "")
        text += "\n".join(content.get("traceback", ""))
        self.shown[parent] = self.shown.get(parent, "") + re.sub(r"\x1b\[[0-9;]*m", "", text)
        return True

    def wait(self, message_id: str, until: str) -> str:
        """What appears below a cell, once a text is among it."""
        while until not in self.shown.get(message_id, ""):
            self.next()
        return self.shown[message_id]


# ------------------------------------------------------------------------------------ values


def test_a_line_on_the_board(kernel: Kernel) -> None:
    assert kernel.good("%device 6 * 7").result == "42"
    assert kernel.good("x = %device -t one [1, 2]\nx[1]").result == "2"
    assert kernel.good("%device {'a': '$x {x}'}").result == "{'a': '$x {x}'}"
    reply = kernel.run("\n\nx = %device 1/0")
    assert f"Cell In[{reply.number}], line 3\n" in reply.error
    assert "----> 3 x = %device 1/0\n" in reply.error


def test_variables_there_and_back(kernel: Kernel) -> None:
    kernel.good("import array\na, b = 3, array.array('h', [1, -2])")
    reply = kernel.good(
        "%%device -i a,c=max(b) -i b -o total,pin\n"
        "from machine import Pin\ntotal, pin = a + c + len(b), Pin(1)\ntotal"
    )
    assert reply.result == "6"
    assert kernel.good("total, type(pin).__name__").result == "(6, 'ProxyObject')"
    assert kernel.good("%%device -i other=pin\nother is pin").result == "True"
    cell = (
        "def double(n):\n    return get_ipython().run_line_magic('device', '-i n n * 2')\ndouble(4)"
    )
    assert kernel.good(cell).result == "8"


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%%device -i nowhere\n1", "TransferError: -i nowhere: NameError: name 'nowhere' is not"),
        ("%%device -i 'a b'\n1", "TransferError: -i a b: give names"),
        ("%%device -i a=[object()]\n1", "UnsupportedValueError: -i a[0]: a value of type"),
        ("%%device -o nowhere\n1", "NameError: -o nowhere: the board has no such variable"),
        ("%%device -t nobody\n1", "NotConnectedError: no board is called 'nobody' (those that"),
        ('%belay_connect {"vid":11914,"pid":0}', "DeviceNotFoundError: No USB serial device fits"),
        ("%belay_connect virtual: --name all", "a board cannot be called 'all'"),
    ],
)
def test_wrong_names(kernel: Kernel, cell: str, message: str) -> None:
    error = kernel.run(cell).error
    assert message in error
    assert "magics.py" not in error


def test_what_cannot_travel_is_a_proxy(kernel: Kernel) -> None:
    kernel.good("%%device\ndef made():\n    print('called')\n    return 5")
    reply = kernel.good("%%device\nmade")
    assert re.fullmatch(r"<ProxyObject function at virtual:, handle \d+>", reply.result or "")
    assert reply.stdout == ""
    assert kernel.good("_()").result == "5"
    assert "ProxyObject list" in (kernel.good("%%device --proxy\n[1, 2]").result or "")
    assert kernel.good("len(_)").result == "2"
    assert kernel.good("%%device --proxy\n3").result == "3"
    cell = "%%device\nloop = [1]\nloop.append(loop)\nloop"
    assert "ProxyObject list" in (kernel.good(cell).result or "")
    asked = (
        "device = __import__('belay_jupyter').get_device()\ncount = []\n"
        "device._session.on_answer = lambda *a: count.append(a)"
    )
    kernel.good(asked)
    kernel.good("%config BelayMagics.views = False")  # a line of text costs no message
    kernel.good("%%device -o keep\nkeep = object()\nkeep")
    kernel.good("keep")
    assert kernel.good("len(count)").result == "1"
    kernel.good("%config BelayMagics.views = True")


def test_the_comment_form(kernel: Kernel) -> None:
    reply = kernel.run("\n# %%device -t two\nx = 1\n1/0")
    assert f"Cell In[{reply.number}], line 4\n" in reply.error
    assert kernel.good("%%host\n1 + 1").result == "2"
    assert kernel.good("%%capture text\n# %%device\nprint(1)").stdout == ""
    assert kernel.good("text.stdout").result == "'1\\n'"


# ------------------------------------------------------------------------------------ all cells


def test_every_cell_on_the_board(kernel: Kernel) -> None:
    kernel.good("%belay_auto on -t one")
    try:
        assert kernel.good("import sys\nsys.implementation.name").result == "'micropython'"
        assert kernel.good("%%host\nimport sys\nsys.implementation.name").result == "'cpython'"
        reply = kernel.good("%belay_auto\nnumber = 3\nnumber")
        assert (reply.result, reply.stderr) == ("3", "Cells that do not say where run on one.\n")
        reply = kernel.run("%belay_auto\n\nnumber = 4\n1/0")
        assert f"Cell In[{reply.number}], line 4\n" in reply.error
        assert "----> 4 1/0" in reply.error
        reply = kernel.run("# a comment\n1/0")
        assert f"Cell In[{reply.number}], line 2\n" in reply.error
        assert kernel.good("number;").result is None
    finally:
        kernel.good("%belay_auto off")
    assert kernel.good("%device -t one number").result == "4"
    assert "NameError" in kernel.run("number").error


# ------------------------------------------------------------------------------------ all boards


def test_all_boards_at_once(kernel: Kernel) -> None:
    reply = kernel.good(
        "%%device -t one,two -o half\nhalf = 0.5\nfor i in range(2):\n    print('line', i)\n"
        "print('end', end='')\nhalf"
    )
    assert reply.stdout == (
        "[one] line 0\n[one] line 1\n[one] end\n[two] line 0\n[two] line 1\n[two] end\n"
    )
    assert reply.result == "{'one': 0.5, 'two': 0.5}"
    assert kernel.good("half").result == reply.result
    assert kernel.good("%%device -t all\nx = 1").result is None
    for targets in ("-t one -t two", "-t 'one, two'", "-t all -t one", "-t one,one,two,"):
        reply = kernel.good(f"%%device {targets}\nx = x + 1\nx")
        assert list(eval(reply.result or "")) == ["one", "two"], targets
    assert kernel.good("x = %device -t one,one x\nx").result == "5"  # each board once
    kernel.good("%device -t one value = 0")
    kernel.good("%device -t two value = 4")
    reply = kernel.run("%%device -t all\n2 / value")
    assert re.search(
        rf"On one:\n-+\nZeroDivisionError +Traceback.*\nCell In\[{reply.number}\], line 2\n",
        reply.error,
    )
    assert "On two" not in reply.error
    assert reply.error.endswith("BoardErrors: the cell failed on 1 of 2 boards")
    cell = (
        "from belay_jupyter.parallel import BoardErrors\ntry:\n"
        "    get_ipython().run_cell_magic('device', '-t all', '2 / value')\n"
        "except BoardErrors as error:\n    print(error.exceptions[0].type, error.results)"
    )
    assert kernel.good(cell).stdout == "ZeroDivisionError {'two': 0.5}\n"


def test_all_boards_are_stopped_together(kernel: Kernel) -> None:
    stopped = False

    def stop(text: str) -> None:
        nonlocal stopped
        if not stopped and text.count("go") == 2:
            stopped = True
            kernel.manager.interrupt_kernel()

    reply = kernel.run("%%device -t all\nprint('go')\nwhile True: pass", stop)
    assert "On one:" in reply.error
    assert "On two:" in reply.error
    assert reply.of("error")[-1]["ename"] == "KeyboardInterrupt"
    assert kernel.good("%%device -t all\n1").result == "{'one': 1, 'two': 1}"


# ------------------------------------------------------------------------------------ background


def test_a_cell_in_the_background(kernel: Kernel, tmp_path: Path) -> None:
    """It ends when the other cell waits for it, and no sooner."""
    kernel.good(f"%belay_connect virtual:?files={tmp_path} --name slow")
    log = Log(kernel)
    first = log.run(
        "%%device --bg -t slow -o told\nimport os\nprint('begun')\n"
        "while 'waited for' not in os.listdir(): pass\ntold = 5\nprint('ended')\n[told]"
    )
    number = re.search(r"<Cell In\[(\d+)\] runs on slow", log.shown[first])
    assert number is not None
    assert log.shown[log.run("%device -t one 1 + 1")] == "2"  # the notebook goes on

    def end_it(text: str) -> None:
        if "Waiting" in text:
            (tmp_path / "waited for").touch()

    waiting = log.shown[log.run("%device -t slow told", end_it)]
    assert re.fullmatch(r"Waiting: Cell In\[\d+\] still runs on slow .*\n5", waiting)
    shown = log.wait(first, "[5]")
    assert re.sub("<.*>", "", shown) == "begun\nended\n[5]"
    assert kernel.good(f"Out[{number[1]}].result(), told").result == "([5], 5)"
    kernel.good("%belay_disconnect slow")


def test_a_cell_in_the_background_that_fails(kernel: Kernel) -> None:
    log = Log(kernel)
    failing = log.run("%%device --bg\n1/0")
    shown = log.wait(failing, "divide by zero")
    assert re.search(r"Cell In\[\d+\], line 2\n", shown)
    assert "nobody can be asked" in log.wait(log.run("%%device --bg\ninput('?')"), "at once")


def test_waiting_for_the_background_can_be_stopped(kernel: Kernel) -> None:
    kernel.good("%%device --bg\nwhile True: pass")
    kernel.good("job = _")
    log = Log(kernel)
    stopped = []

    def stop(text: str) -> None:
        if "Waiting" in text and not stopped:
            stopped.append(True)
            kernel.manager.interrupt_kernel()

    waiting = log.shown[log.run("%device 1", stop)]
    assert re.search(r"KeyboardInterrupt\nCell In\[\d+\] goes on in the background", waiting)
    assert "runs on it" in kernel.good("%belay_list").stdout
    assert kernel.good("job.done").result == "False"
    kernel.good("%%device --bg\nnever = 1")
    assert kernel.good("_.stop(), job.done").result == "(True, False)"  # it had not begun
    assert kernel.good("job.stop()").result == "True"
    assert "NameError" in kernel.run("%device never").error
    assert "KeyboardInterrupt" in kernel.run("job.result()").error
    assert re.search(r"<Cell In\[\d+\] failed \(Keyb", kernel.good("job").result or "")


# ------------------------------------------------------------------------------------ interrupts


def test_an_interrupt_takes_less_than_a_fifth_of_a_second(kernel: Kernel) -> None:
    for body in (
        "while True: pass",
        "import time\ntime.sleep(1000)",
        "while True: print('spam ' * 9)",
    ):
        kernel.run_and_interrupt_in_time(f"%%device\nprint('go')\n{body}", "go", 0.2)


# ------------------------------------------------------------------------------------ input


def ask(kernel: Kernel, code: str, on_prompt: Any) -> Reply:
    reply = Reply()
    answer = kernel.client.execute_interactive(
        code,
        stop_on_error=False,  # or the next cell may be aborted: see Kernel.run
        allow_stdin=True,
        timeout=PATIENCE,
        output_hook=reply.messages.append,
        stdin_hook=on_prompt,
    )
    reply.status = answer["content"]["status"]
    reply.number = answer["content"]["execution_count"]
    return reply


def test_input_asks_in_the_notebook(kernel: Kernel) -> None:
    cell = "%%device\nimport sys\nname = input('name? ')\nline = sys.stdin.readline()\n(name, line)"
    lines = iter(["J\u00fcrgen", "second"])
    reply = ask(kernel, cell, lambda message: kernel.client.input(next(lines)))
    assert reply.stdout == "name? "
    assert reply.result == "('J\u00fcrgen', 'second\\n')"

    reply = ask(kernel, "%%device\ninput('?')", lambda m: kernel.manager.interrupt_kernel())
    assert "KeyboardInterrupt: the board was stopped" in reply.error
    assert f"Cell In[{reply.number}], line 2\n" in reply.error

    reply = kernel.run("%%device\ninput('?')")  # nobody is there, as under nbconvert
    assert reply.error.startswith("NoInputError: the program asked for input(), and this notebook")
    assert kernel.good("%device 1").result == "1"


# ------------------------------------------------------------------------------------ questions


def test_what_the_magics_tell(kernel: Kernel) -> None:
    kernel.good("%%device -t two\nimport machine\ntext = 'abc'\nitems = [1, 2]\n_hidden = 1")
    rows = [row.split() for row in kernel.good("%belay_who -t two").stdout.splitlines()]
    assert ["text", "str", "3", "chars", "'abc'"] in rows
    assert ["items", "list", "2", "items"] in rows
    assert ["machine", "module", "machine"] in rows
    assert not any("_hidden" in row for row in rows)

    told = kernel.good("%belay_info -t two").stdout
    assert re.search(r"^heap +[\d,]+ B free, [\d,]+ B used$", told, re.MULTILINE)
    assert "To connect it again: %belay_connect --name two virtual:" in told

    rows = [row.split()[:2] for row in kernel.good("%belay_list").stdout.splitlines()]
    assert ["one", "MicroPython"] in rows
    assert ["*", "two"] in rows

    reply = kernel.good(
        "%%belay_time -t two\nimport time\ntime.sleep_ms(30)\nkept = bytearray(4096)\n7"
    )
    assert reply.result == "7"
    match = re.search(r"^([\d.]+) ms on the board; .* \(([\d,]+) B less\)", reply.stderr)
    assert match is not None, reply.stderr
    assert 30 <= float(match[1]) < 1000
    assert 4096 <= int(match[2].replace(",", "")) < 8192
    assert kernel.good("%belay_time -t one 2 ** 3").result == "8"

    told = kernel.good("%config BelayMagics").stdout
    assert "BelayMagics.timeout=<Float>" in told
    kernel.good("%config BelayMagics.timeout = 0.2")
    assert "CallTimeoutError" in kernel.run("%%device\nwhile True: pass").error
    kernel.good("%config BelayMagics.timeout = None")
    kernel.good("%config BelayMagics.attempts = 2\n%config BelayMagics.address = 'virtual:'")
    kernel.good("%belay_connect --name four")
    assert kernel.good("__import__('belay_jupyter').get_device().attempts").result == "2"
    kernel.good("%belay_disconnect four")


def test_resets(kernel: Kernel) -> None:
    kernel.good("%device -t two left = 1")
    kernel.good("%%device --bg -t two\nwhile True: pass")
    assert kernel.good("%belay_reset -t two").stderr == "Reset two (virtual:)\n"
    assert "NameError" in kernel.run("%device -t two left").error

    stubborn = (
        "%%device -t two\nwhile True:\n    try:\n        print('go')\n        while True: pass\n"
        "    except KeyboardInterrupt: pass"
    )
    asked: list[float] = []

    def stop(text: str) -> None:
        if text.count("go") > len(asked) and len(asked) < 2:
            asked.append(time.monotonic())
            kernel.manager.interrupt_kernel()

    reply = kernel.run(stubborn, stop)
    assert len(asked) == 2
    assert "KeyboardInterrupt" in reply.error
    assert "The board ignores interrupts." in reply.error
    assert "%belay_reset --hard -t two" in reply.error
    assert kernel.good("%belay_reset --hard -t two").stderr == "Reset two (virtual:)\n"
    assert kernel.good("%device -t two 5").result == "5"


def test_disconnecting_by_name(kernel: Kernel) -> None:
    kernel.good("where = 'virtual:'\n%belay_connect $where --name three --attempts 1")
    assert kernel.good("__import__('belay_jupyter').get_device('three').attempts").result == "1"
    kernel.good("%%device --bg\nwhile True: pass")
    assert kernel.good("%belay_disconnect three").stderr == "Closed virtual:\n"
    assert "there are: one, two" in kernel.good("%belay_disconnect three").stderr
    assert kernel.good("%device 1").result == "1"  # on the one that was connected before it
