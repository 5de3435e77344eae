# SPDX-License-Identifier: Apache-2.0
"""Every operator of a proxy against the same operator of Python itself."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import belay
from belay.proxies import ProxyObject

Act = Callable[..., Any]


@pytest.fixture(scope="module")
def device() -> Iterator[belay.Device]:
    with belay.Device("virtual:") as connected:
        connected(EVERYTHING)
        yield connected


def by_value(device: belay.Device, result: Any) -> Any:
    return device(result) if isinstance(result, ProxyObject) else result


def outcome(act: Act, *operands: Any) -> Any:
    """The value, or the kind of error."""
    try:
        return act(*operands)
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        for kind in (IndexError, KeyError, ZeroDivisionError, ValueError, TypeError):
            if isinstance(error, kind):
                return kind
        return type(error)


# ------------------------------------------------------------------------------ made-up operands

SMALL = st.integers(-40, 40)
INTS = st.integers(-(2**70), 2**70)
TEXTS = st.text(alphabet="ab%é ", max_size=6)
ITEMS = st.one_of(SMALL, TEXTS, st.none())
LISTS = st.lists(SMALL, max_size=6)
DICTS = st.dictionaries(st.one_of(SMALL, TEXTS), ITEMS, max_size=4)

BINARY: list[tuple[Any, Any, list[Act]]] = [
    (
        INTS,
        INTS,
        [
            operator.add,
            operator.sub,
            operator.mul,
            operator.floordiv,
            operator.mod,
            operator.and_,
            operator.or_,
            operator.xor,
            operator.eq,
            operator.ne,
            operator.lt,
            operator.le,
            operator.gt,
            operator.ge,
            operator.iadd,
            operator.isub,
            operator.imul,
            operator.ior,
            divmod,
        ],
    ),
    (
        SMALL,
        st.integers(0, 9),
        [operator.pow, operator.lshift, operator.rshift, operator.ipow, operator.truediv],
    ),
    (TEXTS, TEXTS, [operator.add, operator.eq, operator.lt, operator.contains, operator.ge]),
    (TEXTS, st.integers(-2, 3), [operator.mul, operator.getitem]),
    (LISTS, LISTS, [operator.add, operator.iadd, operator.eq, operator.lt, operator.ne]),
    (LISTS, SMALL, [operator.contains, operator.getitem, operator.mul, operator.imul]),
    (LISTS, st.slices(6).filter(lambda s: s.step != 0), [operator.getitem]),
    (DICTS, st.one_of(SMALL, TEXTS), [operator.contains, operator.getitem]),
    (DICTS, DICTS, [operator.eq, operator.ne]),
]
UNARY: list[tuple[Any, list[Act]]] = [
    (
        INTS,
        [
            operator.neg,
            operator.pos,
            operator.invert,
            abs,
            bool,
            operator.not_,
            int,
            str,
            operator.index,
            math.trunc,
            round,
        ],
    ),
    (SMALL, [float, complex, math.floor, math.ceil, math.sqrt, "{:>5}".format, "{:04x}".format]),
    (TEXTS, [len, bool, list, str, sorted]),
    (LISTS, [len, bool, list, tuple, sum, lambda v: list(reversed(v)), max, str, bytes]),
    (DICTS, [len, bool, dict, lambda v: list(v.items())]),
]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(data=st.data())
def test_operators_are_python_s(device: belay.Device, data: st.DataObject) -> None:
    left, right, acts = data.draw(st.sampled_from(BINARY))
    a, b, act = data.draw(left), data.draw(right), data.draw(st.sampled_from(acts))
    expected = outcome(act, *fresh(a, b))
    p = proxy_of(device, "left", a)
    assert by_value(device, outcome(act, p, b)) == expected
    if act not in (operator.getitem, operator.contains) and not isinstance(b, slice):
        q = proxy_of(device, "right", b)
        assert by_value(device, outcome(act, proxy_of(device, "left", a), q)) == expected
        assert by_value(device, outcome(act, *fresh(a), q)) == expected


@settings(max_examples=80, deadline=None, derandomize=True)
@given(data=st.data())
def test_one_operand(device: belay.Device, data: st.DataObject) -> None:
    values, acts = data.draw(st.sampled_from(UNARY))
    a, act = data.draw(values), data.draw(st.sampled_from(acts))
    result = outcome(act, proxy_of(device, "left", a))
    assert by_value(device, result) == outcome(act, *fresh(a))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(items=LISTS, at=st.slices(6).filter(lambda s: s.step in (None, 1)), new=LISTS)
def test_slices(device: belay.Device, items: list[int], at: slice, new: list[int]) -> None:
    p = proxy_of(device, "left", items)
    local = list(items)
    start, stop, _ = at.indices(len(items))
    stop = max(start, stop)
    p[start:stop] = new
    local[start:stop] = new
    assert device(p) == local
    del p[start:stop]
    del local[start:stop]
    assert device(p) == local
    p[:] = [1, 2, 3]
    p[1] = 5
    del p[0]
    assert device("left") == [5, 3]


def fresh(*values: Any) -> list[Any]:
    """Copies, for what works in place."""
    return [type(v)(v) if isinstance(v, (list, dict)) else v for v in values]


def proxy_of(device: belay.Device, name: str, value: Any) -> Any:
    device.proxy("globals()")[name] = value
    return device.proxy(name)


# ------------------------------------------------------------------------------ a class with all

_DUNDERS = re.findall(
    r"\w+",
    """
    add sub mul truediv floordiv mod pow matmul lshift rshift and or xor
    iadd isub imul itruediv ifloordiv imod ipow imatmul ilshift irshift iand ior ixor
    radd rsub rmul rtruediv rfloordiv rmod rpow rmatmul rlshift rrshift rand ror rxor
    lt le gt ge divmod getitem
""",
)
EVERYTHING = "class Everything:\n" + "".join(
    f" def __{name}__(self, other): return ['{name}', other]\n" for name in _DUNDERS
)
EVERYTHING += """
 log = []
 def __neg__(self): return ['neg']
 def __pos__(self): return ['pos']
 def __invert__(self): return ['invert']
 def __abs__(self): return ['abs']
 def __len__(self): return 42
 def __bool__(self): return False
 def __hash__(self): return 43
 def __int__(self): return 44
 def __float__(self): return 4.5
 def __complex__(self): return 4j
 def __index__(self): return 2
 def __str__(self): return 'text'
 def __eq__(self, other): return ['eq', other]
 def __ne__(self, other): return ['ne', other]
 def __contains__(self, item): return item == 7
 def __setitem__(self, key, value): self.log.append(['set', key, value])
 def __delitem__(self, key): self.log.append(['del', key])
 def __call__(self, *args, **keywords): return [args, keywords]
 def __iter__(self): return iter('abc')
 def __next__(self): return ['next']
"""


def local_operator(name: str) -> Act:
    if name == "divmod":
        return divmod
    if name[0] == "r" and name != "rshift":
        local = local_operator(name[1:])
        return lambda a, b: local(b, a)
    return getattr(operator, name + "_" * (name in ("and", "or")))


@pytest.mark.parametrize("name", _DUNDERS)
def test_binary_operators_of_a_class(device: belay.Device, name: str) -> None:
    result = local_operator(name)(device.proxy("Everything()"), 5)
    # Few ports look for all of the operators in place; the others take the plain one.
    plain = name[1:] if name[0] == "i" else name
    expected = [name, 5], [plain, 5]
    assert device(result) in expected[: 1 if name in ("iadd", "isub", plain) else 2]


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (operator.neg, ["neg"]),
        (operator.pos, ["pos"]),
        (operator.invert, ["invert"]),
        (abs, ["abs"]),
        (len, 42),
        (bool, False),
        (hash, 43),
        (int, 44),
        (float, 4.5),
        (operator.index, 2),
        ("abcd".__getitem__, "c"),
        (str, "text"),
        ("{}".format, "text"),
        (lambda p: p == 1, ["eq", 1]),
        (lambda p: p != 1, ["ne", 1]),
        (lambda p: (7 in p, 8 in p), (True, False)),
        (lambda p: p(1, *[2], a=3), [(1, 2), {"a": 3}]),
        (lambda p: [*p], ["a", "b", "c"]),
        (next, ["next"]),
        (lambda p: (p.__setitem__((1, "a"), [2]), p.log[-1])[1], ["set", (1, "a"), [2]]),
        (lambda p: (p.__delitem__(None), p.log[-1])[1], ["del", None]),
        (lambda p: p[1, 2], ["getitem", (1, 2)]),
    ],
)
def test_the_other_operators_of_a_class(device: belay.Device, act: Act, expected: Any) -> None:
    assert by_value(device, act(device.proxy("Everything()"))) == expected


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (slice(1, 2), "slice(1, 2, None)"),
        (slice(None, None, 3), "slice(None, None, 3)"),
        ((slice(None), 4), "(slice(None, None, None), 4)"),
        ((slice(5),), "(slice(None, 5, None),)"),
        (
            (slice(1, 2), slice("a", None), None),
            "(slice(1, 2, None), slice('a', None, None), None)",
        ),
    ],
)
def test_slices_of_a_class(device: belay.Device, key: Any, text: str) -> None:
    assert str(device.proxy("Everything()")[key][1]) == text


def test_slices_that_are_set_and_deleted(device: belay.Device) -> None:
    everything = device.proxy("Everything()")
    everything[1:2, 3] = "v"
    assert str(everything.log[-1]) == "['set', (slice(1, 2, None), 3), 'v']"
    del everything[::2]
    assert str(everything.log[-1]) == "['del', slice(None, None, 2)]"
    with pytest.raises(TypeError, match="too many parts"):
        everything[1:2, 3:4, 5:6, 7:8]


def test_in_place_keeps_the_object(device: belay.Device) -> None:
    items = same = device.proxy("[1]")
    items += [2]
    assert items is same
    assert device(items) == [1, 2]
    device("total = 5")
    total = device.proxy("total")
    total += 1
    assert (total, device("total")) == (6, 5)


def test_what_the_board_cannot_know_is_something_else(device: belay.Device) -> None:
    items = device.proxy("[1]")
    assert items != object()
    assert not items == object()  # noqa: SIM201 - both operators
    assert items not in [object()]
    with pytest.raises(belay.UnsupportedValueError):
        items + [object()]  # noqa: RUF005


def test_power_round_and_checks_of_types(device: belay.Device) -> None:
    device("seven = 7; half = 2.567")
    seven, half = device.proxy("seven"), device.proxy("half")
    assert (pow(seven, 2), 2**seven, round(half, 1), round(half)) == (49, 128, 2.6, 3)
    if device("hasattr(int, 'to_bytes') and pow(2, 3, 5) == 3"):
        assert pow(seven, 2, 5) == 4
    assert isinstance(3, device.proxy("int"))
    everything = device.proxy("Everything")
    assert isinstance(everything(), everything)
    assert not isinstance(3, everything)
    assert issubclass(everything, device.proxy("object"))


def test_numpy_leaves_operators_to_the_proxy(device: belay.Device) -> None:
    numpy = pytest.importorskip("numpy")
    items = device.proxy("import array").array("h", [1, 2])
    assert items == numpy.array([1, 2], dtype=numpy.int16)
    assert len(items + numpy.array([3], dtype=numpy.int16)) == 3
