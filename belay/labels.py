# SPDX-License-Identifier: Apache-2.0
"""How errors and batches call an operation: as the program wrote it, more or less."""

from __future__ import annotations

import re
from typing import Any

from belay.proxy_operations import (
    CALL,
    EVALUATE,
    EXPRESSION,
    GET,
    GET_ITEM,
    IMPORT,
    LEARN,
    METHOD,
    SET,
    SET_ITEM,
    STATEMENTS,
)
from belay.session import requests
from belay.session.requests import Operation

__all__ = ["label_of"]


def label_of(operation: Operation, source: str = "") -> str:
    """An operation as the program wrote it, more or less.

    Args:
        operation: what the board is to do.
        source: the program's own text, where it gave one.
    """
    code, args = operation.code, operation.args
    if source:
        return _short(source.strip().partition("\n")[0])
    if code == requests.TIMED:
        return label_of(operation._replace(code=bytes((args[0],)), args=args[1]))
    if code == b"t":
        return label_of(Operation(bytes((args[0],)), args[1]))
    if code == requests.USE:
        return label_of(Operation(bytes((args[2],)), args[3]))
    if code == b"p":
        return _proxy_label(*args)
    if code == requests.CALL:
        return f"{args[0]}({_arguments(args[1:])})"
    if code == requests.CALL_KEYWORDS:
        return f"{args[0]}({_arguments(args[2:], args[1])})"
    if code == requests.EVALUATE:
        return label_of(operation, args[0])
    if code in (requests.EXECUTE, requests.VALUE):
        return label_of(operation, args[1])
    return "a call"


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _shown(value: Any) -> str:
    return _name(value) if hasattr(type(value), "__belay_reference__") else _short(repr(value))


def _arguments(args: tuple[Any, ...], keywords: dict[str, Any] | None = None) -> str:
    named = [f"{name}={_shown(value)}" for name, value in (keywords or {}).items()]
    return ", ".join([*map(_shown, args), *named])


def _name(proxy: Any) -> str:
    if isinstance(proxy, str):
        return proxy
    kind, target = proxy._belay_kind, proxy._belay_target_name
    return f"<{kind.name}>" if kind is not None and not target.isidentifier() else str(target)


def _proxy_label(kind: int, *operands: Any) -> str:
    if kind in (EVALUATE, IMPORT):
        return _short(operands[kind == IMPORT])
    name, rest = _name(operands[0]), operands[1:]
    if kind == METHOD:
        return f"{name}.{rest[0]}({_arguments(rest[2:], rest[1])})"
    if kind == CALL:
        return f"{name}({_arguments(rest[1:], rest[0])})"
    if kind in (GET, LEARN):
        return f"{name}.{rest[0]}"
    if kind == SET:
        return f"{name}.{rest[0]} = {_shown(rest[1])}"
    if kind == GET_ITEM:
        return f"{name}[{_shown(rest[0])}]"
    if kind == SET_ITEM:
        return f"{name}[{_shown(rest[0])}] = {_shown(rest[1])}"
    if kind in (STATEMENTS, EXPRESSION):
        shown = dict(zip("bcdefgh", map(_shown, rest[1:]), strict=False), a=name)
        text = rest[0].removesuffix(";return a")
        return _short(re.sub(r"\b[a-h]\b", lambda match: shown.get(match[0], match[0]), text))
    return name
