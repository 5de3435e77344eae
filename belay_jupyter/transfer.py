# SPDX-License-Identifier: Apache-2.0
"""What ``-i`` and ``-o`` move between the notebook and a board."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Mapping, Sequence
from typing import Any

from belay.errors import BelayException
from belay_jupyter.options import unquoted

__all__ = ["TransferError", "given_values", "wanted_names"]


class TransferError(BelayException):
    """``-i`` or ``-o`` names something that is not there, or is no name."""


def given_values(texts: Sequence[str], namespace: Mapping[str, Any]) -> dict[str, Any]:
    """The values that ``-i`` gives to the board.

    Args:
        texts: what stands behind each ``-i``: names and ``name=expression``, with commas between.
        namespace: the notebook's variables.

    Raises:
        TransferError: it cannot be understood, or has no value here.
    """
    values: dict[str, Any] = {}
    for text in map(unquoted, texts):
        for name, expression in _items(text):
            try:
                values[name] = eval(expression, dict(namespace))
            except Exception as error:
                raise TransferError(f"-i {text}: {type(error).__name__}: {error}") from None
    return values


def _items(text: str) -> list[tuple[str, str]]:
    """The names in what stands behind ``-i``, each with its expression."""
    wrong = TransferError(
        f"-i {text}: give names of the notebook, or name=expression, with commas between them: "
        "-i a,b=max(c)"
    )
    try:
        call = ast.parse(f"f({text})", mode="eval").body
    except (SyntaxError, ValueError):
        raise wrong from None
    if not isinstance(call, ast.Call) or not (call.args or call.keywords):
        raise wrong
    items = []
    for argument in call.args:
        if not isinstance(argument, ast.Name):
            raise wrong
        items.append((argument.id, argument.id))
    for given in call.keywords:
        if given.arg is None:
            raise wrong
        items.append((given.arg, ast.unparse(given.value)))
    return items


def wanted_names(texts: Sequence[str]) -> list[str]:
    """The names behind ``-o``.

    Raises:
        TransferError: one of them is no name.
    """
    names = [name.strip() for text in texts for name in unquoted(text).split(",")]
    for name in names:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise TransferError(f"-o {name}: give names of variables on the board: -o x,y")
    return list(dict.fromkeys(names))
