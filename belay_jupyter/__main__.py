# SPDX-License-Identifier: Apache-2.0
"""``python -m belay_jupyter demo``."""

from __future__ import annotations

import argparse
import sys

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run a subcommand; returns the exit code.

    Args:
        arguments: those of the command line; None takes them from there.
    """
    parser = argparse.ArgumentParser(
        prog="python -m belay_jupyter", description="MicroPython boards in notebooks."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="run the first notebook on the virtual board, and show in the terminal what it shows",
    )
    demo.add_argument(
        "notebook", nargs="?", metavar="NOTEBOOK", help="another notebook to run (an .ipynb file)"
    )
    options = parser.parse_args(arguments)

    from belay_jupyter.installation import check_installation

    try:
        check_installation()
        # What a demo needs takes a few seconds to load on a small machine.
        print("Starting a notebook kernel and a virtual board ...", flush=True)
        from belay_jupyter.demo import run_demo
    except ImportError as error:
        print(error, file=sys.stderr)
        return 1
    return run_demo(options.notebook)


if __name__ == "__main__":
    sys.exit(main())
