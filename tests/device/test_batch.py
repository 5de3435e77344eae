# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gc
import io
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import belay
from belay import errors
from belay.batch import Pending
from belay.transports import open_transport
from tests.links.counting import CountingLink
from tests.session.boards import PATIENT

HERE = Path(__file__).name
BOARD = """
class Lamp:
    def __init__(self):
        self.level = 0
        self.seen = []
    def set(self, level, fade=0):
        if level > 9:
            raise ValueError("too bright", level)
        self.level = level
        self.seen.append(level)
        return level
    def itself(self):
        return self
ran = []
"""
TABLE = "len(__import__('belay').H)"


@pytest.fixture(scope="module")
def link() -> CountingLink:
    return CountingLink(open_transport("virtual:"))


@pytest.fixture(scope="module")
def device(link: CountingLink) -> Iterator[belay.Device]:
    with belay.Device(link) as connected:
        connected._session._timing.floor = PATIENT
        connected(BOARD)
        connected.task(note)
        yield connected


def note(value, result=None):  # type: ignore[no-untyped-def]
    ran.append(value)  # type: ignore[name-defined]  # noqa: F821
    return result


def test_a_hundred_mixed_operations(link: CountingLink, device: belay.Device) -> None:
    fresh = CountingLink(open_transport("virtual:"))
    with belay.Device(fresh) as other:
        other._session._timing.floor = PATIENT
        other(BOARD)
        noted = other.task(note)
        fresh.reset()
        with other.batch() as batch:
            calls = [noted(i, result=[i]) for i in range(40)]
            values = [other(f"{i} * 2") for i in range(30)]
            statements = [other(f"x{i} = {i}") for i in range(10)]
            lamp = other.proxy("Lamp()")
            made = [other.proxy("[ran]") for _ in range(18)]
            time = other.proxy("import time")
            assert len(batch) == 100
            assert fresh.round_trips == 0
        assert fresh.round_trips <= 3  # one of them brought the extension
        assert [call.result() for call in calls] == [[i] for i in range(40)]
        assert [value.result() for value in values] == [2 * i for i in range(30)]
        assert {statement.result() for statement in statements} == {None}
        assert (lamp.result().set(3), len(made[7].result()[0])) == (3, 40)
        assert time.result().ticks_ms() > 0


def test_operations_of_proxies(device: belay.Device, link: CountingLink) -> None:
    lamp, items = device.proxy("Lamp()"), device.proxy("[1, 2, 3]")
    device("named = Lamp()")
    named = device.proxy("named")
    buffer, new = [9], [4]
    link.reset()
    with device.batch():
        calls = [lamp.set(4), lamp.set(5, fade=lamp), named.set(6), named.itself()]
        lamp.level = 7
        items[0] = buffer
        buffer.append("not of the batch")
        del items[1]
        rest = [lamp.level, named.level, items[0], items[:1], items + new, items == []]
        unread = lamp.seen
        assert "waits" in repr(unread)
        assert not unread.done
    assert link.round_trips == 1
    assert [call.result() for call in calls[:3]] == [4, 5, 6]
    assert calls[3].result() is named
    assert [device(p.result()) if i in (2, 3, 4) else p.result() for i, p in enumerate(rest)] == [
        7,
        6,
        [9],
        [[9]],
        [[9], 3, 4],
        False,
    ]
    assert device(unread.result()) == [4, 5]
    assert repr(rest[0]) == f"<Pending {rest[0]._name}: 7>"


def test_results_before_the_end(device: belay.Device) -> None:
    items = device.proxy("[1]")
    with device.batch():
        pending = items[0]
        for use in (
            pending.result,
            pending.exception,
            lambda: bool(pending),
            lambda: pending + 1,
            lambda: pending(),
            lambda: [*pending],
            lambda: pending[0],
            lambda: device.proxy("print")(pending),
        ):
            with pytest.raises(errors.BatchError, match=rf"\[0\].*{HERE}:\d+.*batch"):
                use()
        with pytest.raises(AttributeError, match="result"):
            pending.real  # noqa: B018
    assert (pending.result(), pending.exception(), pending.done) == (1, None, True)


def test_what_cannot_be_in_a_batch(device: belay.Device, link: CountingLink) -> None:
    items = device.proxy("[1]")
    link.reset()
    with device.batch():
        for act, what in (
            (lambda: bool(items), "truth"),
            (lambda: len(items), "len"),
            (lambda: list(items), "iteration|len"),
            (lambda: next(items), "next"),
            (lambda: 1 in items, "in"),
            (lambda: str(items), "str"),
            (lambda: hash(items), "hash"),
            (lambda: int(items), "int"),
            (lambda: dir(items), "dir"),
            (lambda: items.__enter__(), "with"),
            (lambda: device.batch().__enter__(), "batch"),
            (lambda: {items: 1}, "hash"),
        ):
            with pytest.raises(errors.BatchError, match=rf"{what}.*cannot be part of a batch"):
                act()
        assert "list at" in repr(items)
        with pytest.raises(errors.BatchError, match=r"<list> ?== ?\[2\].*not known before"):
            assert items == [2]
        assert link.round_trips == 0


def failing(device: belay.Device, lamp: Any) -> list[Any]:
    with device.batch():
        held = [lamp.set(1), lamp.set(99), lamp.set(2), device("ran.append('never')")]
    return held


def test_the_failing_item_is_named(device: belay.Device, caplog: pytest.LogCaptureFixture) -> None:
    lamp = device.proxy("Lamp()")
    first, broken, behind, last = failing(device, lamp)
    line = failing.__code__.co_firstlineno + 2
    assert first.result() == 1
    for _ in range(2):
        with pytest.raises(ValueError, match="too bright") as info:
            broken.result()
    assert isinstance(info.value, belay.PyboardException)
    assert info.value.value_args == ("too bright", 99)
    assert f"item 2 of a batch, <Lamp>.set(99) ({__file__}:{line})" in str(info.value)
    for item, number, label in ((behind, 3, "<Lamp>.set(2)"), (last, 4, "ran.append('never')")):
        with pytest.raises(errors.BatchError) as not_run:
            item.result()
        text = str(not_run.value)
        assert text.startswith(f"item {number}, {label} (")
        assert "did not run: item 2, <Lamp>.set(99)" in text
        assert "ValueError: too bright" in text
        assert isinstance(item.exception(), errors.BatchError)
    assert (lamp.level, device("'never' in ran")) == (1, False)
    del first, broken, behind, last, item, info, not_run
    gc.collect()
    assert caplog.records == []


def test_an_error_that_nobody_looked_at_is_logged(
    device: belay.Device, caplog: pytest.LogCaptureFixture
) -> None:
    held = failing(device, device.proxy("Lamp()"))
    with caplog.at_level(logging.ERROR, "belay"):
        held.clear()
        gc.collect()
    (record,) = caplog.records
    assert record.name == "belay"
    assert "set(99)" in record.getMessage()
    assert "too bright" in record.getMessage()


def test_errors_that_nobody_can_ask_for_are_raised_at_the_end(device: belay.Device) -> None:
    lamp = device.proxy("Lamp()")
    with pytest.raises(ValueError, match="too bright"), device.batch():  # noqa: PT012
        kept = lamp.set(1)
        lamp.set(50)
        behind = lamp.set(2)
    assert kept.result() == 1
    assert isinstance(behind.exception(), errors.BatchError)
    items = device.proxy("[1]")
    for act in (
        lambda: items.__setitem__(7, 1),
        lambda: items.__delitem__(7),
        lambda: setattr(items, "x", 1),
        lambda: delattr(items, "x"),
    ):
        with pytest.raises((IndexError, AttributeError)), device.batch():
            act()
    with pytest.raises(belay.PyboardException, match="nope") as info, device.batch():
        device("1 +\\\n nope")
    assert info.value.frames[-1].name == "<module>"


def test_a_result_that_cannot_travel_spoils_no_other(device: belay.Device) -> None:
    noted = device.task(note)
    gc.collect()
    device("0")
    kept = device(TABLE)
    with device.batch():
        before, refused = device("[1]"), device("{'log': [1, Lamp()]}")
        after, discarded = noted(1, result=(2,)), device("3")
    assert (before.result(), after.result(), discarded.result()) == ([1], (2,), 3)
    with pytest.raises(belay.UnsupportedValueError) as info:
        refused.result()
    assert (info.value.type_name, info.value.path) == ("Lamp", "result['log'][1]")
    with pytest.raises(belay.UnsupportedValueError), device.batch():
        device("Lamp()")
    device("0")
    assert device(TABLE) == kept


def test_an_argument_that_cannot_travel_is_refused_at_its_line(device: belay.Device) -> None:
    noted = device.task(note)
    with device.batch() as batch:
        first = noted(1, result=1)
        with pytest.raises(belay.UnsupportedValueError, match=r"args\[0\]"):
            noted(object())
        assert len(batch) == 1
    assert first.result() == 1


def test_an_exception_inside_the_block_sends_nothing(
    device: belay.Device, link: CountingLink
) -> None:
    link.reset()
    with pytest.raises(ZeroDivisionError), device.batch():  # noqa: PT012
        pending = device("ran.append('never')")
        1 / 0  # noqa: B018
    assert link.round_trips == 0
    with pytest.raises(errors.BatchError, match=r"did not run: .*ZeroDivisionError"):
        pending.result()
    assert device("1 + 1") == 2


def test_other_threads_are_not_in_the_batch(device: belay.Device) -> None:
    seen = []
    with device.batch():
        pending = device("20")
        thread = threading.Thread(target=lambda: seen.append(device("10")))
        thread.start()
        thread.join()
        assert isinstance(pending, Pending)
    assert (seen, pending.result()) == ([10], 20)


def test_prints_and_time_limits(device: belay.Device) -> None:
    printed = io.StringIO()
    with device.batch(stream_out=printed):
        for i in range(3):
            device(f"print({i})")
    assert printed.getvalue() == "0\n1\n2\n"
    with pytest.raises(belay.CallTimeoutError), device.batch(timeout=0.05):  # noqa: PT012
        first = device("1")
        device("while True: pass")
    with pytest.raises(errors.BatchError, match="CallTimeoutError"):
        first.result()
    assert device("1 + 1") == 2


def test_an_empty_batch_and_one_that_runs_twice(device: belay.Device, link: CountingLink) -> None:
    link.reset()
    with device.batch() as batch:
        pass
    assert link.round_trips == 0
    with pytest.raises(errors.BatchError, match="runs once"), batch:
        pass  # pragma: no cover
    batch = device.batch()
    with batch:
        pending = device("1")
    assert pending.result() == 1
    with pytest.raises(errors.BatchError, match="runs once"):
        batch.__enter__()


def test_a_batch_of_more_than_a_board_holds_at_once(
    device: belay.Device, link: CountingLink
) -> None:
    link.reset()
    with device.batch():
        results = [device(f"{i}") for i in range(1200)]
    assert link.round_trips <= 8
    assert [result.result() for result in results] == list(range(1200))
    with device.batch():
        results = [device(f"1 // ({i} - 700)") for i in range(1200)]
    assert results[699].result() == -1
    with pytest.raises(belay.PyboardException, match="item 701"):
        results[700].result()
    with pytest.raises(errors.BatchError, match="item 1200.*item 701"):
        results[1199].result()


def test_proxies_of_before_a_reset(connect: Any) -> None:
    device = connect()
    items = device.proxy("[1]")
    with pytest.raises(belay.BoardResetError), device.batch():  # noqa: PT012
        pending = items[0]
        device("import sys; sys.exit()")
    with pytest.raises(errors.BatchError, match="BoardResetError"):
        pending.result()
    device("0")
    with pytest.raises(errors.StaleProxyError), device.batch():
        items.append(1)


def test_how_errors_call_each_operation(device: belay.Device) -> None:
    device("named = Lamp()")
    lamp, named, noted = device.proxy("Lamp()"), device.proxy("named"), device.task(note)
    long = "x" * 100
    with device.batch():
        held = {
            "note(1)": noted(1),
            "note(<Lamp>, result=named)": noted(lamp, result=named),
            "[1, 2]": device("[1, 2]"),
            "3": device("3", return_time=True),
            "4": device("4", trusted=True),
            "named": device(named, trusted=True),
            "y = 1": device("\ny = 1\nz = 2\n"),
            f"'{'x' * 56}...": device(f"'{long}'"),
            "import gc": device.proxy("import gc"),
            "<Lamp>.set(1, fade='a')": lamp.set(1, fade="a"),
            "named.level": named.level,
            "<Lamp>.seen": lamp.seen,
            "print(3)": device.proxy("print")(3),
            "<Lamp>['k']": lamp["k"],
        }
        for label, pending in held.items():
            assert repr(pending).startswith(f"<Pending {label} ({__file__}:")
    assert held["3"].result()[0] == 3
    assert held["4"].result() == 4
    changes = (
        ("<Lamp>.level = [1]", lambda: setattr(lamp, "level", [1])),
        ("named[0] = 'a'", lambda: named.__setitem__(0, "a")),
        ("del named[0]", lambda: named.__delitem__(0)),
        ("<Lamp>+=1", lambda: lamp.__iadd__(1)),
        ("<Lamp>[1:2]", lambda: lamp[1:2]),
    )
    for label, act in changes:
        with device.batch() as batch:
            act()
            assert [item.label for item in batch._items] == [label]
            batch._items.clear()


def test_an_attribute_that_is_called_late(device: belay.Device) -> None:
    device("order = []")
    order = device.proxy("order")
    with device.batch():
        append = order.append
        first = device("order.append(1)")
        second = append(2)
        with pytest.raises(errors.BatchError):
            append(3)
    assert (first.result(), second.result(), device("order")) == (None, None, [1, 2])
    with pytest.raises(errors.BatchError, match="has no result|not known"):
        append()
