# SPDX-License-Identifier: Apache-2.0
"""The cyclopts application behind the ``belay`` command, built from the table of commands."""

from __future__ import annotations

from cyclopts import App, Parameter
from rich.console import Console

from belay import __version__
from belay.cli import COMMANDS

__all__ = ["build_app"]


def build_app() -> App:
    """Make the application; a command's module is imported when that command runs."""
    app = App(
        name="belay",
        help="Drive MicroPython boards from Python.",
        version=__version__,
        # The default format loads a Markdown renderer; our help is plain text.
        help_format="plaintext",
        version_format="plaintext",
        default_parameter=Parameter(negative=()),  # no --no-pty beside --pty
        error_console=Console(stderr=True),
        suppress_keyboard_interrupt=False,
    )
    for name, (target, text) in COMMANDS.items():
        app.command(target, name=name, help=text)
    return app
