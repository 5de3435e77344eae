# SPDX-License-Identifier: Apache-2.0
"""Tab and Shift-Tab in a real IPython kernel."""

from __future__ import annotations

from typing import Any

import pytest

from tests.jupyter.kernels import PATIENCE, Kernel


def tab(kernel: Kernel, code: str) -> dict[str, str]:
    """What is offered where ``|`` stands, with types: the texts as they complete the word."""
    cursor = code.index("|")
    code = code.replace("|", "")
    reply = kernel.client.complete(code, cursor, reply=True, timeout=PATIENCE)["content"]
    assert reply["status"] == "ok"
    found = reply["metadata"]["_jupyter_types_experimental"]
    assert [one["text"] for one in found] == reply["matches"]
    before = code[reply["cursor_start"] : cursor]
    assert all(one["text"].lstrip("%").startswith(before.lstrip("%")) for one in found)
    return {one["text"]: one["type"] for one in found}


def shift_tab(kernel: Kernel, code: str) -> str | None:
    cursor = code.index("|")
    code = code.replace("|", "")
    reply: Any = kernel.client.inspect(code, cursor, reply=True, timeout=PATIENCE)["content"]
    assert reply["status"] == "ok"
    assert reply["found"] == bool(reply["data"])
    return reply["data"].get("text/plain")


@pytest.fixture(scope="module")
def ready(kernel: Kernel) -> Kernel:
    kernel.be_patient()
    kernel.good("%belay_connect virtual: --name other")
    kernel.good("%%device\nonly_there = 1")
    kernel.good("%belay_connect virtual:")
    kernel.good("lemon = 'of the host'\nimport json, belay_jupyter")
    kernel.good(
        "%%device\nfrom machine import Pin\nled = Pin(25)\n"
        "class Sensor:\n    def read(self, count=1):\n        'The mean.'\n        return count\n"
        "s = Sensor()"
    )
    kernel.good("proxy = belay_jupyter.get_device().proxy('s')")
    return kernel


@pytest.mark.parametrize(
    ("code", "some", "never"),
    [
        ("%%device\nled.to|", {"toggle": "function"}, ()),
        ("%%device\nle|", {"led": "Pin", "len": "function"}, ("lemon",)),
        ("%%device\njson.d|", {}, ("dumps",)),
        ("%%device\nlemon.up|", {}, ("upper",)),
        ("%%device\nimport json\njson.d|", {"dumps": "function"}, ("decoder",)),
        ("%%device -t other\nonly|", {"only_there": "int"}, ()),
        ("%%device\nonly|", {}, ("only_there",)),
        ("# %%device\nled.to|", {"toggle": "function"}, ()),
        ("\n%%time\n%%device\nled.to|", {"toggle": "function"}, ()),
        ("%%belay_time\nled.to|", {"toggle": "function"}, ()),
        ("%device led.to|", {"toggle": "function"}, ()),
        ("x = %device -t other only|", {"only_there": "int"}, ()),
        ("%device import_me|", {}, ("lemon",)),
        ("%%device\nfor i in range(3):\n    led.|\nx = 1", {"toggle": "function"}, ()),
        ("proxy.re|", {"read": "function"}, ()),
        ("lemon.up|", {"upper": "function"}, ()),
        ("le|", {"lemon": "instance"}, ("led",)),
        ("%%device -|", {"-t": "option", "--bg": "option", "-i": "option"}, ()),
        ("%%device --n|", {"--no-result": "option"}, ("--bg",)),
        ("%%device -t o|", {"other": "board"}, ("only_there",)),
        ("%%device -t all -o le|", {"led": "Pin"}, ("lemon",)),
        ("%%device -i le|", {"lemon": "str"}, ("led",)),
        ("%%device -i a,le|", {"lemon": "str"}, ()),
        ("%device -t |", {"other": "board", "board": "board", "all": "keyword"}, ()),
        ("%belay_who --target=o|", {"other": "board"}, ()),
        ("%belay_connect v|", {"virtual:": "address"}, ()),
        ("%belay_connect --|", {"--name": "option", "--no-reset": "option"}, ()),
        ("%belay_auto o|", {"on": "keyword", "off": "keyword"}, ()),
    ],
)
def test_tab(ready: Kernel, code: str, some: dict[str, str], never: tuple[str, ...]) -> None:
    offered = tab(ready, code)
    assert {name: offered.get(name) for name in some} == some
    assert not set(never) & set(offered)


def test_shift_tab(ready: Kernel) -> None:
    told = shift_tab(ready, "%%device\ns.read(|)")
    assert told is not None
    assert "Signature:  read(count=1)" in told
    assert "The mean." in told
    assert "File:       Cell In[" in told
    assert told == shift_tab(ready, "proxy.re|ad")
    assert "Type:       Sensor, on the board" in (shift_tab(ready, "%%device\ns|") or "")
    assert "Type:       Pin, on the board" in (shift_tab(ready, "%device led|.value()") or "")
    assert "Sensor" in (shift_tab(ready, "proxy|") or "")
    assert shift_tab(ready, "%%device\nlemon|") is None
    assert "of the host" in (shift_tab(ready, "lemon|") or "")


def test_question_marks_of_proxies(ready: Kernel) -> None:
    for code, line in (
        ("proxy?", "Type:       Sensor"),
        ("proxy.read??", "def read(self, count=1)"),
    ):
        answer = ready.client.execute_interactive(
            code, output_hook=lambda message: None, timeout=PATIENCE
        )
        [payload] = answer["content"]["payload"]
        assert line in payload["data"]["text/plain"]


def test_every_cell_on_the_board(ready: Kernel) -> None:
    ready.good("%belay_auto on")
    try:
        everything_is_the_boards(ready)
    finally:
        ready.good("%belay_auto off")


def everything_is_the_boards(ready: Kernel) -> None:
    assert tab(ready, "led.to|") == {"toggle": "function"}
    assert "lemon" in tab(ready, "%%host\nle|")
    assert "read(count=1)" in (shift_tab(ready, "s.read|") or "")
    answer = ready.client.execute_interactive("led?", output_hook=lambda m: None, timeout=PATIENCE)
    assert "Type:       Pin, on the board" in answer["content"]["payload"][0]["data"]["text/plain"]


def test_while_the_board_runs_something(ready: Kernel) -> None:
    ready.good("%%device --bg\nimport time\nwhile True: time.sleep(1)")
    try:
        assert tab(ready, "%%device\nled.to|") == {"toggle": "function"}
        assert tab(ready, "proxy.re|") == {"read": "function"}
        assert "read(count=1)" in (shift_tab(ready, "%%device\ns.read|") or "")
    finally:
        ready.good("belay_jupyter.get_device().interrupt()")
    assert ready.good("%%device\n1").result == "1"


def test_unloading_ends_it(ready: Kernel) -> None:
    state = (
        "def state():\n    ip = get_ipython()\n"
        "    return (len(ip.Completer.custom_matchers), '_inspect' in vars(ip),\n"
        "            'do_inspect' in vars(ip.kernel))"
    )
    ready.good(state)
    assert ready.good("state()").result == "(1, True, True)"
    ready.good("%unload_ext belay_jupyter")
    assert ready.good("state()").result == "(0, False, False)"
    assert tab(ready, "%%device\nled.to|") == {}
    assert shift_tab(ready, "%%device\ns|") is None
    ready.good("%load_ext belay_jupyter")
    assert ready.good("state()").result == "(1, True, True)"
