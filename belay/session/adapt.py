# SPDX-License-Identifier: Apache-2.0
"""NumPy's values as ones that can travel, and results as NumPy's.

NumPy is never imported for a value's sake: one of its values cannot exist before it is loaded.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable
from importlib import import_module
from typing import Any

from belay.wire.values import CannotTravel

__all__ = ["adapt", "as_numpy", "numpy_results"]

_CODES = {
    **{f"i{size}": code for size, code in zip((1, 2, 4, 8), "bhiq", strict=True)},
    **{f"u{size}": code for size, code in zip((1, 2, 4, 8), "BHIQ", strict=True)},
    "f4": "f",
    "f8": "d",
    "b1": "B",
}
"""Typecode of the array that a dtype travels as. A board has no array of bools: 0 and 1."""

_REASONS = {
    "f2": "no board knows this float; try .astype('float32')",
    "f": "no board knows this float; try .astype('float64')",
    "c": "boards have no arrays of complex numbers; try .tolist()",
    "O": "it holds Python objects; try .tolist()",
    "S": "it holds texts; try .tolist()",
    "U": "it holds texts; try .tolist()",
    "T": "it holds texts; try .tolist()",
    "M": "boards have no such times; try .astype('int64')",
    "m": "boards have no such times; try .astype('int64')",
    "V": "it holds records; send its fields",
}

_PLAIN = frozenset({bool, int, float, complex, str, bytes})


def adapt(value: Any) -> Any:
    """What a value of another type travels as; NotImplemented where it cannot.

    ========================  ===================================================================
    a scalar, a 0-D array     bool, int, float, complex, str, bytes
    an array of one dimension ``array.array``: integers and floats as they are, bools as 0 and 1
    one of more dimensions    lists of those, in lists
    a subclass of a type that its base, if it is shown as its base is: Belay 0.30 sent what
    travels                   ``repr`` shows; one with a repr of its own means something else
    ========================  ===================================================================

    Raises:
        CannotTravel: boards have nothing that could hold it.
    """
    numpy = sys.modules.get("numpy")
    scalars: Any = getattr(numpy, "generic", ())
    arrays: Any = getattr(numpy, "ndarray", ())
    if isinstance(value, scalars):
        return _scalar(value)
    if isinstance(value, arrays):
        if hasattr(value, "mask"):
            raise _cannot(value, "its mask would be lost; try .filled() or .compressed()")
        return _rows(value.view(arrays)) if value.ndim else _scalar(value)
    for base, plain in _BASES.items():
        own: Any = type(value)
        if own is not base and issubclass(own, base) and own.__repr__ is base.__repr__:
            return plain(value)
    return NotImplemented


_BASES: dict[type, Callable[[Any], Any]] = {
    int: int.__int__,
    float: float.__float__,
    complex: lambda value: complex(value.real, value.imag),
    str: str.__str__,
    bytes: lambda value: bytes(memoryview(value)),
    bytearray: lambda value: bytearray(memoryview(value)),
    list: lambda value: list(list.__iter__(value)),
    tuple: lambda value: tuple(tuple.__iter__(value)),
    dict: lambda value: dict(dict.items(value)),
}
"""Of subclasses, the value as the base has it, whatever methods they have overridden. (The repr of
a set shows the name of its class.)"""


def _scalar(value: Any) -> Any:
    dtype = value.dtype
    plain = value.item()
    if type(plain) not in _PLAIN or dtype.kind in "mM":
        raise _cannot(value, _reason(dtype).partition("; try .tolist")[0])
    return plain


def _rows(value: Any) -> Any:
    """An array of one dimension, or lists of such."""
    if value.ndim > 1:
        return [_rows(row) for row in value]
    dtype = value.dtype
    code = _CODES.get(f"{dtype.kind}{dtype.itemsize}")
    if code is None:
        raise _cannot(value, _reason(dtype))
    # The bytes come in order, whatever the strides are.
    return array(code, value.astype(dtype.newbyteorder("="), copy=False).tobytes())


def _reason(dtype: Any) -> str:
    kind = dtype.kind
    return f"{dtype}: {_REASONS.get(f'{kind}{dtype.itemsize}') or _REASONS.get(kind, 'unknown')}"


def _cannot(value: Any, reason: str) -> CannotTravel:
    kind = type(value)
    return CannotTravel(f"{kind.__module__}.{kind.__qualname__}", reason=reason)


def numpy_results() -> Callable[[Any], Any]:
    """Get ready to turn results into NumPy's; see :func:`as_numpy`.

    Raises:
        ModuleNotFoundError: NumPy is not installed.
    """
    try:
        asarray = import_module("numpy").asarray
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        text = "numpy=True needs NumPy, which is not installed here; try: pip install numpy"
        raise ModuleNotFoundError(text, name="numpy") from None

    def turned(value: Any) -> Any:
        kind = type(value)
        if kind is array or kind is memoryview:
            return asarray(memoryview(value))  # the same memory
        if kind is tuple:
            return tuple([turned(item) for item in value])
        if kind is list or kind is dict:
            for key, item in enumerate(value) if kind is list else value.items():
                if type(item) in nesting:
                    value[key] = turned(item)
        return value

    nesting = frozenset({array, memoryview, tuple, list, dict})
    return turned


def as_numpy(value: Any) -> Any:
    """A result in which every ``array.array`` and memoryview has become an ``ndarray``.

    They are looked for in lists, tuples and the values of dicts; lists and dicts are changed in
    place. Nothing is copied: an ndarray uses the memory of what it stands for. All other values,
    bytes and plain lists of numbers too, stay what they are.

    Args:
        value: a value as the board answered it.

    Raises:
        ModuleNotFoundError: NumPy is not installed.
    """
    return numpy_results()(value)
