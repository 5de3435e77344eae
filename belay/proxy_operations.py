# SPDX-License-Identifier: Apache-2.0
"""The operators that a proxy has: all that an object in Python can have."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from belay import errors

__all__ = ["Operators"]

GET, LEARN, SET, METHOD, CALL, GET_ITEM, SET_ITEM, ITERATE, NEXT, RESOLVE = range(10)
EVALUATE, IMPORT, MANY, STATEMENTS, EXPRESSION = range(10, 15)
"""The operations of belay/onboard/proxies.py. STATEMENTS and EXPRESSION are the body of a function
whose parameters are a, b, c, …: the object, and the operands behind the text."""

SLICE = 128
"""Items of a container that come at once; the board's constant of the same name."""

_LETTERS = "abcdefgh"

_LEAVE = """\
for n in b:
  t=G.get(n)or getattr(__import__('builtins'),n,0)
  if type(t)is type and issubclass(t,BaseException):break
 else:t=Exception
 try:e=t(*c)
 except TypeError:e=Exception(*c)
 return bool(a.__exit__(t,e,None))"""

_DIR = (
    "'\\n'.join(list(a.__dict__)+dir(type(a))"
    "if type(a)is not type and hasattr(a,'__dict__')else dir(a))"
)
"""Not ``dir(a)``: on an instance, MicroPython's runs the properties. One str, for it travels."""


def _expression(text: str) -> Callable[..., Any]:
    """An operator whose value is that of an expression on the board."""

    def operator(self: Operators, *operands: Any) -> Any:
        return self._belay_operate(EXPRESSION, text, *operands)

    return operator


def _comparison(text: str) -> Callable[..., Any]:
    def operator(self: Operators, other: Any) -> Any:
        try:
            return self._belay_operate(EXPRESSION, text, other)
        except errors.UnsupportedValueError:
            return NotImplemented  # what the board cannot know is another object

    return operator


def _in_place(sign: str) -> Callable[..., Any]:
    text = f"a{sign}=b;return a"

    def operator(self: Operators, other: Any) -> Any:
        return self._belay_operate(STATEMENTS, text, other)

    return operator


def _of_math(name: str) -> Callable[..., Any]:
    return _expression(f"__import__('math').{name}(a)")


class Operators:
    """Operators by what they are on the board; :class:`belay.proxies.ProxyObject` does them."""

    __slots__ = ()

    __array_ufunc__ = None  # numpy's arrays leave an operator to us instead of calling it per item

    def _belay_operate(self, kind: int, *operands: Any) -> Any:
        """Carry out an operation; its result, or inside a batch a Pending."""
        raise NotImplementedError

    def _belay_now(self, what: str, kind: int, *operands: Any) -> Any:
        """The same for what Python needs at once, so that it cannot be in a batch."""
        raise NotImplementedError

    # ---------------------------------------------------------------------------- items

    def __getitem__(self, key: Any) -> Any:
        text, operands = _subscript(key)
        if text:
            return self._belay_operate(EXPRESSION, text, *operands)
        return self._belay_operate(GET_ITEM, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        text, operands = _subscript(key)
        if text:
            text = f"{text}={_LETTERS[len(operands) + 1]}"
            self._belay_operate(STATEMENTS, text, *operands, value)
        else:
            self._belay_operate(SET_ITEM, key, value)

    def __delitem__(self, key: Any) -> None:
        text, operands = _subscript(key)
        text, operands = (text, operands) if text else ("a[b]", (key,))
        self._belay_operate(STATEMENTS, f"del {text}", *operands)

    def __len__(self) -> int:
        return int(self._belay_now("len(…)", EXPRESSION, "len(a)"))

    def __contains__(self, item: Any) -> bool:
        return bool(self._belay_now("… in …", EXPRESSION, "b in a", item))

    # ---------------------------------------------------------------------------- conversions

    def __bool__(self) -> bool:
        return bool(self._belay_now("truth (if, and, or, not)", EXPRESSION, "bool(a)"))

    def __str__(self) -> str:
        return str(self._belay_now("str(…)", EXPRESSION, "str(a)"))

    def __bytes__(self) -> bytes:
        return bytes(self._belay_now("bytes(…)", EXPRESSION, "bytes(a)"))

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        return str(self._belay_now("format(…)", EXPRESSION, "('{:'+b+'}').format(a)", spec))

    def __hash__(self) -> int:
        return int(self._belay_now("hash(…)", EXPRESSION, "hash(a)"))

    def __int__(self) -> int:
        return int(self._belay_now("int(…)", EXPRESSION, "int(a)"))

    def __float__(self) -> float:
        return float(self._belay_now("float(…)", EXPRESSION, "float(a)"))

    def __complex__(self) -> complex:
        return complex(self._belay_now("complex(…)", EXPRESSION, "complex(a)"))

    def __index__(self) -> int:
        # What is no index raises the board's TypeError of one.
        text = "a.__index__()if hasattr(a,'__index__')else a if isinstance(a,int)else[][a]"
        return int(self._belay_now("use as an index", EXPRESSION, text))

    def __dir__(self) -> list[str]:
        text = self._belay_now("dir(…)", EXPRESSION, _DIR)
        return sorted({*text.split("\n"), *(n for n in dir(type(self)) if not n.startswith("_"))})

    def __instancecheck__(self, instance: Any) -> bool:
        return bool(self._belay_now("isinstance(…)", EXPRESSION, "isinstance(b,a)", instance))

    def __subclasscheck__(self, cls: Any) -> bool:
        return bool(self._belay_now("issubclass(…)", EXPRESSION, "issubclass(b,a)", cls))

    # ---------------------------------------------------------------------------- operators

    __eq__ = _comparison("a==b")
    __ne__ = _comparison("a!=b")
    __lt__ = _expression("a<b")
    __le__ = _expression("a<=b")
    __gt__ = _expression("a>b")
    __ge__ = _expression("a>=b")

    __add__ = _expression("a+b")
    __sub__ = _expression("a-b")
    __mul__ = _expression("a*b")
    __truediv__ = _expression("a/b")
    __floordiv__ = _expression("a//b")
    __mod__ = _expression("a%b")
    __matmul__ = _expression("a@b")
    __lshift__ = _expression("a<<b")
    __rshift__ = _expression("a>>b")
    __and__ = _expression("a&b")
    __or__ = _expression("a|b")
    __xor__ = _expression("a^b")
    __divmod__ = _expression("divmod(a,b)")

    __radd__ = _expression("b+a")
    __rsub__ = _expression("b-a")
    __rmul__ = _expression("b*a")
    __rtruediv__ = _expression("b/a")
    __rfloordiv__ = _expression("b//a")
    __rmod__ = _expression("b%a")
    __rmatmul__ = _expression("b@a")
    __rlshift__ = _expression("b<<a")
    __rrshift__ = _expression("b>>a")
    __rand__ = _expression("b&a")
    __ror__ = _expression("b|a")
    __rxor__ = _expression("b^a")
    __rdivmod__ = _expression("divmod(b,a)")
    __rpow__ = _expression("b**a")

    __iadd__ = _in_place("+")
    __isub__ = _in_place("-")
    __imul__ = _in_place("*")
    __itruediv__ = _in_place("/")
    __ifloordiv__ = _in_place("//")
    __imod__ = _in_place("%")
    __imatmul__ = _in_place("@")
    __ilshift__ = _in_place("<<")
    __irshift__ = _in_place(">>")
    __iand__ = _in_place("&")
    __ior__ = _in_place("|")
    __ixor__ = _in_place("^")
    __ipow__ = _in_place("**")

    __neg__ = _expression("-a")
    __pos__ = _expression("+a")
    __invert__ = _expression("~a")
    __abs__ = _expression("abs(a)")
    __trunc__ = _of_math("trunc")
    __floor__ = _of_math("floor")
    __ceil__ = _of_math("ceil")

    def __pow__(self, exponent: Any, modulus: Any = None) -> Any:
        if modulus is None:
            return self._belay_operate(EXPRESSION, "a**b", exponent)
        return self._belay_operate(EXPRESSION, "pow(a,b,c)", exponent, modulus)

    def __round__(self, digits: Any = None) -> Any:
        if digits is None:
            return self._belay_operate(EXPRESSION, "round(a)")
        return self._belay_operate(EXPRESSION, "round(a,b)", digits)

    # ---------------------------------------------------------------------------- with

    def __enter__(self) -> Any:
        return self._belay_now("with", EXPRESSION, "a.__enter__()")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Leave the context on the board; an exception arrives there as the nearest it knows."""
        if kind is None:
            text = "bool(a.__exit__(None,None,None))"
            return bool(self._belay_now("with", EXPRESSION, text))
        names = [one.__name__ for one in kind.__mro__ if one is not object]
        values = error.args if error is not None else ()
        if isinstance(error, errors.PyboardException):
            names.insert(0, error.type)
            values = error.value_args
        plain = [v if type(v) in _PLAIN else repr(v) for v in values]
        return bool(self._belay_now("with", STATEMENTS, _LEAVE, names, plain))


_PLAIN = (int, float, str, bool, bytes, type(None))


def _subscript(key: Any) -> tuple[str, tuple[Any, ...]]:
    """Text and operands of a subscript with slices, which cannot travel; empty for any other."""
    parts = key if type(key) is tuple else (key,)
    if not any(type(part) is slice for part in parts):
        return "", ()
    operands: list[Any] = []

    def letter(value: Any) -> str:
        if len(operands) + 2 >= len(_LETTERS):
            raise TypeError(f"a subscript with too many parts: {key!r}")
        operands.append(value)
        return _LETTERS[len(operands)]

    def bound(value: Any) -> str:
        return "" if value is None else letter(value)

    texts = []
    for part in parts:
        if type(part) is slice:
            step = "" if part.step is None else f":{letter(part.step)}"
            texts.append(f"{bound(part.start)}:{bound(part.stop)}{step}")
        else:
            texts.append(letter(part))
    comma = "," if type(key) is tuple and len(texts) == 1 else ""
    return f"a[{','.join(texts)}{comma}]", tuple(operands)
