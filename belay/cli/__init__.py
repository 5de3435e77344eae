# SPDX-License-Identifier: Apache-2.0
"""The ``belay`` command.

``belay --version``, ``belay --help`` and ``belay`` alone are answered from the table below before
anything else is imported: cyclopts alone costs more than a tenth of a second.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from belay import __version__
from belay.errors import BelayException

__all__ = ["COMMANDS", "main", "overview"]

COMMANDS: dict[str, tuple[str, str]] = {
    "virtual": (
        "belay.cli.virtual:virtual",
        "Run a virtual MicroPython board that other programs can connect to.",
    ),
}
"""Name of each command → where its function lives (``module:function``), and its one-line help."""

EXIT_OK, EXIT_ERROR, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130


def overview() -> str:
    """The text of ``belay --help``: every command with its line."""
    width = max(map(len, COMMANDS))
    rows = [f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(
        [
            "Usage: belay COMMAND [ARGUMENTS]",
            "",
            "Drive MicroPython boards from Python.",
            "",
            "Commands:",
            *rows,
            "",
            "belay COMMAND --help  tells more about one command.",
            "belay --version       prints the version.",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the ``belay`` command.

    Args:
        arguments: what was typed after ``belay``; None takes it from ``sys.argv``.

    Returns:
        The exit status: 0, 1 for an error that has been explained on stderr, 2 for arguments
        that make no sense, 130 after Ctrl-C.
    """
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    if not tokens or tokens[0] in ("--help", "-h"):
        print(overview())
        return EXIT_OK
    if tokens[0] in ("--version", "-V"):
        print(__version__)
        return EXIT_OK
    try:
        return _run(tokens)
    except BelayException as error:
        print(f"belay: {str(error).strip()}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _run(tokens: list[str]) -> int:
    from belay.installation import check_installation

    check_installation()

    from cyclopts import CycloptsError

    from belay.cli.app import build_app

    app = build_app()
    try:
        result = app(tokens, exit_on_error=False, print_error=True, result_action="return_value")
    except CycloptsError:
        return EXIT_USAGE  # cyclopts has printed what is wrong
    return result if isinstance(result, int) else EXIT_OK
