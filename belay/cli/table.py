# SPDX-License-Identifier: Apache-2.0
"""The table of commands: what ``belay --help`` shows, and where each command lives.

It is all that ``belay``, ``belay --help`` and ``belay --version`` read, so it imports nothing that
takes time. A command of two words is a row of two words.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ALIASES", "COMMANDS", "Command", "overview"]


class Command(NamedTuple):
    """One row.

    Attributes:
        group: the heading under which it stands.
        target: ``module:function``; the function's docstring is the command's help.
        arguments: what stands behind the name, as the help shows it.
        text: what it does, in one line; the first line of the docstring too.
    """

    group: str
    target: str
    arguments: str
    text: str


_BOARD = "Talk to a board"
_FIND = "Find boards"
_FILES = "Files"
_PACKAGES = "Packages of a project"
_OTHER = "Other"

COMMANDS: dict[str, Command] = {
    "info": Command(
        _BOARD,
        "belay.cli.info:info",
        "[PORT]",
        "Show what a board is: firmware, memory, files, modules.",
    ),
    "exec": Command(
        _BOARD,
        "belay.cli.execute:execute",
        "[PORT] STATEMENT",
        "Run a statement on a board, or show an expression's value.",
    ),
    "terminal": Command(
        _BOARD,
        "belay.cli.terminal:terminal",
        "[PORT]",
        "Talk to a board's own prompt.",
    ),
    "run": Command(
        _BOARD,
        "belay.cli.run:run",
        "[PORT] FILE [-- ARGUMENTS] | PROGRAM [ARGUMENTS]",
        "Run a script on a board, or a program with the project's packages.",
    ),
    "latency": Command(
        _BOARD,
        "belay.cli.latency:latency",
        "[PORT]",
        "Measure how long a call takes, and where the time goes.",
    ),
    "reset": Command(
        _BOARD,
        "belay.cli.reset:reset",
        "[PORT]",
        "Start a board anew, as its reset button or Ctrl-D does.",
    ),
    "bootloader": Command(
        _BOARD,
        "belay.cli.reset:bootloader",
        "[PORT]",
        "Start a board's bootloader, which takes new firmware.",
    ),
    "rtc": Command(
        _BOARD, "belay.cli.rtc:rtc", "[PORT]", "Show or set the calendar of a board (RTC)."
    ),
    "devices": Command(
        _FIND,
        "belay.cli.devices:devices",
        "",
        "List the boards that there are.",
    ),
    "select": Command(
        _FIND,
        "belay.cli.select:select",
        "",
        "Choose a board, see its light blink, and remember it.",
    ),
    "sync": Command(
        _FILES,
        "belay.cli.sync:sync",
        "[PORT] FOLDER",
        "Make the files of a board equal those of a folder.",
    ),
    "ls": Command(
        _FILES, "belay.cli.listing:ls", "[PORT] [:PATH...]", "List files and folders of a board."
    ),
    "tree": Command(
        _FILES,
        "belay.cli.listing:tree",
        "[PORT] [:FOLDER...]",
        "Draw the folders and files of a board as a tree; or a project's packages.",
    ),
    "cat": Command(
        _FILES, "belay.cli.changing:cat", "[PORT] :FILE...", "Show what is in files of a board."
    ),
    "cp": Command(
        _FILES,
        "belay.cli.copying:cp",
        "[PORT] FROM... TO",
        "Copy files and folders to a board, from it, or on it.",
    ),
    "mv": Command(
        _FILES,
        "belay.cli.changing:mv",
        "[PORT] :FROM... :TO",
        "Move or rename files and folders on a board.",
    ),
    "rm": Command(
        _FILES, "belay.cli.changing:rm", "[PORT] :PATH...", "Remove files and folders of a board."
    ),
    "mkdir": Command(
        _FILES, "belay.cli.changing:mkdir", "[PORT] :FOLDER...", "Make folders on a board."
    ),
    "hash": Command(
        _FILES,
        "belay.cli.listing:digests",
        "[PORT] :FILE...",
        "Show the SHA-256 of files, made on the board.",
    ),
    "df": Command(
        _FILES, "belay.cli.listing:df", "[PORT]", "Show how full the file systems of a board are."
    ),
    "edit": Command(
        _FILES, "belay.cli.changing:edit", "[PORT] :FILE", "Edit a file of a board in your editor."
    ),
    "mount": Command(
        _FILES,
        "belay.cli.mount:mount",
        "[PORT] FOLDER [SCRIPT]",
        "Let a board see a folder of this computer, and import from it.",
    ),
    "circuitpython enable-write": Command(
        _FILES,
        "belay.cli.circuitpython:enable_write",
        "[PORT]",
        "Let a CircuitPython board write its own files, which sync and cp need.",
    ),
    "circuitpython disable-write": Command(
        _FILES,
        "belay.cli.circuitpython:disable_write",
        "[PORT]",
        "Let computers write to the drive of a CircuitPython board again.",
    ),
    "new": Command(_PACKAGES, "belay.cli.new:new", "[PATH]", "Make a project that runs as it is."),
    "add": Command(
        _PACKAGES,
        "belay.cli.packages:add",
        "[NAME] SOURCE | NAME",
        "Require a package, and get it into the project.",
    ),
    "remove": Command(
        _PACKAGES,
        "belay.cli.packages:remove",
        "NAME...",
        "Require packages no more, and take them out of the project.",
    ),
    "update": Command(
        _PACKAGES,
        "belay.cli.packages:update",
        "[NAME...]",
        "Look at packages anew: versions, branches, folders.",
    ),
    "lock": Command(
        _PACKAGES,
        "belay.cli.packages:lock",
        "[--upgrade [NAME...]]",
        "Make belay.lock, which says byte for byte what is installed.",
    ),
    "fetch": Command(
        _PACKAGES,
        "belay.cli.packages:fetch",
        "",
        "Get everything that belay.lock needs, for a time without a network.",
    ),
    "install": Command(
        _PACKAGES,
        "belay.cli.install:install",
        "[PORT]",
        "Put a project on a board: its packages, its code, its main program.",
    ),
    "list": Command(
        _PACKAGES,
        "belay.cli.packagelists:list_packages",
        "",
        "List a project's packages, and what each takes on a board.",
    ),
    "why": Command(
        _PACKAGES,
        "belay.cli.packagelists:why",
        "NAME",
        "Show why a package is needed: the ways from the project to it.",
    ),
    "outdated": Command(
        _PACKAGES,
        "belay.cli.packagelists:outdated",
        "",
        "Show packages of which there is something newer.",
    ),
    "search": Command(
        _PACKAGES,
        "belay.cli.packagelists:search",
        "[WORD...]",
        "Search the indices for packages.",
    ),
    "clean": Command(
        _PACKAGES,
        "belay.cli.packages:clean",
        "",
        "Remove from the folder of packages what belay.lock does not have.",
    ),
    "export": Command(
        _PACKAGES,
        "belay.cli.new:export",
        "",
        "Make a package.json of a project, which mip can install.",
    ),
    "cache info": Command(
        _PACKAGES,
        "belay.cli.cache:info",
        "",
        "Show where packages are kept, and how much that is.",
    ),
    "cache list": Command(
        _PACKAGES,
        "belay.cli.cache:list_entries",
        "",
        "List what is kept: packages by name and version, and clones.",
    ),
    "cache clear": Command(
        _PACKAGES,
        "belay.cli.cache:clear",
        "[PREFIX]",
        "Remove what is kept, and is got again when it is needed.",
    ),
    "cache verify": Command(
        _PACKAGES,
        "belay.cli.cache:verify",
        "",
        "Check everything that is kept, and remove what is damaged.",
    ),
    "virtual": Command(
        _OTHER,
        "belay.cli.virtual:virtual",
        "[LINK]",
        "Run a virtual MicroPython board that other programs can connect to.",
    ),
    "virtual run": Command(
        _OTHER,
        "belay.cli.micropython:virtual_run",
        "SCRIPT [ARGUMENTS]",
        "Run a program on a real MicroPython, as micropython on a computer does.",
    ),
    "virtual fault": Command(
        _OTHER,
        "belay.cli.faults:virtual_fault",
        "ADDRESS [FAULT]",
        "Let a running virtual board have a fault: reset, unplug, hang, bad flash.",
    ),
    "completion": Command(
        _OTHER,
        "belay.cli.completion:completion",
        "[bash | zsh | fish]",
        "Print what makes a shell complete the words of belay.",
    ),
    "version": Command(
        _OTHER, "belay.cli.version:version", "", "Show the versions of belay and its Python."
    ),
}
"""Every command by its name."""

ALIASES: dict[str, str] = {"init": "new"}
"""Other names of commands."""


def overview(first: str = "") -> str:
    """The text of ``belay --help``: every command with its line.

    Args:
        first: only those commands that begin with this word.
    """
    shown = {name: row for name, row in COMMANDS.items() if not first or name.split()[0] == first}
    width = max(map(len, shown))
    command = f"{first} COMMAND" if first else "COMMAND"
    lines = [f"Usage: belay {command} [ARGUMENTS]"]
    if not first:
        lines += ["", "Drive MicroPython and CircuitPython boards from Python."]
    for group in dict.fromkeys(row.group for row in shown.values()):
        lines += ["", f"{group}:"]
        lines += [f"  {n:<{width}}  {r.text}" for n, r in shown.items() if r.group == group]
    lines += ["", f"belay {command} --help  tells more about one command."]
    if not first:
        lines += [
            "belay --version       prints the version.",
            "",
            "Boards are given as PORT, with -t NAME, or by BELAY_DEVICE; a single one is found.",
        ]
    return "\n".join(lines)
