# SPDX-License-Identifier: Apache-2.0
"""One command as cyclopts sees it: made from its row of the table and its function."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from cyclopts import App, CycloptsError, Parameter

from belay.cli.table import COMMANDS
from belay.cli.usage import UsageError, WordCountError

__all__ = ["build_app", "function_of", "run_command"]


def run_command(name: str, tokens: Sequence[str]) -> int:
    """Run a command of the table.

    Args:
        name: which.
        tokens: what was typed behind its name.

    Returns:
        The exit status: what the function returns, 0 for None.

    Raises:
        UsageError: the arguments make no sense.
    """
    app = build_app(name)
    prepare = getattr(function_of(name), "prepare", list)
    try:
        result = app(
            prepare(tokens), exit_on_error=False, print_error=False, result_action="return_value"
        )
    except CycloptsError as error:
        what = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"{name}: {what} Try: belay {name} --help") from None
    except WordCountError as error:
        raise UsageError(f"{name}: {error}. Usage: {_usage(name)}") from None
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None
    return result if isinstance(result, int) else 0


def build_app(name: str) -> App:
    """The cyclopts application of one command; imports the command's module."""
    function = function_of(name)
    description, examples = _help_of(function)
    app = App(
        name=f"belay {name}",
        help=description,
        usage=f"Usage: {_usage(name)}",
        help_epilogue=examples,
        # The default format loads a Markdown renderer; our help is plain text.
        help_format="plaintext",
        version_flags=(),
        default_parameter=Parameter(negative=(), show_default=False),
        suppress_keyboard_interrupt=False,
    )
    app["--help"].show = False
    app.default(_unwrapped(function))
    return app


def function_of(name: str) -> Callable[..., Any]:
    """The function behind a command."""
    module, _, function = COMMANDS[name].target.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found


def _unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function; each description of an argument is one line, which help breaks anew."""

    @functools.wraps(function)
    def called(*args: Any, **keywords: Any) -> Any:
        return function(*args, **keywords)

    text = inspect.getdoc(function) or ""
    called.__doc__ = re.sub(r"\n {5,}(?=\S)", " ", text.partition("\nExamples:\n")[0])
    return called


def _usage(name: str) -> str:
    return " ".join(["belay", name, *COMMANDS[name].arguments.split(), "[OPTIONS]"])


def _help_of(function: Callable[..., Any]) -> tuple[str, str]:
    """The description and the examples of a command, from its docstring."""
    text = inspect.getdoc(function) or ""
    head, _, examples = text.partition("\nExamples:\n")
    description = head.partition("\nArgs:\n")[0].strip()
    paragraphs = [" ".join(part.split()) for part in description.split("\n\n")]
    return "\n\n".join(paragraphs), f"Examples:\n{examples.rstrip()}" if examples else ""
