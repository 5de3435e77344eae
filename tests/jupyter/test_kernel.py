# SPDX-License-Identifier: Apache-2.0
"""The kernel whose cells run on the board, by its protocol."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.jupyter.kernels import PATIENCE, Kernel, MicroPythonKernel, kernel_process


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file system of the board."""
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[Kernel]:
    """A kernel with a virtual board, which its first cell connects."""
    with kernel_process(
        tmp_path_factory.mktemp("kernel"),
        MicroPythonKernel,
        BELAY_DEVICE=f"virtual:?files={shared}",
    ) as started:
        started.be_patient("%%host\n")
        yield started


def shell_reply(kernel: Kernel, message_id: str) -> dict[str, Any]:
    """The content of the answer to a request on the shell channel."""
    while True:
        reply = kernel.client.get_shell_msg(timeout=PATIENCE)
        if reply["parent_header"]["msg_id"] == message_id:
            content: dict[str, Any] = reply["content"]
            return content


# ------------------------------------------------------------------------------------ cells


def test_it_starts_without_a_board_and_the_first_cell_connects_it(kernel: Kernel) -> None:
    assert kernel.good("%%host\nget_ipython().kernel.implementation").result == "'belay'"
    reply = kernel.good("print('hello')\n6 * 7")
    assert (reply.stdout, reply.result) == ("hello\n", "42")
    assert reply.stderr.startswith("Connected to MicroPython 1.")
    assert "at virtual:?files=" in reply.stderr
    reply = kernel.good("import sys\nsys.implementation.name")
    assert (reply.stderr, reply.result) == ("", "'micropython'")


def test_host_cells_and_magics_run_here(kernel: Kernel) -> None:
    assert kernel.good("%%host\nimport sys\nsys.implementation.name").result == "'cpython'"
    number = kernel.good("%%host\nimport asyncio\nawait asyncio.sleep(0, [1, 2])").number
    assert kernel.good(f"%%host\nOut[{number}]").result == "[1, 2]"
    assert kernel.good("%belay_list").status == "ok"
    assert kernel.good("# nothing but a comment").result is None
    error = kernel.run("%%host\n\n1/0").error
    assert "line 3" in error
    assert "division by zero" in error  # CPython's words


def test_magics_that_run_code_run_it_where_it_belongs(kernel: Kernel) -> None:
    body = "import sys\nprint(sys.implementation.name)"
    assert kernel.good(f"%%time\n{body}").stdout.startswith("micropython\n")
    assert kernel.good(f"%%host\n%%time\n{body}").stdout.startswith("cpython\n")
    kernel.good(f"%%capture there\n{body}")
    kernel.good(f"%%host\n%%capture here\n{body}")
    captured = kernel.good("%%host\nthere.stdout, here.stdout").result
    assert captured == "('micropython\\n', 'cpython\\n')"


def test_lines_with_magics_at_the_top_of_a_cell(kernel: Kernel) -> None:
    reply = kernel.good("%set_env BELAY_NOTE=1\n\nimport sys\nsys.platform")
    assert reply.result == "'webassembly'"
    error = kernel.run("%set_env BELAY_NOTE=1\nx = 1\n1/0").error
    assert "----> 3 1/0" in error


def test_what_a_cell_gives_is_kept_here(kernel: Kernel) -> None:
    number = kernel.good("{'a': [1, 2]}").number
    assert kernel.good("%%host\n_['a']").result == "[1, 2]"
    assert kernel.good(f"%%host\nOut[{number}]").result == "{'a': [1, 2]}"
    reply = kernel.client.execute_interactive(
        "x = 21", user_expressions={"sum": "1 + 1"}, timeout=PATIENCE, output_hook=lambda m: None
    )
    assert reply["content"]["user_expressions"]["sum"]["data"]["text/plain"] == "2"
    assert kernel.good("2 * x").result == "42"


def test_prints_arrive_one_by_one(kernel: Kernel, shared: Path) -> None:
    """The board prints the next line when the one before it has been seen here."""
    body = (
        "import os\nfor i in range(4):\n    print('tick', i, end='|')\n"
        "    while 'seen%d' % i not in os.listdir(): pass\n"
    )

    def on_output(text: str) -> None:
        for number in range(text.count("|")):
            (shared / f"seen{number}").touch()

    assert kernel.run(body, on_output).stdout == "".join(f"tick {i}|" for i in range(4))


# ------------------------------------------------------------------------------------ errors


def test_an_exception_fails_the_cell_and_points_into_it(kernel: Kernel) -> None:
    first = kernel.good("# a comment\ndef broken(x):\n    return 1 / x\n").number
    reply = kernel.run("broken(1)\nbroken(0)")
    told = reply.of("error")[-1]
    assert (told["ename"], told["evalue"]) == ("ZeroDivisionError", "divide by zero")
    assert f"Cell In[{reply.number}], line 2\n" in reply.error
    assert "----> 2 broken(0)" in reply.error
    assert f"Cell In[{first}], line 3, in broken\n" in reply.error
    assert reply.error.endswith("ZeroDivisionError: divide by zero")


def test_the_cells_behind_a_failed_one_do_not_run(kernel: Kernel, shared: Path) -> None:
    waits = "print('go')\nimport os\nwhile 'fail' not in os.listdir(): pass\n1/0"
    ids = [kernel.client.execute(code) for code in (waits, "ran = True", "%%host\nran = True")]
    while kernel.client.get_iopub_msg(timeout=PATIENCE)["content"].get("text") != "go\n":
        pass
    (shared / "fail").touch()
    replies = [shell_reply(kernel, one) for one in ids]
    assert [reply["status"] for reply in replies] == ["error", "aborted", "aborted"]
    assert (replies[0]["ename"], replies[0]["evalue"]) == ("ZeroDivisionError", "divide by zero")
    assert "NameError" in kernel.run_behind_aborted("ran").error


# ------------------------------------------------------------------------------------ interrupts


def test_an_interrupt_stops_the_board(kernel: Kernel) -> None:
    kernel.good("kept = 41")
    bodies = [
        "while True: pass",
        "import time\ntime.sleep(1000)",
        "while True: print('spam ' * 20)",
    ]
    for body in bodies:
        reply = kernel.run_and_interrupt_in_time(f"print('go')\n{body}", "go", 0.2)
        assert reply.error.endswith("KeyboardInterrupt: the board was stopped")
        assert f"Cell In[{reply.number}], line {1 + len(body.splitlines())}" in reply.error
        assert kernel.good("kept + 1").result == "42"


def test_an_interrupt_stops_what_runs_here(kernel: Kernel) -> None:
    reply = kernel.run_and_interrupt("%%host\nprint('go', flush=True)\nwhile True: pass", "go")
    assert reply.of("error")[-1]["ename"] == "KeyboardInterrupt"
    assert kernel.good("1").result == "1"


def test_an_interrupt_between_cells_does_nothing(kernel: Kernel) -> None:
    kernel.client.control_channel.send(kernel.client.session.msg("interrupt_request"))
    assert kernel.client.get_control_msg(timeout=PATIENCE)["msg_type"] == "interrupt_reply"
    assert kernel.good("1").result == "1"


# ------------------------------------------------------------------------------------ Tab


def test_tab_knows_both_sides(kernel: Kernel) -> None:
    kernel.good("import machine\nboard_name = 1")
    kernel.good("%%host\nhost_name = 1")
    assert "board_name" in matches(kernel, "board_na")
    assert "Pin" in matches(kernel, "machine.P")
    assert "host_name" not in matches(kernel, "host_na")
    assert "host_name" in matches(kernel, "%%host\nhost_na")
    assert "board_name" not in matches(kernel, "%%host\nboard_na")
    assert "%belay_connect" in matches(kernel, "%belay_conn")
    assert matches(kernel, "%%ho") == ["%%host"]
    offered = matches(kernel, "")
    assert "board_name" in offered
    assert "host_name" not in offered
    help_of = kernel.client.inspect("machine", 3)
    assert "on the board" in shell_reply(kernel, help_of)["data"]["text/plain"]


def test_tab_answers_while_a_cell_runs(kernel: Kernel, shared: Path) -> None:
    """The cell ends when Tab has been answered, and no sooner."""
    kernel.good("import machine\nboard_name = 1")
    matches(kernel, "board_na")
    client = kernel.client
    cell = client.execute("print('busy')\nimport os\nwhile 'tab' not in os.listdir(): pass\n7")
    while client.get_iopub_msg(timeout=PATIENCE)["content"].get("text") != "busy\n":
        pass
    asked = client.complete("board_na"), client.inspect("machine", 3)
    assert "board_name" in shell_reply(kernel, asked[0])["matches"]
    assert shell_reply(kernel, asked[1])["status"] == "ok"
    waits = client.complete("%%host\nimport sys; sys.exec_p")  # IPython's own: when it has ended
    (shared / "tab").touch()
    assert shell_reply(kernel, cell)["status"] == "ok"
    assert shell_reply(kernel, waits)["status"] == "ok"
    states = []
    while (asked[0], "idle") not in states or (cell, "idle") not in states:
        message = client.get_iopub_msg(timeout=PATIENCE)
        if message["msg_type"] == "status":
            states.append(
                (message["parent_header"]["msg_id"], message["content"]["execution_state"])
            )
    behind = states[states.index((asked[1], "idle")) + 1]
    assert behind == (cell, "busy"), "a front end shows the state that it heard of last"
    kernel.good("1")


def matches(kernel: Kernel, code: str) -> list[str]:
    found: list[str] = shell_reply(kernel, kernel.client.complete(code))["matches"]
    return found


def test_every_cell_has_an_answer_however_often_it_is_interrupted(kernel: Kernel) -> None:
    """Interrupts come all the time, also between two steps of the kernel's own."""
    done = threading.Event()
    sent: list[None] = []
    other = kernel.manager.client()
    other.start_channels(shell=False, iopub=False, stdin=False, hb=False)

    def interrupt() -> None:
        moments = random.Random(0)
        while not done.wait(moments.random() * 0.01):
            sent.append(other.control_channel.send(other.session.msg("interrupt_request")))

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        for code in ("x = 1\nx", "for i in range(9): print(i)", "%%host\nsum(range(9))") * 12:
            assert kernel.run(code).status in ("ok", "error")
    finally:
        done.set()
        thread.join()
    for _ in sent:
        other.get_control_msg(timeout=PATIENCE)
    other.stop_channels()
    assert kernel.good("40 + 2").result == "42"


# ------------------------------------------------------------------------------------ input


def test_input_asks_in_the_notebook(kernel: Kernel) -> None:
    prompts = []

    def answer(prompt: str) -> str:
        prompts.append(prompt)
        return ["Ada", "36"][len(prompts) - 1]

    reply = kernel.run("name = input('Name? ')\nage = input()\n(name, int(age))", on_input=answer)
    assert reply.result == "('Ada', 36)"
    assert "Name? " in "".join([reply.stdout, *prompts])


def test_without_anybody_to_ask_the_cell_fails(kernel: Kernel) -> None:
    reply = kernel.run("input('Name? ')")
    assert "runs without a user" in reply.error
    assert kernel.good("1").result == "1"


def test_an_interrupt_ends_the_question(kernel: Kernel) -> None:
    client = kernel.client
    # What comes within a moment of an error is aborted otherwise, the next cell too.
    asked = client.execute("input('Name? ')", allow_stdin=True, stop_on_error=False)
    assert client.get_stdin_msg(timeout=PATIENCE)["msg_type"] == "input_request"
    kernel.manager.interrupt_kernel()
    assert shell_reply(kernel, asked)["ename"] == "KeyboardInterrupt"
    assert kernel.good("1").result == "1"


# ------------------------------------------------------------------------------------ at last


def test_a_second_interrupt_gives_up_a_board_that_does_not_react(kernel: Kernel) -> None:
    stubborn = (
        "print('go')\nwhile True:\n    try:\n        while True: print('still here')\n"
        "    except KeyboardInterrupt: print('no')"
    )
    asked: list[str] = []

    def on_output(text: str) -> None:
        if "go" in text and not asked:
            asked.append("once")
            kernel.interrupt_by_message()
        elif "no" in text:
            asked.append("again")  # too early at first: a double click is one interrupt
            kernel.interrupt_by_message()

    reply = kernel.run(stubborn, on_output)
    assert reply.of("error")[-1]["ename"] == "KeyboardInterrupt"
    assert len(asked) > 1
    kernel.await_interrupts()
    assert kernel.good("%belay_connect\n1").result == "1"


def test_an_object_of_the_board_shows_its_view(kernel: Kernel) -> None:
    kernel.good("from machine import Pin\nled = Pin(25, Pin.OUT, value=1)")
    (result,) = kernel.good("led").of("execute_result")
    assert "machine.Pin at virtual:" in result["data"]["text/plain"]
    assert "high (1)" in result["data"]["text/html"]
