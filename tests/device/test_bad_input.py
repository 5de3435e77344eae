# SPDX-License-Identifier: Apache-2.0
"""What can be given wrongly: each has its own exception, and a message that says what to try."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import belay
from belay.session.session import Session
from belay.transports import open_transport
from tests.session.boards import fresh_name

posix = pytest.mark.skipif(os.name != "posix", reason="terminals and shells of POSIX")


@pytest.mark.parametrize(
    ("address", "kind", "says"),
    [
        ("/dev/ttyACM97", belay.PortNotFoundError, r"There is no port /dev/ttyACM97\..*there"),
        ("exec:no-such-program", belay.PortNotFoundError, "no-such-program.*installed"),
        ("hwgrep://nothing-like-this", belay.PortNotFoundError, "No serial port fits.*there"),
        ("socket://127.0.0.1:1", belay.ConnectionFailedError, "Nothing listens.*running"),
        (os.devnull, belay.ConnectionFailedError, "is no serial port"),
        ("virtul:", belay.AddressError, r"(?s)'virtul' is no known kind.*virtual:"),
        ("ws://127.0.0.1:1", belay.ConnectionFailedError, "WebREPL|Nothing listens"),
        ("ttyACM0", belay.AddressError, "Did you mean '/dev/ttyACM0'"),
        ("127.0.0.1:1", belay.ConnectionFailedError, "Nothing listens|telnet"),
        ("virtual:?fils=x", belay.AddressError, "'fils'.*Known here: files"),
        ("", belay.AddressError, "(?s)empty.*/dev/ttyACM0"),
        (5, belay.AddressError, "text, not int"),
        (Path("/dev/ttyACM97"), belay.PortNotFoundError, "There is no port"),
    ],
)
@posix
def test_addresses(address: Any, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says) as caught:
        belay.Device(address, connect_timeout=5)
    assert type(caught.value) is kind
    if kind is belay.PortNotFoundError:
        assert caught.value.__cause__ is None  # the message says it all


@posix
@pytest.mark.parametrize(
    ("program", "kind", "says"),
    [
        ("cat", belay.NotPythonBoardError, "not like a MicroPython.*firmware"),
        ("yes", belay.NotPythonBoardError, r"another port.*It sent: 'y"),
        ("sh -c 'echo I am a router; cat'", belay.NotPythonBoardError, "It sent: .*I am a router"),
        ("sleep 60", belay.BoardSilentError, "sent nothing in 0.4 s.*powered.*reset"),
        ("false", belay.ConnectionLost, "exit code 1"),
        ("sh -c 'echo no licence >&2; exit 3'", belay.ConnectionLost, "exit code 3"),
    ],
)
def test_what_is_no_board(program: str, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        belay.Device(f"exec:{program}", connect_timeout=0.4)


@posix
def test_a_silent_port() -> None:
    import tty

    ours, theirs = os.openpty()
    try:
        tty.setraw(theirs)
        with pytest.raises(belay.BoardSilentError, match="TX and RX, and the baud rate") as caught:
            belay.Device(os.ttyname(theirs), connect_timeout=0.3)
        assert os.ttyname(theirs) in str(caught.value)
    finally:
        os.close(ours)
        os.close(theirs)


@posix
def test_a_busy_port() -> None:
    import tty

    ours, theirs = os.openpty()
    try:
        tty.setraw(theirs)
        first = open_transport(os.ttyname(theirs))
        with pytest.raises(belay.PortBusyError, match="Close it there"):
            belay.Device(os.ttyname(theirs), connect_timeout=5)
        first.close()
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_busy_named_board(connect: Callable[..., belay.Device]) -> None:
    name = fresh_name()
    first = connect(name)
    with pytest.raises(belay.PortBusyError, match="in use by another Device.*always new"):
        belay.Device(name)
    first.close()
    assert connect(name)("1 + 1") == 2


def test_source_that_cannot_be_sent(device: belay.Device) -> None:
    factor = 3

    def scaled(x):
        return x * factor

    with pytest.raises(belay.SourceError, match=r"scaled\(\) uses factor.*Pass it as an argument"):
        device.task(scaled)
    with pytest.raises(belay.SourceError, match="lambda.*write a def"):
        device.task(lambda x: x)
    names: dict[str, Any] = {}
    exec("def unseen(): pass", names)
    with pytest.raises(belay.SourceError, match=r'unseen\(\) cannot be found.*device\("""def'):
        device.task(names["unseen"])
    with pytest.raises(belay.SourceError, match="not a Python function"):
        device.task(len)
    with pytest.raises(belay.SourceError, match="not a Python function"):
        device.task("area")


def test_a_task_of_another_board_is_not_on_this_one(
    device: belay.Device, connect: Callable[..., belay.Device]
) -> None:
    @connect().task
    def elsewhere():
        return 1

    def here():
        return elsewhere()

    with pytest.raises(belay.SourceError, match=r"here\(\) uses elsewhere"):
        device.task(here)


def test_arguments_that_cannot_travel(
    device: belay.Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    @device.task
    def f(*args, **keywords):
        return len(args)

    class Own(dict):  # a subclass that is not what its base is
        def __repr__(self):
            return "Own()"

    def never(*_: object) -> None:
        raise AssertionError("something was sent")

    monkeypatch.setattr(Session, "_ask", never)
    for args, keywords, path, name in (
        (([1, {"a": {2, 3}, "b": [0, object()]}],), {}, "args[0][1]['b'][1]", "object"),
        ((1, print), {}, "args[1]", "builtin_function_or_method"),
        ((), {"k": (1, Own())}, "keywords['k'][1]", "Own"),
        (({(1, 2j): sys},), {}, "args[0][(1, 2j)]", "module"),
    ):
        with pytest.raises(belay.UnsupportedValueError, match="cannot travel; send its parts") as e:
            f(*args, **keywords)
        assert e.value.path == path
        assert str(e.value).startswith(path)
        assert e.value.type_name.endswith(name)
        assert isinstance(e.value, TypeError)


def test_an_argument_that_contains_itself(device: belay.Device) -> None:
    @device.task
    def f(x):
        return 1

    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(belay.UnsupportedValueError):
        f(loop)
    assert f(0) == 1


@pytest.mark.parametrize(
    ("source", "path", "name"),
    [
        ("object()", "result", "object"),
        ("{'log': [1, 2, 3, print]}", "result['log'][3]", "function"),
        ("[({'a': Pin},)]", "result[0][0]['a']", "type"),
        ("(i for i in 'ab')", "result", "generator"),
    ],
)
def test_results_that_cannot_travel(
    device: belay.Device, source: str, path: str, name: str
) -> None:
    for ask in (source, f"(lambda: {source})()"):
        with pytest.raises(belay.UnsupportedValueError, match="return its parts") as caught:
            device(ask)
        assert (caught.value.path, caught.value.type_name) == (path, name)
        assert str(caught.value).startswith(path)
    assert device("1 + 1") == 2


@pytest.mark.parametrize("timeout", [0, -1])
def test_no_time_at_all(device: belay.Device, timeout: float) -> None:
    with pytest.raises(belay.CallTimeoutError):
        device("while True: pass", timeout=timeout)
    assert device("1 + 1") == 2


@pytest.mark.parametrize("source", [5, None, b"1 + 1"])
def test_code_that_is_no_text(device: belay.Device, source: Any) -> None:
    with pytest.raises(TypeError):
        device(source)


def test_a_closed_device() -> None:
    device = belay.Device("virtual:")
    device.close()
    uses: list[Callable[[], Any]] = [
        lambda: device("1"),
        lambda: device.events("topic"),
        lambda: device.on("topic", print),
        device.reconnect,
        device.soft_reset,
        device.terminal,
        device.set_rtc,
        lambda: device.proxy("[1]"),
        lambda: device.proxy("sys").platform,
    ]
    for use in uses:
        with pytest.raises(belay.DeviceClosedError, match="make a new one"):
            use()
    assert (device.closed, device.connected) == (True, False)


def test_proxies_of_what_is_no_text(device: belay.Device) -> None:
    for given in (5, None, device.proxy("[1]")):
        with pytest.raises(TypeError, match="must be said in a str, not"):
            device.proxy(given)


def test_expressions_that_cpython_does_not_compile(device: belay.Device) -> None:
    assert device("+".join(["1"] * 3000)) == 3000
    assert device("'a\0b'") == "a\0b"
