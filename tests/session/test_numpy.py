# SPDX-License-Identifier: Apache-2.0
"""NumPy's values to a board and back, and what is too large for one segment."""

from __future__ import annotations

import subprocess
import sys
from array import array
from collections.abc import Iterator
from typing import Any

import numpy
import pytest

import belay
from belay import errors
from belay.session.adapt import adapt, as_numpy, numpy_results
from belay.session.session import Session
from belay.wire.values import CannotTravel
from tests.session.boards import open_session

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with_same = "def same(*a): return a[0] if len(a) == 1 else a"
    session = open_session("virtual:", startup=with_same)
    yield session
    session.close()


ARRAYS: list[tuple[Any, Any]] = [
    *((numpy.array([1, 2, 100], dtype), array(c, [1, 2, 100]))
      for dtype, c in zip(INTEGERS, "bhiqBHIQ", strict=True)),
    (numpy.array([-(2**63), 2**63 - 1]), array("q", [-(2**63), 2**63 - 1])),
    (numpy.array([2**64 - 1], "uint64"), array("Q", [2**64 - 1])),
    (numpy.array([0.1, numpy.inf], "float32"), array("f", [0.1, float("inf")])),
    (numpy.array([0.1, -0.0]), array("d", [0.1, -0.0])),
    (numpy.array([True, False, True]), array("B", [1, 0, 1])),
    (numpy.array([], "int16"), array("h")),
    (numpy.array([1, 2, 258], ">u2"), array("H", [1, 2, 258])),
    (numpy.array([1.5, 2.5], ">f8"), array("d", [1.5, 2.5])),
    (numpy.arange(10, dtype="int32")[::-3], array("i", [9, 6, 3, 0])),
    (numpy.arange(6, dtype="uint8").reshape(2, 3), [array("B", [0, 1, 2]), array("B", [3, 4, 5])]),
    (numpy.arange(6.0).reshape(2, 3).T, [array("d", [i, i + 3]) for i in range(3)]),
    (numpy.zeros((2, 1, 2), "int8"), [[array("b", [0, 0])]] * 2),
    (numpy.zeros((0, 3)), []),
    (numpy.zeros((2, 0)), [array("d"), array("d")]),
    (numpy.array(7), 7),
    (numpy.array(0.5, "float32"), 0.5),
    (numpy.array("text"), "text"),
    (numpy.array([[1.0, 2.0]]).view(numpy.matrix), [array("d", [1.0, 2.0])]),
]  # fmt: skip

SCALARS: list[tuple[Any, Any]] = [
    *((getattr(numpy, name)(100), 100) for name in INTEGERS),
    (numpy.uint64(2**64 - 1), 2**64 - 1),
    (numpy.float64(0.1), 0.1),
    (numpy.float32(0.1), float(numpy.float32(0.1))),
    (numpy.float16(0.5), 0.5),
    (numpy.complex128(1 + 2j), 1 + 2j),
    (numpy.bool_(True), True),
    (numpy.str_("ä"), "ä"),
    (numpy.bytes_(b"\x00\xff"), b"\x00\xff"),
]

REFUSED: list[tuple[Any, str]] = [
    (numpy.zeros(3, "float16"), r"float16: no board knows this float; try .astype\('float32'\)"),
    (numpy.zeros(3, "longdouble"), r"try .astype\('float64'\)"),
    (numpy.longdouble(1), r"try .astype\('float64'\)"),
    (numpy.zeros(3, complex), "complex128: boards have no arrays of complex numbers"),
    (numpy.array([None, "x"]), r"object: it holds Python objects; try .tolist\(\)"),
    (numpy.array(None), "object: it holds Python objects"),
    (numpy.array(["x"]), "it holds texts"),
    (numpy.array([b"x"]), "it holds texts"),
    (numpy.zeros(2, "datetime64[ns]"), "boards have no such times"),
    (numpy.timedelta64(3, "ns"), "boards have no such times"),
    (numpy.zeros(2, [("a", int), ("b", float)]), "it holds records; send its fields"),
    (numpy.ma.masked_array([1, 2], [0, 1]), r"its mask would be lost; try .filled\(\)"),
]


def name_of(value: Any) -> str:
    return f"{type(value).__name__} {getattr(value, 'dtype', '')} {getattr(value, 'shape', '')}"


@pytest.mark.parametrize(("value", "travels"), ARRAYS + SCALARS, ids=name_of)
def test_what_it_travels_as(session: Session, value: Any, travels: Any) -> None:
    got = session.call("same", (value,), {})
    assert got == travels
    assert type(got) is type(travels)
    assert getattr(got, "typecode", "") == getattr(travels, "typecode", "")


@pytest.mark.parametrize(("value", "reason"), REFUSED, ids=name_of)
def test_what_cannot_travel_says_why(session: Session, value: Any, reason: str) -> None:
    with pytest.raises(CannotTravel, match=reason):
        adapt(value)
    with pytest.raises(errors.UnsupportedValueError, match=reason) as caught:
        session.call("same", ({"log": [1, value]},), {})
    assert caught.value.path == "args[0]['log'][1]"
    assert caught.value.type_name.startswith("numpy.")


def test_inside_containers_and_among_others(session: Session) -> None:
    image = numpy.arange(12, dtype="uint16").reshape(3, 4)
    got = session.call("same", ({"a": [numpy.float64(1.5)], 2: (image,)}, numpy.int8(3)), {})
    assert got == ({"a": [1.5], 2: ([array("H", row) for row in image],)}, 3)


def test_other_strangers_stay_strangers() -> None:
    assert adapt(object()) is NotImplemented
    assert adapt(numpy.dtype("int8")) is NotImplemented
    assert adapt(numpy) is NotImplemented


def test_results_as_numpys(session: Session) -> None:
    session.execute(
        "from array import array\n"
        "def some(): return {'a': [array('h', [1, -2]), (array('f', [0.5]), 'x')],"
        "'m': memoryview(b'ab'), 'n': [1, 2], 'b': b'raw', 'e': array('d')}",
        "t",
    )
    plain = session.call("some", (), {})
    values = as_numpy(session.call("some", (), {}))
    assert values["a"][0].dtype == numpy.int16
    assert values["a"][0].tolist() == [1, -2]
    assert values["a"][1][0].dtype == numpy.float32
    assert values["a"][1][1] == "x"
    assert isinstance(values["a"][1], tuple)
    assert values["m"].tolist() == [97, 98]
    assert values["e"].shape == (0,)
    assert values["e"].dtype == numpy.float64
    assert (values["n"], values["b"]) == (plain["n"], b"raw")
    numpy.testing.assert_array_equal(as_numpy(session.evaluate("array('I', range(9))")), range(9))
    assert as_numpy(None) is None


@pytest.mark.parametrize("dtype", [*INTEGERS, "float32", "float64"])
def test_there_and_back_is_the_same_array(session: Session, dtype: str) -> None:
    values = numpy.random.default_rng(1).integers(0, 100, 3000).astype(dtype)
    back = numpy_results()(session.call("same", (values,), {}))
    assert back.dtype == values.dtype
    numpy.testing.assert_array_equal(back, values)


def test_calls_and_tasks_that_give_numpys_arrays() -> None:
    with belay.Device("virtual:", startup="from array import array") as device:

        @device.task(numpy=True)
        def doubled(values):  # type: ignore[no-untyped-def]
            return array("h", [2 * each for each in values])

        samples = doubled(numpy.array([1, 2, 300], "int16"))
        assert samples.dtype == numpy.int16
        assert samples.tolist() == [2, 4, 600]
        image = device("[array('B', [1, 2]), array('B', [3, 4])]", numpy=True)
        assert numpy.stack(image).tolist() == [[1, 2], [3, 4]]
        assert type(device("array('B', [1])")) is array


def test_results_are_not_copied() -> None:
    original = array("i", [1, 2, 3])
    turned = as_numpy([original])[0]
    turned[1] = 7
    assert original[1] == 7
    assert turned.flags.writeable


def test_numpy_is_never_imported_for_it() -> None:
    code = (
        "import sys, belay.device; from belay.session.adapt import adapt; from fractions import *;"
        "assert adapt(Fraction(1, 2)) is NotImplemented; print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n", done.stderr


def test_without_numpy_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert adapt(object()) is NotImplemented
    with pytest.raises(ModuleNotFoundError, match="pip install numpy"):
        as_numpy(1)


@pytest.mark.parametrize(
    "value",
    [
        [bytes([i % 251]) * 250 for i in range(4200)],
        bytes(range(256)) * 1024,
        numpy.random.default_rng(3).integers(0, 1 << 31, 65536, "int32"),
    ],
    ids=["a list of 1 MB", "256 KB of bytes", "256 KB of numbers"],
)
def test_large_values_travel_both_ways(session: Session, value: Any) -> None:
    back = session.call("same", (value,), {})
    if isinstance(value, numpy.ndarray):
        numpy.testing.assert_array_equal(as_numpy(back), value)
    else:
        assert back == value
