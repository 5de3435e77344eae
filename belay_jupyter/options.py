# SPDX-License-Identifier: Apache-2.0
"""The options of the magics."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

from IPython.core import magic as decorators
from IPython.core import magic_arguments as untyped
from IPython.core.error import UsageError

__all__ = [
    "argument",
    "cell_magic",
    "line_cell_magic",
    "line_magic",
    "magic_arguments",
    "needs_local_scope",
    "no_var_expand",
    "parse",
    "split",
    "target_option",
    "unquoted",
]

F = TypeVar("F", bound=Callable[..., Any])


class _Decorator(Protocol):
    def __call__(self, function: F, /) -> F: ...


# IPython has no types for these, or wrong ones.
cell_magic = cast(_Decorator, decorators.cell_magic)
line_magic = cast(_Decorator, decorators.line_magic)
line_cell_magic = cast(_Decorator, decorators.line_cell_magic)
no_var_expand = cast(_Decorator, decorators.no_var_expand)
needs_local_scope = cast(_Decorator, decorators.needs_local_scope)
magic_arguments: Callable[[], _Decorator] = untyped.magic_arguments
argument: Callable[..., _Decorator] = untyped.argument
_parse: Callable[[Callable[..., Any], str], Any] = untyped.parse_argstring


class _Targets(argparse.Action):
    """Collects what stands behind each ``-t``, with commas between."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        value: Any,
        option: str | None = None,
    ) -> None:
        before = getattr(namespace, self.dest)
        names = unquoted(value).replace(" ", "")
        setattr(namespace, self.dest, f"{before},{names}".lstrip(","))


target_option = argument(
    "-t",
    "--target",
    action=_Targets,
    default="",
    metavar="NAME",
    help="The board to use: a name, names with commas between, or all. May be repeated. Without, "
    "the one that was connected last.",
)

_WORD = re.compile(r"""\s*("[^"]*"|'[^']*'|\S+)""")


def parse(magic: Callable[..., Any], line: str) -> Any:
    """The options in a magic's line.

    Raises:
        UsageError: they are wrong; IPython shows it as one red line.
    """
    try:
        return _parse(magic, line)
    except UsageError as error:
        raise UsageError(f"{error} (%{magic.__name__}? shows the options)") from None
    except ValueError as error:  # a quote that is not closed
        raise UsageError(f"{error}: {line.strip()}") from None


def split(magic: Callable[..., Any], line: str) -> tuple[Any, str]:
    """The options at the beginning of a magic's line, and the code that follows."""
    takes_value = _options(magic)
    end = 0
    while match := _WORD.match(line, end):
        word, _, value = match[1].partition("=")
        if word not in takes_value:
            break
        end = match.end()
        if takes_value[word] and not value and (match := _WORD.match(line, end)):
            end = match.end()
    return parse(magic, line[:end]), line[end:].strip()


def _options(magic: Callable[..., Any]) -> dict[str, bool]:
    """The options of a magic, and whether each takes a value."""
    actions: list[argparse.Action] = getattr(magic, "parser")._actions  # noqa: B009
    return {name: action.nargs != 0 for action in actions for name in action.option_strings}


def unquoted(text: str) -> str:
    """A value without the quotes around it: IPython leaves them where they were typed."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text
