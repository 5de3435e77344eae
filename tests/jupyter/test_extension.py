# SPDX-License-Identifier: Apache-2.0
"""The extension in a real kernel, on a real MicroPython."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from tests.jupyter.kernels import Kernel, kernel_process

# ------------------------------------------------------------------------------------ results


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ("3 + 4", "7"),
        ("x = 5\nx", "5"),
        ("'text'", "'text'"),
        ("[1.5, (2, b'x'), {3: None}]", "[1.5, (2, b'x'), {3: None}]"),
        ("2 ** 100", str(2**100)),
        ("(1,\n 2)", "(1, 2)"),
        ("1 ; 2", "2"),
        ("3;", None),
        ("3 ;  # quiet", None),
        ("x = 3", None),
        ("None", None),
        ("# only a comment", None),
        ("'''{x} $x'''", "'{x} $x'"),  # IPython expands nothing
    ],
)
def test_the_last_expression_is_the_result(kernel: Kernel, body: str, result: str | None) -> None:
    assert kernel.good(f"%%device\n{body}").result == result


def test_the_result_is_an_ordinary_value_here(kernel: Kernel) -> None:
    number = kernel.good("%%device\n{'a': [1, 2]}").number
    assert kernel.good("_['a'][1] + 1").result == "3"
    assert kernel.good(f"Out[{number}]['a']").result == "[1, 2]"


def test_no_result_is_sent_when_none_is_wanted(kernel: Kernel) -> None:
    assert kernel.good("%%device --no-result\nobject()").result is None
    assert kernel.good("%%device --no-result\n3").stderr == ""


def test_a_result_that_cannot_travel_is_a_proxy(kernel: Kernel) -> None:
    reply = kernel.good("%%device\nfrom machine import Pin\nled = Pin(25, Pin.OUT)\nled")
    assert "machine.Pin at virtual:" in (reply.result or "")
    assert kernel.good("_.on()").result is None  # a proxy: it does there what is done with it here
    assert kernel.good("%%device\nled.value()").result == "1"


def test_the_board_remembers(kernel: Kernel) -> None:
    kernel.good("%%device\ndef twice(x):\n    return 2 * x")
    assert kernel.good("%%device\ntwice(21)").result == "42"


# ------------------------------------------------------------------------------------ output


def test_output_arrives_while_the_cell_runs(kernel: Kernel) -> None:
    """The cell never ends by itself: were its output kept back, this would wait for ever."""
    body = "import time\nfor i in range(3):\n    print('tick', i)\nprint('half a line', end='')\n"
    reply = kernel.run_and_interrupt(f"%%device\n{body}while True: time.sleep(1)", "half a line")
    assert reply.stdout == "tick 0\ntick 1\ntick 2\nhalf a line"
    assert reply.status == "error"


def test_output_is_passed_on_as_it_is(kernel: Kernel) -> None:
    reply = kernel.good(
        "%%device\nprint('10 %\\r20 %\\r', end='')\nprint('\u00e9\U0001f600\\0\\x04>')"
    )
    assert reply.stdout == "10 %\r20 %\r\u00e9\U0001f600\0\x04>\n"
    assert reply.stderr == ""


def test_the_boards_stderr_comes_with_its_stdout(kernel: Kernel) -> None:
    body = "import sys\nprint('one')\nsys.stderr.write('two\\n');\nprint('three')"
    reply = kernel.good(f"%%device\n{body}")
    assert (reply.stdout, reply.stderr) == ("one\ntwo\nthree\n", "")


def test_capture_and_redirection_catch_the_output(kernel: Kernel) -> None:
    reply = kernel.good("%%capture caught\n%%device\nprint('caught')\n7")
    assert (reply.stdout, reply.result) == ("", None)
    assert kernel.good("caught.stdout, [o.data['text/plain'] for o in caught.outputs]").result == (
        "('caught\\n', ['7'])"
    )
    redirected = (
        "import contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()) as text:\n"
        "    value = get_ipython().run_cell_magic('device', '', 'print(\"inside\")\\n8')\n"
        "text.getvalue(), value"
    )
    reply = kernel.good(redirected)
    assert (reply.stdout, reply.result) == ("", "('inside\\n', 8)")


# An Output widget and its block, as ipywidgets makes them.
OUTPUT_WIDGET = """
import sys
from comm import create_comm
box = create_comm(target_name="jupyter.widget", data={"state": {"_model_name": "OutputModel"}})
def update(msg_id):
    sys.stdout.flush()
    sys.stderr.flush()
    box.send({"method": "update", "state": {"msg_id": msg_id}})
update(get_ipython().kernel.get_parent("shell")["header"]["msg_id"])
get_ipython().run_cell_magic("device", "", "print('inside')")
get_ipython().run_line_magic("belay_reset", "")
update("")
print("outside")
"""


def test_an_output_widget_catches_it(kernel: Kernel) -> None:
    """It takes what comes between its two messages and belongs to the cell that it names."""
    taken: dict[str, list[str]] = {}
    box = msg_id = ""
    for message in kernel.good(OUTPUT_WIDGET).messages:
        content = message["content"]
        if message["msg_type"] == "comm_open":  # the only one: a view is opened by showing it
            box = content["comm_id"]
        elif message["msg_type"] == "comm_msg" and content["comm_id"] == box:  # not of a view
            msg_id = content["data"]["state"]["msg_id"]
        elif message["msg_type"] == "stream":
            by = "widget" if message["parent_header"]["msg_id"] == msg_id else "cell"
            taken.setdefault(by, []).append(content["text"])
    assert taken == {"widget": ["inside\n", "Reset board (virtual:)\n"], "cell": ["outside\n"]}


# ------------------------------------------------------------------------------------ errors


def test_an_exception_points_into_its_cells(kernel: Kernel) -> None:
    first = kernel.good("\n%%device\n# a comment\ndef broken(x):\n    return 1 / x\n").number
    reply = kernel.run("%%device\nfor i in (1, 0):\n    broken(i)\n\nprint('never')")
    lines = reply.error.split("\n")
    assert lines[1].split() == [
        "ZeroDivisionError",
        *["Traceback", "(most", "recent", "call", "last)"],
    ]
    assert lines[2:] == [
        f"Cell In[{reply.number}], line 3",
        "      1 %%device",
        "      2 for i in (1, 0):",
        "----> 3     broken(i)",
        "      4",
        "      5 print('never')",
        "",
        f"Cell In[{first}], line 5, in broken",
        "      3 # a comment",
        "      4 def broken(x):",
        "----> 5     return 1 / x",
        "",
        "ZeroDivisionError: divide by zero",
    ]


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("%%device\n1/0", 2),
        ("\n\n%%device\n1/0", 4),
        ("%%time\n%%device\n\n1/0", 4),
        ("%%device --timeout 20\nx = (1 +\n     2)\n'''\n'''\n1/0", 6),
    ],
)
def test_lines_count_from_the_top_of_the_cell(kernel: Kernel, cell: str, line: int) -> None:
    reply = kernel.run(cell)
    # Not reply.error: %%time of IPython 8 shows the error, and ends well.
    assert f"Cell In[{reply.number}], line {line}\n" in reply.traceback
    assert f"----> {line} 1/0" in reply.traceback


def test_inside_another_cell_magic_too(kernel: Kernel) -> None:
    # %%capture itself ends well; what its body raised is shown all the same.
    reply = kernel.good("%%capture caught\n%%device\n1/0")
    assert f"Cell In[{reply.number}], line 3\n" in reply.traceback


def test_a_syntax_error_points_at_its_line(kernel: Kernel) -> None:
    reply = kernel.run("%%device\nx = 1\ny = = 2\n")
    assert f"Cell In[{reply.number}], line 3\n" in reply.error
    assert "----> 3 y = = 2" in reply.error
    assert reply.error.endswith("SyntaxError: invalid syntax")


def test_the_cells_behind_a_failed_one_do_not_run(kernel: Kernel) -> None:
    client = kernel.client
    # Only what waits already is aborted, so the first one fails when it is told to.
    cells = (
        "%%device\nprint('go')\ntry:\n    while True: pass\nexcept KeyboardInterrupt:\n    1/0",
        "%%device\nprint('ran')",
    )
    ids = [client.execute(code) for code in cells]
    while client.get_iopub_msg(timeout=60)["content"].get("text") != "go\n":
        pass
    kernel.manager.interrupt_kernel()
    statuses = {}
    while len(statuses) < 2:
        reply = client.get_shell_msg(timeout=60)
        statuses[reply["parent_header"]["msg_id"]] = reply["content"]["status"]
    assert [statuses[i] for i in ids] == ["error", "aborted"]
    assert kernel.run_behind_aborted("%%device\n'the next'").result == "'the next'"


def test_a_file_on_the_board_is_named_as_such(kernel: Kernel) -> None:
    body = (
        "with open('/broken.py', 'w') as f:\n    f.write('def f():\\n    raise OSError(5)\\n')\n"
        "import broken\nbroken.f()"
    )
    error = kernel.run(f"%%device\n{body}").error
    assert "File broken.py on the board, line 2, in f" in error
    assert error.rstrip().endswith("OSError: [Errno 5] EIO") or "OSError: 5" in error


def test_a_task_in_a_file_shows_the_file(kernel: Kernel, tmp_path: Path) -> None:
    (tmp_path / "drivers.py").write_text(
        "import belay_jupyter\n\n\n@belay_jupyter.get_device().task\n"
        "def fail(callback):\n    # why\n    raise ValueError('bad', 7)\n"
    )
    kernel.good(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import drivers")
    reply = kernel.run("%%device\nfail(0)")
    assert f"Cell In[{reply.number}], line 2\n" in reply.error
    assert f"File {tmp_path / 'drivers.py'}:7, in fail\n" in reply.error
    assert "----> 7     raise ValueError('bad', 7)" in reply.error

    reply = kernel.run("def caller():\n    drivers.fail(1)\n\ncaller()")
    host, _, board = reply.error.partition("On the board:")
    assert f"Cell In[{reply.number}], line 4\n" in host
    assert f"Cell In[{reply.number}], line 2, in caller\n" in host
    assert "belay" not in host  # our own code is nobody's business
    assert f"File {tmp_path / 'drivers.py'}:7, in fail\n" in board
    assert board.endswith("ValueError: ('bad', 7)")


def test_a_task_in_a_cell_shows_the_cell(kernel: Kernel) -> None:
    number = kernel.good(
        "import belay_jupyter\n@belay_jupyter.get_device().task\ndef half(x):\n    return 1 / x"
    ).number
    assert kernel.good("half(2)").result == "0.5"
    board = kernel.run("half(0)").error.partition("On the board:")[2]
    assert f"Cell In[{number}], line 4, in half\n" in board
    assert "----> 4     return 1 / x" in board


def test_what_was_being_handled_is_shown_too(kernel: Kernel) -> None:
    kernel.good("import belay_jupyter\nboard = belay_jupyter.get_device()")
    error = kernel.run("try:\n    {}['a']\nexcept KeyError:\n    board('1/0')").error
    assert error.index("KeyError: 'a'") < error.index("During handling of the above")
    assert error.endswith("ZeroDivisionError: divide by zero")


def test_programs_can_catch_it(kernel: Kernel) -> None:
    code = (
        "import belay\ntry:\n    get_ipython().run_cell_magic('device', '', '1/0')\n"
        "except belay.PyboardException as error:\n    print(error.type)"
    )
    assert kernel.good(code).stdout == "ZeroDivisionError\n"


def test_a_timeout_stops_the_board_and_says_where(kernel: Kernel) -> None:
    reply = kernel.run("%%device --timeout 0.2\ndef spin():\n    while True: pass\nspin()")
    assert f"Cell In[{reply.number}], line 4\n" in reply.error
    assert f"Cell In[{reply.number}], line 3, in spin\n" in reply.error
    assert "CallTimeoutError: " in reply.error
    assert kernel.good("%%device\n1").result == "1"


# ------------------------------------------------------------------------------------ interrupts


@pytest.mark.parametrize(
    "body",
    ["while True: pass", "import time\ntime.sleep(1000)", "while True: print('spam ' * 20)"],
    ids=["busy", "asleep", "printing"],
)
def test_an_interrupt_stops_the_board(kernel: Kernel, body: str) -> None:
    kernel.good("%%device\nkept = 41")
    reply = kernel.run_and_interrupt(f"%%device\nprint('go')\n{body}", "go")
    lines = 2 + len(body.split("\n"))
    assert reply.status == "error"
    assert reply.of("error")[-1]["ename"] == "KeyboardInterrupt"
    assert reply.error.endswith("KeyboardInterrupt: the board was stopped")
    assert f"Cell In[{reply.number}], line {lines}" in reply.error
    assert kernel.good("%%device\nkept + 1").result == "42"


# ------------------------------------------------------------------------------------ the magics


def test_help(kernel: Kernel) -> None:
    payload = kernel.client.execute_interactive(
        "%%device?", output_hook=lambda message: None, timeout=60
    )["content"]["payload"]
    text = payload[0]["data"]["text/plain"]
    assert "--timeout SECONDS" in text
    assert "--no-result" in text
    assert "Out[n]" in text


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%%device", "body is empty"),
        ("%%device\n   \n", "the cell is empty"),
        ("%%device --nonsense\n1", "unrecognized arguments: --nonsense (%device? shows the op"),
        ("%%host -t board\n1", "%%host: nothing may stand behind it, so not '-t board'"),
        ("%belay_connect --help", "unrecognized arguments: --help (%belay_connect? shows the op"),
        ("%%device --timeout soon\n1", "argument --timeout: invalid float value"),
    ],
)
def test_wrong_use(kernel: Kernel, cell: str, message: str) -> None:
    reply = kernel.run(cell)
    assert reply.status == "error"
    assert message in reply.stderr
    assert len(reply.stderr.strip().split("\n")) == 1


def test_loading_is_cheap_and_says_what_to_type(bare_kernel: Kernel) -> None:
    loaded = (
        "import sys\nbefore = set(sys.modules)\n%load_ext belay_jupyter\n"
        "new = set(sys.modules) - before\n"
        "sorted(m for m in new if not m.startswith(('belay', 'belay_jupyter')))"
    )
    reply = bare_kernel.good(loaded)
    heavy = (
        "serial",
        "wasmtime",
        "cyclopts",
        "nbclient",
        "rich",
        "requests",
        "ipywidgets",
        "anywidget",
    )
    assert not any(name in (reply.result or "") for name in heavy)
    # 19 small modules take 50 ms here; a time would be that of whatever else this machine does.
    assert int(bare_kernel.good("len(new)").result or 999) <= 30
    assert bare_kernel.good("'belay.device' in new, 'belay.session' in new").result == (
        "(False, False)"
    )
    bare_kernel.good("%load_ext belay_jupyter")

    reply = bare_kernel.run("%%device\n1")
    assert reply.error == (
        "NotConnectedError: no board is connected; type for example: %belay_connect virtual:"
    )
    reply = bare_kernel.run("%belay_connect")
    assert "%belay_connect /dev/ttyACM0" in reply.error
    assert "Traceback" not in reply.error
    assert "No board was connected" in bare_kernel.good("%belay_disconnect").stderr

    bare_kernel.good("import os\nos.environ['BELAY_DEVICE'] = 'virtual:'")
    reply = bare_kernel.good("%belay_connect")
    assert reply.stderr.startswith("Connected to MicroPython 1.")
    assert reply.stderr.endswith(" at virtual:\n")
    assert bare_kernel.good("%%device\n1").result == "1"
    assert bare_kernel.good("%belay_disconnect").stderr == "Closed virtual:\n"
    assert "no board is connected" in bare_kernel.run("%%device\n1").error


def test_unloading_undoes_everything(bare_kernel: Kernel) -> None:
    state = (
        "%load_ext storemagic\n"  # IPython loads some of its own magics at the first use
        "from belay import PyboardException\nip = get_ipython()\n"
        "def state():\n"
        "    magics = ip.magics_manager\n"
        "    return (sorted(magics.magics['line']), sorted(magics.magics['cell']),\n"
        "            sorted(magics.registry), list(ip.configurables),\n"
        "            {k: list(v) for k, v in ip.events.callbacks.items()},\n"
        "            list(ip.input_transformers_cleanup), list(ip.Completer.custom_matchers),\n"
        "            [k for o in (ip, ip.kernel) for k, v in vars(o).items() if callable(v)],\n"
        "            sorted(vars(PyboardException)))\n"
        "before = state()"
    )
    bare_kernel.good(state)
    for _ in range(2):
        bare_kernel.good("%load_ext belay_jupyter\n%belay_connect virtual:")
        assert bare_kernel.good("before == state()").result == "False"
        bare_kernel.good("device = __import__('belay_jupyter').get_device()")
        bare_kernel.good("%%device --bg\nwhile True: pass")
        bare_kernel.good("%unload_ext belay_jupyter")
        assert bare_kernel.good("before == state(), device.closed").result == "(True, True)"
        assert "Cell magic `%%device` not found" in bare_kernel.run("%%device\n1").stderr


def test_connecting_again(bare_kernel: Kernel) -> None:
    bare_kernel.good("%load_ext belay_jupyter\n%belay_connect virtual:shared")
    bare_kernel.good("%%device\nkept = 1")
    bare_kernel.good("%belay_connect virtual:shared")  # it would be busy, were it still open
    assert bare_kernel.good("%%device\nkept").result == "1"
    bare_kernel.good("%belay_connect --reset virtual:shared")
    assert "NameError" in bare_kernel.run("%%device\nkept").error

    reply = bare_kernel.run("%belay_connect /dev/nosuchport")
    assert reply.error.startswith("PortNotFoundError: ")
    assert "Traceback" not in reply.error
    assert "no board is connected" in bare_kernel.run("%%device\n1").error

    program = f"{sys.executable} -m belay.virtual --stdio"
    for address in (
        f"--no-reset exec:{program}",
        f"--no-reset 'exec:{program}'",
        f'"exec:{program}" ',
        f'exec:sh -c "exec {program}"',
        '"virtual:shared"',
        "'virtual:shared' --name 'board'",
    ):
        told = bare_kernel.good(f"%belay_connect {address}").stderr
        assert told.startswith("Connected to MicroPython"), address
        assert bare_kernel.good("%%device\n1").result == "1"
    assert bare_kernel.good("%belay_disconnect 'board'").stderr == "Closed virtual:shared\n"


def test_a_dead_link_and_the_end_of_the_kernel(tmp_path: Path) -> None:
    with kernel_process(tmp_path) as kernel:
        kernel.good("%load_ext belay_jupyter\n%belay_connect virtual:")
        kernel.good("import psutil\n[board] = psutil.Process().children()\nboard.kill()")
        reply = kernel.run("%%device\n1")
        assert reply.error.startswith("ConnectionLost: ")
        assert reply.error.endswith("To connect it again: %belay_connect virtual:")
        reply = kernel.run("%%device\n1")
        assert "virtual: is not connected any more (the link ended)" in reply.error
        kernel.good("%belay_connect virtual:")
        assert kernel.good("%%device\n1").result == "1"

        pids = kernel.good("[p.pid for p in psutil.Process().children()]").result or ""
        boards = [psutil.Process(int(pid)) for pid in pids.strip("[]").split(",")]
        assert boards
    _, alive = psutil.wait_procs(boards, timeout=30)
    assert not alive
