# SPDX-License-Identifier: Apache-2.0
"""mpremote 1.29.0 or mpytool 2.6.0, which are commands, on a serial port.

Each command is called in this process, so that what it takes to start Python is not counted. It
connects and leaves each time; ``nothing`` tells what that alone takes.
"""

from __future__ import annotations

import contextlib
import io
import sys
from importlib.metadata import entry_points

from trees import Trees
from turns import serve

tool, port = sys.argv[2], sys.argv[1]
[script] = [one for one in entry_points(group="console_scripts") if one.name == tool]
main = script.load()
trees = Trees()

ARGUMENTS = {
    "mpremote": {
        "nothing": ["connect", port, "resume", "exec", "pass"],
        "sync": ["connect", port, "resume", "fs", "cp", "-r", "{folder}", ":/"],
        "put": ["connect", port, "resume", "fs", "cp", "{large}", ":/"],
        "read": ["connect", port, "resume", "fs", "cp", ":/{name}", "{back}"],
    },
    "mpytool": {
        "nothing": ["-p", port, "exec", "pass"],
        "sync": ["-p", port, "cp", "{folder}", ":/"],
        "put": ["-p", port, "cp", "{large}", ":/"],
        "read": ["-p", port, "cp", ":/{name}", "{back}"],
    },
}[tool]


def run(what):
    """One command; it must end well."""
    places = {
        "folder": trees.folder,
        "large": trees.large,
        "name": trees.large.name,
        "back": trees.back,
    }
    told = io.TextIOWrapper(io.BytesIO())
    sys.argv = [tool, *(word.format(**places) for word in ARGUMENTS[what])]
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        try:
            status = main()
        except SystemExit as ended:
            status = ended.code
    if status:
        told.flush()
        raise SystemExit(f"{sys.argv}: {status}\n{told.buffer.getvalue().decode()}")


def read():
    trees.back.unlink(missing_ok=True)
    run("read")
    trees.check(trees.back.read_bytes())


def sync():
    run("sync")


def put():
    run("put")


serve(
    {
        "nothing": lambda: run("nothing"),
        "first": (trees.new_folder, sync),
        "unchanged": sync,
        "changed": (trees.change_one, sync),
        "source": (trees.new_source, put),
        "noise": (trees.new_noise, put),
        "read": read,
    }
)
