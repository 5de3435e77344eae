# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ast
import collections.abc
import copy
import gc
import pickle
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import belay
from belay import errors, places
from belay.proxies import ProxyMethod, ProxyObject, get_proxy_object_target_name
from belay.transports import open_transport
from tests.links.counting import CountingLink
from tests.session.boards import PATIENT, pretend

BOARD = """
class Sensor:
    unit = "V"
    ran = 0
    def __init__(self, value):
        self.value = value
        self.log = []
        self.callback = None
    def read(self, factor=1):
        return self.value * factor
    def fail(self):
        raise ValueError("too", 3)
    def itself(self):
        return self
    def pair(self, *args, **keywords):
        return args, keywords
    def kind(self, other):
        return type(other).__name__
    @property
    def costly(self):
        Sensor.ran += 1
        return self.value + 1
    def _private(self):
        return "private"

class SensorError(Exception):
    pass

class Guard:
    def __init__(self, catch):
        self.catch = catch
        self.seen = []
    def __enter__(self):
        self.seen.append("in")
        return self
    def __exit__(self, kind, error, traceback):
        self.seen.append((kind.__name__, error.args) if kind else None)
        return kind is not None and issubclass(kind, self.catch)

def numbers(n):
    for i in range(n):
        Sensor.ran = i
        yield i
"""
TABLE = "len(__import__('belay').H)"


@pytest.fixture(scope="module")
def link() -> CountingLink:
    return CountingLink(open_transport("virtual:"))


@pytest.fixture(scope="module")
def device(link: CountingLink) -> Iterator[belay.Device]:
    with belay.Device(link) as connected:
        connected._session._timing.floor = PATIENT  # no repetition is counted on a busy machine
        connected(BOARD)
        assert connected.proxy("[]") is not None  # the extension is there
        yield connected


@pytest.fixture
def sensor(device: belay.Device) -> Any:
    return device.proxy("Sensor(21)")


# ------------------------------------------------------------------------------ what it costs


def test_round_trips(device: belay.Device, link: CountingLink, sensor: Any) -> None:
    items = device.proxy("list(range(100))")
    device("led = Sensor(3)")
    led = device.proxy("led")
    led.value  # noqa: B018 - the first operation learns what a name stands for
    pairs = [
        (1, lambda: sensor.value, 21),
        (1, lambda: sensor.read(2), 42),
        (1, lambda: sensor.read(factor=3), 63),
        (1, lambda: led.read(), 3),
        (1, lambda: sensor.costly, 22),
        (1, lambda: setattr(sensor, "unit", "mV"), None),
        (1, lambda: items[99], 99),
        (1, lambda: len(items), 100),
        (1, lambda: 50 in items, True),
        (1, lambda: bool(items), True),
        (1, lambda: items == list(range(100)), True),
        (1, lambda: [item for item in items], list(range(100))),  # noqa: C416
        (2, lambda: list(items), list(range(100))),  # list() asks for the length as well
        (1, lambda: [*reversed(items)][:2], [99, 98]),
        (0, lambda: isinstance(sensor, dict), False),
        (0, lambda: isinstance(sensor, collections.abc.Mapping), False),
        (0, lambda: repr(sensor.read).startswith("<ProxyMethod read of <ProxyObject"), True),
        (0, lambda: callable(sensor), True),
    ]
    for number, (round_trips, act, expected) in enumerate(pairs):
        link.reset()
        assert act() == expected, number
        assert link.round_trips == round_trips, number


def test_long_iteration_goes_in_slices(device: belay.Device, link: CountingLink) -> None:
    items = device.proxy("range(1000)")
    link.reset()
    assert sum(item for item in items) == 499500
    assert link.round_trips == 8
    generator = device.proxy("numbers(3)")
    link.reset()
    iterator = iter(generator)
    device("Sensor.ran = None")
    assert [(item, device("Sensor.ran")) for item in iterator] == [(0, 0), (1, 1), (2, 2)]
    assert (next(generator, "end"), list(generator)) == ("end", [])
    device("def adding():\n total = yield 0\n while total < 9: total += yield total\n return total")
    adding = device.proxy("adding()")
    assert (next(adding), adding.send(3), adding.send(4)) == (0, 3, 7)
    with pytest.raises(StopIteration):
        adding.send(5)


def test_showing_a_proxy_asks_nobody(device: belay.Device, link: CountingLink, sensor: Any) -> None:
    from IPython.core.formatters import DisplayFormatter
    from IPython.lib.pretty import pretty

    device("named = Sensor(1)")
    shown = [sensor, sensor.read, device.proxy("named"), device.proxy("Sensor")]
    link.reset()
    for proxy in shown:
        data, _ = DisplayFormatter().format(proxy)
        assert data == {"text/plain": repr(proxy)} == {"text/plain": pretty(proxy)}
        for name in ("_repr_html_", "_ipython_display_", "__array_interface__", "__wrapped__"):
            assert not hasattr(proxy, name)
    assert link.round_trips == 0
    assert repr(sensor) == (
        f"<ProxyObject Sensor at {device.address}, handle {sensor._belay_target}>"
    )
    assert repr(shown[3]) == f"<ProxyObject at {device.address}, Sensor>"


def test_a_name_needs_no_board(device: belay.Device, link: CountingLink) -> None:
    link.reset()
    led = device.proxy("not_there")
    assert link.round_trips == 0
    with pytest.raises(NameError, match="not_there"):
        led.value()
    device("not_there = [4]")
    assert led[0] == 4
    assert get_proxy_object_target_name(led) == "not_there"


# ------------------------------------------------------------------------------ what comes back


@pytest.mark.parametrize(
    "source", ["0", "2 ** 80", "-1.5", "'text'", "b'\\0\\xff'", "True", "None", "1j"]
)
def test_plain_results_come_by_value(device: belay.Device, source: str) -> None:
    value = device.proxy(source)
    assert type(value) is type(eval(source))
    assert value == eval(source)


@pytest.mark.parametrize("source", ["[1, [2]]", "(1, 'a')", "{'a': (1,)}", "{1}", "bytearray(2)"])
def test_others_stay_and_can_be_resolved(device: belay.Device, source: str) -> None:
    proxy = device.proxy(source)
    assert type(proxy) is ProxyObject
    assert device(proxy) == eval(source)
    assert device(source, proxy=True) == proxy


def test_what_cannot_travel_says_so(device: belay.Device, sensor: Any) -> None:
    with pytest.raises(belay.UnsupportedValueError, match="Sensor"):
        device(sensor)
    items = device.proxy("[1, [2, 'a'], Sensor(3), (4, Sensor(5))]")
    first, second, third, fourth = items
    assert (first, second, third.value, fourth[1].read()) == (1, [2, "a"], 3, 5)
    assert third.itself() is third


def test_imports(device: belay.Device, link: CountingLink) -> None:
    link.reset()
    machine = device.proxy("import machine")
    assert link.round_trips == 1
    pin = machine.Pin(25, machine.Pin.OUT)
    assert (pin.value(1), pin.value()) == (None, 1)
    sqrt, floor = device("from math import sqrt, floor as down", proxy=True)
    assert (sqrt(16), floor(2.5)) == (4.0, 2)
    assert get_proxy_object_target_name(floor) == "down"
    del machine, sqrt, floor
    gc.collect()
    assert device("down(1.5)") == 1
    for source in ("x = 1", "import os; x = 1", "for i in (): pass"):
        with pytest.raises(NotImplementedError, match="proxy=True"):
            device(source, proxy=True)
    with pytest.raises(ValueError, match="which names"):
        device.proxy("from math import *")


def test_expressions_of_a_proxy(device: belay.Device, sensor: Any) -> None:
    name = get_proxy_object_target_name(sensor)
    assert device(f"{name}.read(2)") == 42
    assert ProxyObject(device, name, delete=False).value == 21
    assert get_proxy_object_target_name(sensor.read) == f"{name}.read"


# ------------------------------------------------------------------------------ attributes


def test_attributes(device: belay.Device, sensor: Any) -> None:
    sensor.value = 5
    sensor.log = [1, sensor]
    assert (sensor.value, sensor.log[1].read()) == (5, 5)
    sensor.value += 1
    assert sensor.read() == 6
    del sensor.value
    assert not hasattr(sensor, "value")
    with pytest.raises(AttributeError, match="nope"):
        sensor.nope  # noqa: B018
    with pytest.raises(AttributeError):
        del sensor.nope
    assert getattr(sensor, "nope", 7) == 7
    assert sensor._private() == "private"


def test_properties_run_only_when_they_are_read(device: belay.Device) -> None:
    device("Sensor.ran = 0")
    sensor = device.proxy("Sensor(1)")
    assert sensor.read() == 1
    assert {"costly", "read", "value", "log"} <= set(dir(sensor))
    assert device("Sensor.ran") == 0
    assert (sensor.costly, device("Sensor.ran")) == (2, 1)


def test_an_attribute_that_is_a_function_on_some_objects_only(device: belay.Device) -> None:
    one, other = device.proxy("Sensor(1)"), device.proxy("Sensor(2)")
    device("def called(): return 'called'")
    one.callback = device.proxy("called")
    assert one.callback() == "called"
    assert other.callback is None


def test_methods_are_objects(device: belay.Device, sensor: Any) -> None:
    read = sensor.read
    assert type(read) is ProxyMethod
    assert isinstance(read, ProxyObject)
    assert sensor.kind(read) == "bound_method"
    assert sensor.kind(sensor) == "Sensor"
    assert device("lambda f: f(2)", proxy=True)(read) == 42
    functions = device.proxy("import math")
    assert functions.sqrt.__name__ == "sqrt" if hasattr(functions.sqrt, "__name__") else True
    assert list(device.proxy("map")(functions.sqrt, [4, 9])) == [2.0, 3.0]


def test_many_names(device: belay.Device, link: CountingLink) -> None:
    device("class Wide: pass")
    device("for i in range(200): setattr(Wide, 'f%d' % i, lambda self, i=i: i)")
    wide = device.proxy("Wide()")
    link.reset()
    assert (wide.f7(), link.round_trips) == (7, 2)  # asked once, then known
    link.reset()
    assert (wide.f7(), device.proxy("Wide()").f7(), link.round_trips) == (7, 7, 3)


def test_more_kinds_than_the_board_remembers(device: belay.Device) -> None:
    device("def make(i):\n class Kind:\n  def method(self): return i\n return Kind()")
    made = [device.proxy(f"make({i})") for i in range(130)]
    assert [proxy.method() for proxy in made] == list(range(130))


# ------------------------------------------------------------------------------ arguments


def test_proxies_travel_anywhere_in_arguments(device: belay.Device, sensor: Any) -> None:
    @device.task
    def total(items, extra=None, *rest):
        extra = extra or {}
        return sum([s.read() for s in items]) + extra.get("s", items[0]).read()

    assert total([sensor, (sensor)], {"s": sensor}) == 63
    assert total([sensor], extra={"s": sensor}) == 42
    answer = sensor.pair([sensor], {"k": (sensor,)}, key=sensor)
    assert answer[0][0][0].value == answer[0][1]["k"][0].value == answer[1]["key"].value == 21


def test_proxies_of_another_board(device: belay.Device, sensor: Any, connect: Any) -> None:
    other = connect()
    for act in (lambda: other.proxy("[]").append([sensor]), lambda: other.task(takes)(sensor)):
        with pytest.raises(belay.UnsupportedValueError, match="another board"):
            act()
    assert other.proxy("[]") != sensor
    assert sensor.read() == 21


def takes(value):  # type: ignore[no-untyped-def]
    return value


# ------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("act", "kind", "message"),
    [
        (lambda s: s.fail(), ValueError, "too"),
        (lambda s: s.log[3], IndexError, "index out of range"),
        (lambda s: s.pair()[1]["missing"], KeyError, "missing"),
        (lambda s: s.read(1, 2, 3), TypeError, "positional arguments"),
        (lambda s: s.log(), TypeError, "callable"),
        (lambda s: s.log + 1, TypeError, "unsupported type"),
        (lambda s: len(s), TypeError, "len"),
        (lambda s: iter(s), TypeError, "iter"),
        (lambda s: int(s), TypeError, "int"),
        (lambda s: [1][s], TypeError, "indices must be integers"),
        (lambda s: s.log.pop(), IndexError, "empty"),
    ],
)
def test_exceptions_have_their_type_and_message(
    sensor: Any, act: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message) as info:
        act(sensor)
    assert isinstance(info.value, belay.PyboardException)


def test_exceptions_of_user_classes(device: belay.Device) -> None:
    raising = device.proxy("lambda: [].missing")
    with pytest.raises(AttributeError, match="missing"):
        raising()
    device("def broken(): raise SensorError('loose wire')")
    with pytest.raises(belay.PyboardException["SensorError"], match="loose wire"):
        device.proxy("broken")()


# ------------------------------------------------------------------------------ with


@pytest.mark.parametrize(
    ("error", "caught", "seen"),
    [
        (None, True, None),
        (ValueError("bad", 3), True, ("ValueError", ("bad", 3))),
        (KeyError("k"), False, ("KeyError", ("k",))),
        (UnicodeError("u"), True, ("UnicodeError", ("u",))),
        (FileNotFoundError(2, "no"), False, ("OSError", (2, "no"))),
        (belay.BelayException("ours"), False, ("Exception", ("ours",))),
    ],
)
def test_context_managers(
    device: belay.Device, error: Exception | None, caught: bool, seen: Any
) -> None:
    guard = device.proxy("Guard(ValueError)")

    def use() -> None:
        with guard as inside:
            assert inside is guard
            if error is not None:
                raise error

    if caught:
        use()
    else:
        with pytest.raises(type(error)):  # type: ignore[arg-type]
            use()
    assert list(guard.seen) == ["in", seen]


def test_an_exception_of_the_board_passes_through_with(device: belay.Device) -> None:
    guard = device.proxy("Guard(SensorError)")
    with guard:
        device("raise SensorError('board', 1)")
    assert list(guard.seen) == ["in", ("SensorError", ("board", 1))]


# ------------------------------------------------------------------------------ subclasses


class Celsius(ProxyObject):
    scale = 1.5
    offset = None

    @property
    def value(self) -> float:
        return float(ProxyObject.__getattr__(self, "value")) * self.scale

    def doubled(self) -> Any:
        return self.read(2)


def test_subclasses(device: belay.Device) -> None:
    device("thing = Sensor(10)")
    warm = Celsius(device, "thing", delete=False)
    assert (warm.value, warm.doubled(), warm.unit) == (15.0, 20, "V")
    warm.scale = 2
    warm.offset = [warm]
    warm.unit = "C"
    assert (warm.__dict__.keys(), warm.value) == ({"scale", "offset"}, 20.0)
    assert device("thing.unit, hasattr(thing, 'scale')") == ("C", False)
    del warm.scale
    assert warm.scale == 1.5
    assert warm.itself() is warm
    assert repr(warm).startswith("<Celsius Sensor at")
    assert [w.read() for w in device.proxy("[]").__class__(device, "[thing]")] == [10]


def test_what_is_of_the_host_only(sensor: Any) -> None:
    assert sensor.__class__ is type(sensor) is ProxyObject
    for act in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"copied or pickled"):
            act(sensor)


# ------------------------------------------------------------------------------ memory


def test_memory_on_the_board_stays_flat(device: belay.Device, link: CountingLink) -> None:
    gc.collect()
    device("0")
    before = device(TABLE)
    link.reset()
    for _ in range(1000):
        device.proxy("[]")
    assert link.round_trips < 1010  # releases need none of their own
    device("0")
    assert device(TABLE) == before
    assert len([*device.proxy("[[], Sensor(1)] * 20")]) == 40
    held = [device.proxy("[]") for _ in range(10)]
    device("0")
    assert device(TABLE) == before + len(held)
    held.clear()
    device("0")
    assert device(TABLE) == before


def test_delete(device: belay.Device) -> None:
    device("first = [1]; second = [2]")
    kept, dropped = ProxyObject(device, "first", delete=False), ProxyObject(device, "second")
    assert kept[0] + dropped[0] == 3
    before = device(TABLE)
    forever = device.proxy("[3]", delete=False)
    target = forever._belay_target
    del kept, dropped, forever
    device("0")
    assert device("'first' in globals(), 'second' in globals()") == (True, False)
    assert device(TABLE) == before + 1
    assert ProxyObject(device, target)[0] == 3
    device("0")
    assert device(TABLE) == before


def test_after_a_reset(connect: Any) -> None:
    link = CountingLink(open_transport("virtual:"))
    device = connect(link)
    device("thing = [1]")
    name, made = device.proxy("thing"), device.proxy("[1, 2]")
    line = test_after_a_reset.__code__.co_firstlineno + 4
    iterator = iter(device.proxy("range(200)"))
    method = made.append
    assert (name[0], next(iterator)) == (1, 0)
    with pytest.raises(belay.BoardResetError):
        device("import sys; sys.exit()")
    device("thing = [7]")
    link.reset()
    for act in (
        lambda: made[0],
        lambda: made.append(3),
        lambda: method(3),
        lambda: name.__setitem__(0, [made]),
        lambda: device(made),
        lambda: list(iterator),
        lambda: bool(made),
        lambda: str(method),
    ):
        with pytest.raises(errors.StaleProxyError, match=r"made \(.*\.py:\d+\)"):
            act()
    assert link.round_trips == 0
    with pytest.raises(errors.StaleProxyError, match=f"{Path(__file__).name}:{line}"):
        made[0]
    assert name[0] == 7  # a name means what it means by now
    again = device.proxy("[8]")
    handle = again._belay_target
    made = method = iterator = None
    device("0")
    assert (again[0], again._belay_target) == (8, handle)


# ------------------------------------------------------------------------------ other boards


@pytest.mark.parametrize("facts", [{"binary": False}, {"deflate": False}, {"cooked_binary": True}])
def test_other_links(connect: Any, monkeypatch: pytest.MonkeyPatch, facts: Any) -> None:
    address = "virtual:?cooked=1" if "cooked_binary" in facts else "virtual:"
    pretend(monkeypatch, **facts)
    device = connect(address)
    device(BOARD)
    sensor = device.proxy("Sensor('é')")
    assert (sensor.read(200), [*sensor.pair([sensor], 2)[0]][1]) == ("é" * 200, 2)
    with device.batch():
        results = [sensor.read(i) for i in range(50)]
    assert [result.result() for result in results] == ["é" * i for i in range(50)]


def test_a_board_without_the_agent(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, free=9 * 1024)
    device = connect()
    led = device.proxy("led")
    for act in (lambda: led.value, lambda: device.proxy("[1]"), lambda: len(led)):
        with pytest.raises(belay.FeatureUnavailableError):
            act()
    with pytest.raises(belay.FeatureUnavailableError), device.batch():
        device("1")


def test_programs_of_one_dictionary_have_different_names() -> None:
    owners: dict[str, str] = {}
    for path in sorted((Path(belay.__file__).parent / "onboard").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [t.id for t in getattr(node, "targets", ()) if isinstance(t, ast.Name)]
            for name in {*names, getattr(node, "name", None)} - {None}:
                assert owners.setdefault(name, path.name) == path.name, name


def test_places_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    from IPython.core.compilerop import CachingCompiler

    assert places.shown(("prog.py", 3)) == "prog.py:3"
    shell = types.SimpleNamespace(compile=CachingCompiler())
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    name = shell.compile.cache("device.proxy('[]')", 7)
    assert places.shown((name, 3)) == "Cell In[7], line 3"
    assert places.shown(("prog.py", 3)) == "prog.py:3"


# ------------------------------------------------------------------------------ threads


def test_threads_share_a_proxy(device: belay.Device) -> None:
    items = device.proxy("[]")

    def work(number: int) -> None:
        for i in range(25):
            items.append((number, i))
            assert device.proxy("[1, 2]")[1] == 2

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(items) == 100
    assert sorted(items) == [(n, i) for n in range(4) for i in range(25)]


def test_whatever_takes_an_object_takes_a_proxy(device: belay.Device) -> None:
    items = device.proxy("[3, 1, 2]")
    assert sorted(items) == [1, 2, 3]
    assert max(items) == 3
    a, b, c = items
    assert (a, b, c) == (3, 1, 2)
    assert "-".join(device.proxy("['a', 'b']")) == "a-b"
    assert f"{items} {device.proxy('Sensor').unit:>3}" == "[3, 1, 2]   V"
    assert {**device.proxy("{'a': 1}")} == {"a": 1}
    assert bytes(device.proxy("bytearray(b'ab')")) == b"ab"


# ------------------------------------------------------------------------------ trusted


def test_trusted(device: belay.Device) -> None:
    class Twice:
        def __eq__(self, other: object) -> bool:
            return isinstance(other, Twice)

        __hash__ = None  # type: ignore[assignment]

    assert device("[1, float('inf')]", trusted=True) == [1, float("inf")]
    device("class Odd:\n def __repr__(self): return 'slice(1, nan)'")
    assert device("Odd()", trusted=True).start == 1
    with pytest.raises(belay.UnsupportedValueError, match=r"Sensor.*<Sensor object") as info:
        device("Sensor(1)", trusted=True)
    assert info.value.type_name == "Sensor"
