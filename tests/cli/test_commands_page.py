# SPDX-License-Identifier: Apache-2.0
"""``docs/commands.md``: what it shows happens, and nothing is missing."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from belay.cli import COMMANDS, main
from belay.transports.virtual import close_shared

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "commands.md").read_text("utf-8")
FENCE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMON = ("--target", "-t", "--port", "--password")


def shown() -> list[tuple[str, str]]:
    """Each command line of the page, and the output that stands below it."""
    found = []
    for match in FENCE.finditer(PAGE):
        for part in re.split(r"^\$ ", match[1], flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            while line.count("'") % 2:  # a string that goes on
                more, _, output = output.partition("\n")
                line += f"\n{more}"
            found.append((line, output))
    return found


@pytest.mark.parametrize(("line", "output"), shown(), ids=[line for line, _ in shown()])
def test_what_the_page_shows(line: str, output: str, capfd: pytest.CaptureFixture[str]) -> None:
    program, *arguments = shlex.split(line)
    assert program == "belay"
    main(arguments)
    said = capfd.readouterr()
    lines = (said.out + said.err).splitlines()
    if "-t" in arguments:  # boards are not waited for
        lines.sort()
    assert lines == output.splitlines()
    close_shared()


def rows() -> dict[str, str]:
    """The rows of the table of commands, by the command."""
    found: dict[str, str] = {}
    for row in re.findall(r"^\| `belay ([^|]*(?:\\\|[^|]*)*)\|.*$", PAGE, re.MULTILINE):
        name = re.match(r"[a-z-]+(?: [a-z-]+(?=[ `]))?", row)
        assert name is not None
        key = name[0] if name[0] in COMMANDS else name[0].split()[0]
        whole = next(line for line in PAGE.splitlines() if line.startswith(f"| `belay {row}"))
        found[key] = found.get(key, "") + whole
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_there(name: str) -> None:
    from belay.cli.application import build_app

    row = rows().get(name)
    assert row is not None, f"docs/commands.md has no row for `belay {name}`"
    arguments = build_app(name).assemble_argument_collection()
    shown = [each for each in arguments if each.show and each.index is None]
    options = {option for each in shown for option in each.names}
    named = set(re.findall(r"--?[A-Za-z][a-z-]*", row))
    missing = {each for each in options if each.startswith("-")} - named - set(COMMON)
    assert not missing
