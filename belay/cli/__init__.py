# SPDX-License-Identifier: Apache-2.0
"""The ``belay`` command.

``belay --version``, ``belay --help`` and ``belay`` alone are answered from :mod:`belay.cli.table`
before anything else is imported: cyclopts alone costs more than a tenth of a second.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TypeGuard

from belay import __version__
from belay.cli.table import ALIASES, COMMANDS, overview
from belay.errors import AddressError, BelayException, PyboardException

__all__ = ["COMMANDS", "EXIT_ERROR", "EXIT_INTERRUPTED", "EXIT_OK", "EXIT_USAGE", "main"]

EXIT_OK, EXIT_ERROR, EXIT_USAGE, EXIT_INTERRUPTED, EXIT_PIPE = 0, 1, 2, 130, 141

_OURS = 'File "<belay>"'
"""How a line of the board's traceback begins that is in what Belay has sent there."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the ``belay`` command.

    Args:
        arguments: what was typed after ``belay``; None takes it from ``sys.argv``.

    Returns:
        The exit status: 0; 1 for an error that has been explained on stderr, an exception on the
        board among them; 2 for arguments that make no sense; 130 after Ctrl-C; 141 where nobody
        reads the output any more. A command that runs another program returns what that returns.
    """
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _answered(tokens)
    except KeyboardInterrupt as stop:
        if tells_where(stop.__cause__):
            explain(stop.__cause__)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return _nobody_reads()
    except EOFError:  # Ctrl-D where something was asked
        print("\nbelay: it was not answered, so nothing was done", file=sys.stderr)
        return EXIT_ERROR
    except BelayException as error:
        return explain(error)
    except OSError as error:  # a file of this computer; boards have exceptions of their own
        named = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        print(f"belay: {named}", file=sys.stderr)
        return EXIT_ERROR


def _answered(tokens: list[str]) -> int:
    if not tokens or tokens[0] in ("--help", "-h"):
        print(overview())
        return EXIT_OK
    if tokens[0] in ("--version", "-V", "-v"):
        print(__version__)
        return EXIT_OK
    if tokens == ["__boards"]:
        from belay.cli.boardnames import print_boards

        print_boards()
        return EXIT_OK
    if tokens == ["help", "addresses"]:
        from belay.transports.address import list_forms

        print(f"PORT, -t and BELAY_DEVICE take:\n{list_forms()}")
        return EXIT_OK
    if tokens[0] == "help":
        return _answered([*tokens[1:], "--help"])
    name, rest = find_command(tokens)
    if name not in COMMANDS:  # the first word of some commands, or of none
        return _part_of_a_name(name, rest)
    from belay.installation import check_installation

    check_installation()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal may not know every letter that a board has
            stream.reconfigure(errors="replace")

    from belay.cli.application import run_command

    status = run_command(name, rest)
    sys.stdout.flush()  # here, where a pipe that nobody reads is still an error of ours
    return status


def find_command(tokens: Sequence[str]) -> tuple[str, list[str]]:
    """The name of the command that these words begin with, and the words behind it.

    Returns:
        Also for a word that is no command, or only the beginning of some.
    """
    for count in (2, 1):
        name = " ".join(tokens[:count])
        name = ALIASES.get(name, name)
        if name in COMMANDS:
            return name, list(tokens[count:])
    return tokens[0], list(tokens[1:])


def _part_of_a_name(name: str, rest: list[str]) -> int:
    longer = [each for each in COMMANDS if each.startswith(f"{name} ")]
    if longer and (not rest or rest[0] in ("--help", "-h")):
        print(overview(name))
        return EXIT_OK if rest else EXIT_USAGE
    import difflib

    from belay.cli.usage import UsageError

    typed = f"{name} {rest[0]}" if longer else name
    known = longer or [*COMMANDS, *ALIASES]
    near = [each for each in known if each.startswith(typed)]
    near = near or difflib.get_close_matches(typed, known, 1)
    hint = f"Did you mean {near[0]!r}?" if near else "belay --help lists the commands."
    raise UsageError(f"there is no command {typed!r}. {hint}")


def tells_where(cause: BaseException | None) -> TypeGuard[PyboardException]:
    """Whether this is an exception of the board with a place in it that means something to people.

    Lines of what Belay has sent there, for a sync say, do not.
    """
    return isinstance(cause, PyboardException) and 'File "' in str(cause).replace(_OURS, "")


def explain(error: BelayException, label: str = "") -> int:
    """Tell an error on stderr, and what the exit status is for it.

    Args:
        error: what was raised.
        label: stands in front of each line, where several boards are at work.
    """
    from belay.cli.usage import UsageError

    if tells_where(error.__cause__):  # where it was when it was interrupted
        explain(error.__cause__, label)
    if isinstance(error, PyboardException):
        text = str(error.args[0]).strip("\n")  # the traceback is the board's, with host files
    else:
        text = f"belay: {str(error).strip() or type(error).__name__}"
    if isinstance(error, AddressError) and "\n" in text:  # the forms; they hide what is wrong
        text = text.partition("\n")[0].removesuffix("Addresses are:") + "Try: belay help addresses"
    sys.stdout.flush()  # what the board printed before it comes first
    print("\n".join(label + line for line in text.split("\n")), file=sys.stderr)
    return EXIT_USAGE if isinstance(error, (UsageError, AddressError)) else EXIT_ERROR


def _nobody_reads() -> int:
    """``belay … | head``: no more output, and none of Python's complaints at its end."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_PIPE
