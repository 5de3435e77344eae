# SPDX-License-Identifier: Apache-2.0
"""``python -m belay_jupyter``: the demo, the kernel, and what makes the kernel known to Jupyter."""

from __future__ import annotations

import argparse
import os
import sys

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run a subcommand; returns the exit code.

    Args:
        arguments: those of the command line; None takes them from there.
    """
    given = sys.argv[1:] if arguments is None else arguments
    if any(one == "-f" or one.startswith("--f=") for one in given):
        return _kernel(given)
    options = _parser().parse_args(given)
    from belay_jupyter.installation import check_installation

    try:
        check_installation()
    except ImportError as error:
        print(error, file=sys.stderr)
        return 1
    if options.command == "demo":
        return _demo(options)
    return _spec(options)


def _kernel(arguments: list[str]) -> int:
    """Be the kernel of a notebook; Jupyter starts it with ``-f CONNECTION_FILE``."""
    # The notebook's folder comes first on the path of ``python -m``: a file of the user's, such
    # as random.py, must not take the place of what the kernel imports. The kernel adds it later.
    if sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
    from belay_jupyter.installation import check_installation

    try:
        check_installation()
    except ImportError as error:
        from belay_jupyter.explaining import explain

        explain(arguments, str(error))
        return 1
    from belay_jupyter.kernel import launch

    launch(arguments)
    return 0


def _demo(options: argparse.Namespace) -> int:
    # What a demo needs takes a few seconds to load on a small machine.
    what = "a virtual board" if options.replay is None else "a recording"
    print(f"Starting a notebook kernel and {what} ...", flush=True)
    try:
        _hurry()
        from belay_jupyter.demo import run_demo
    except ImportError as error:
        print(error, file=sys.stderr)
        return 1
    return run_demo(
        options.notebook, record=options.record, replay=options.replay, save=options.save
    )


def _spec(options: argparse.Namespace) -> int:
    from belay_jupyter.kernelspec import InstallError, install, uninstall

    try:
        if options.command == "uninstall":
            print(f"Removed {uninstall(options.name, prefix=options.prefix)}")
            return 0
        folder = install(
            options.name,
            prefix=options.prefix,
            display_name=options.display_name,
            address=options.address,
        )
    except InstallError as error:
        print(f"belay_jupyter: {error}", file=sys.stderr)
        return 1
    print(f"Installed the kernel {options.name} in {folder}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m belay_jupyter",
        description="MicroPython boards in notebooks. With -f CONNECTION_FILE it is the kernel.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="run the first notebook on the virtual board, and show in the terminal what it shows",
    )
    demo.add_argument(
        "notebook", nargs="?", metavar="NOTEBOOK", help="another notebook to run (an .ipynb file)"
    )
    tapes = demo.add_mutually_exclusive_group()
    tapes.add_argument(
        "--record", metavar="FOLDER", help="record what is said to its boards, a cassette each"
    )
    tapes.add_argument(
        "--replay", metavar="FOLDER", help="play such cassettes in the place of the boards"
    )
    demo.add_argument(
        "--save", metavar="FILE", help="write the notebook with its outputs there (an .ipynb file)"
    )
    install = commands.add_parser(
        "install",
        help="make the kernel known to a Jupyter of another environment",
        description="Write a kernelspec that starts the kernel with this Python. A Jupyter that "
        "is installed beside this package needs none.",
    )
    uninstall = commands.add_parser("uninstall", help="undo `install`")
    for command in (install, uninstall):
        _add_place(command)
    install.add_argument("--display-name", default="", metavar="TEXT", help="what people see")
    install.add_argument(
        "--address",
        default="",
        help="the board of its notebooks, where they name none, such as /dev/ttyACM0 or virtual:",
    )
    return parser


def _hurry() -> None:
    """Keep nbformat from a module that takes 2 s to load, and is of no use to it.

    jsonschema, which checks notebooks, loads `rfc3987_syntax` where JupyterLab has installed it,
    for international addresses, which the schema of notebooks does not have. It goes without.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def _add_place(command: argparse.ArgumentParser) -> None:
    place = command.add_mutually_exclusive_group()
    place.add_argument(
        "--user",
        action="store_const",
        const="",
        dest="prefix",
        default="",
        help="for this user, whatever environment Jupyter runs in (this is the default)",
    )
    place.add_argument(
        "--sys-prefix",
        action="store_const",
        const=sys.prefix,
        dest="prefix",
        help="for the environment of this Python",
    )
    place.add_argument("--prefix", metavar="FOLDER", help="for the environment in this folder")
    command.add_argument(
        "--name", default="micropython-belay", help="what Jupyter calls it (%(default)s)"
    )


if __name__ == "__main__":
    sys.exit(main())
