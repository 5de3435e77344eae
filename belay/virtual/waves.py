# SPDX-License-Identifier: Apache-2.0
"""Quantities of the outside world: numbers, expressions of the time, or functions of the host."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .control import Client, Json

__all__ = ["Wave", "constant", "expression", "level"]

Wave = Callable[[float], float]
"""A quantity, so many seconds after power-on."""

_NAMES: dict[str, Any] = {
    "pi": math.pi,
    "tau": math.tau,
    "e": math.e,
    **{name: getattr(math, name) for name in ("sin", "cos", "tan", "exp", "log", "sqrt", "floor")},
    "abs": abs,
    "min": min,
    "max": max,
    "round": round,
}


def constant(value: float) -> Wave:
    """The same at all times."""
    return lambda _seconds: value


def expression(text: str) -> Wave:
    """What a text such as ``1.65 + sin(t)`` says; ``t`` is the time in seconds.

    Raises:
        ValueError: it is no arithmetic of numbers, ``t`` and the functions there are.
    """
    import ast

    allowed = (
        *(ast.Expression, ast.BinOp, ast.UnaryOp, ast.Constant, ast.Name, ast.Load, ast.Call),
        *(ast.Compare, ast.IfExp, ast.operator, ast.unaryop, ast.cmpop),
    )
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        raise ValueError(f"{text!r} is no expression") from None
    for node in ast.walk(tree):
        if not isinstance(node, allowed) or isinstance(node, ast.keyword):
            raise ValueError(f"{text!r} is more than arithmetic: {type(node).__name__}")
        if isinstance(node, ast.Name) and node.id != "t" and node.id not in _NAMES:
            known = ", ".join(sorted(_NAMES))
            raise ValueError(f"{text!r}: there is no {node.id!r}, only t, {known}")
        if isinstance(node, ast.Constant) and not isinstance(node.value, (int, float)):
            raise ValueError(f"{text!r}: {node.value!r} is no number")
        if isinstance(node, ast.Pow):
            raise ValueError(f"{text!r}: there is no **; write exp(y * log(x)) or x * x")
    code = compile(tree, "expression", "eval")

    def wave(seconds: float) -> float:
        try:
            return float(eval(code, {"__builtins__": {}, **_NAMES, "t": seconds}))
        except (ArithmeticError, TypeError, ValueError):
            return 0.0  # outside of where it is defined

    return wave


def level(said: Json, client: Callable[[], Client]) -> Wave:
    """What a command says of a quantity: a number, an expression, or to ask whoever gave it.

    Raises:
        ValueError: it says none of these.
    """
    if isinstance(said, bool) or not isinstance(said, (int, float, str, dict)):
        raise ValueError(f"{said!r} is no number, expression or function")
    if isinstance(said, str):
        return expression(said)
    if isinstance(said, dict):
        return _asked(str(said["ask"]), client())
    if not math.isfinite(said):
        raise ValueError(f"{said!r} is no number that can be measured")
    return constant(float(said))


def _asked(name: str, client: Client) -> Wave:
    """A function of the host; the last value holds where the host has gone or does not answer."""
    last = 0.0

    def wave(seconds: float) -> float:
        nonlocal last
        value = client.ask(name, seconds)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            last = float(value)
        return last

    return wave
