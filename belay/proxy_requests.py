# SPDX-License-Identifier: Apache-2.0
"""How a Device asks for proxies, resolves them, and trusts a board with more than values."""

from __future__ import annotations

import keyword
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from belay import errors
from belay.proxies import ProxyObject, kind_in, make_proxy_from_result, operation
from belay.proxy_operations import EVALUATE, IMPORT, RESOLVE
from belay.session.requests import Operation, using
from belay.source.cells import imported_names, is_expression
from belay.source.linemap import HERE

if TYPE_CHECKING:
    from belay.device import Device

__all__ = ["name_or_request", "proxied", "resolved", "trusted_value", "trusting"]


def proxied(
    device: Device, source: str, delete: bool | None = None
) -> tuple[Operation, Callable[[Any], Any]]:
    """What ``device(source, proxy=True)`` has the board do, and what it makes of the answer.

    Args:
        device: the board.
        source: an expression, or an import statement.
        delete: let go of the object when its proxy goes; by default of what an expression made,
            and not of what was imported.

    Raises:
        NotImplementedError: another statement, which has no value.
        ValueError: ``from module import *``, which does not say what it imports.
    """
    if is_expression(source):
        made = delete is None or delete
        return operation(EVALUATE, source.strip()), lambda answer: make_proxy_from_result(
            device, answer, made
        )
    names = imported_names(source)
    if names is None:
        raise NotImplementedError(
            "proxy=True needs an expression or one import statement, and this is neither: "
            f"{source.strip()!r:.80}"
        )

    def imported(answer: list[Any]) -> Any:
        proxies = []
        for name, description in zip(names, answer, strict=True):
            proxy = ProxyObject(device, name, bool(delete))
            proxy._belay_kind = kind_in(device._session, description)
            proxies.append(proxy)
        return proxies[0] if len(proxies) == 1 else tuple(proxies)

    return operation(IMPORT, HERE, source, list(names)), imported


def resolved(proxy: ProxyObject) -> Operation:
    """What ``device(proxy)`` has the board do: answer the object by value."""
    return operation(RESOLVE, proxy)


def name_or_request(device: Device, text: str, delete: bool | None = None) -> Any:
    """``device.proxy(text)``: a name needs no board; anything else is evaluated there."""
    if not isinstance(text, str):
        raise TypeError(f"what a proxy is to stand for must be said in a str, not {text!r}")
    text = text.strip()
    if text.isidentifier() and not keyword.iskeyword(text):
        return ProxyObject(device, text, bool(delete))
    return device(text, proxy=True, delete=delete)


def trusting(wanted: Operation) -> Operation:
    """The same operation for a caller who trusts the board: what cannot travel comes as text."""
    known = using(wanted) if wanted.extension else wanted
    return Operation(b"t", (known.code[0], known.args), "trusted", wanted.label)


def trusted_value(answer: tuple[Any, ...]) -> Any:
    """The value of an operation made by :func:`trusting`; evaluates its ``repr`` on the host.

    Raises:
        UnsupportedValueError: the text means nothing here.
    """
    if answer[0]:
        return answer[1]
    _, text, type_name = answer
    try:
        return eval(text, {"inf": math.inf, "nan": math.nan})
    except Exception as error:
        raise errors.UnsupportedValueError(
            f"result: a value of type {type_name!r} cannot travel, and its text {text!r:.200} "
            f"means nothing to Python here ({type(error).__name__}: {error})",
            type_name=type_name,
            path="result",
        ) from None
