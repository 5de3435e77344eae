# SPDX-License-Identifier: Apache-2.0
"""``belay version``."""

from __future__ import annotations

import platform
import sys

from belay import __version__
from belay.cli.options import Json

__all__ = ["version"]


def version(*, json: Json = False) -> None:
    """Show the versions of belay and its Python.

    ``belay --version`` prints the first one alone, and is faster.

    Args:
        json: print a JSON object.

    Examples:
        belay version
    """
    found = {
        "belay": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "executable": sys.executable,
    }
    if json:
        from belay.cli.boards import dump

        print(dump(found))
        return
    for name, value in found.items():
        print(f"{name:<11} {value}")
