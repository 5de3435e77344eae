# SPDX-License-Identifier: Apache-2.0
"""The ``belay`` command: its table, its exit statuses, and what it does not load."""

from __future__ import annotations

import subprocess
import sys

import pytest

import belay
from belay import cli
from belay.cli import COMMANDS, main


@pytest.fixture
def more_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("fail", "interrupt", "double", "status"):
        monkeypatch.setitem(COMMANDS, name, (f"tests.cli.commands:{name}", f"Test {name}."))


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_overview(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    out = capsys.readouterr().out
    for name, (_, text) in COMMANDS.items():
        assert name in out
        assert text in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{belay.__version__}\n"


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_fast_answers_load_no_library(argument: str) -> None:
    code = (
        f"import sys; from belay.cli import main; main([{argument!r}]); "
        "print(*{m.partition('.')[0] for m in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert not {"cyclopts", "rich", "wasmtime", "serial", "asyncio"} & set(done.stderr.split())


def test_table_and_application_agree() -> None:
    from belay.cli.app import build_app

    app = build_app()
    listed = {name for name in app if not name.startswith("-")}
    assert listed == set(COMMANDS)
    for name, (target, text) in COMMANDS.items():
        command = app[name]  # imports the module of the command
        assert command.help == text
        module, _, function = target.partition(":")
        assert command.default_command is getattr(sys.modules[module], function)


def test_every_line_of_help_is_a_sentence() -> None:
    for _, text in COMMANDS.values():
        assert text.endswith(".")
        assert len(text) < 80


@pytest.mark.usefixtures("more_commands")
def test_a_command_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["double", "21"]) == 0
    assert capsys.readouterr().out == "42\n"
    assert main(["status"]) == 7


@pytest.mark.usefixtures("more_commands")
@pytest.mark.parametrize(
    "arguments", [["no-such-command"], ["double"], ["double", "many"], ["double", "1", "2"]]
)
def test_arguments_that_make_no_sense(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    assert said.err.strip()


@pytest.mark.usefixtures("more_commands")
def test_an_error_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fail"]) == 1
    assert capsys.readouterr().err == "belay: There is no port /dev/nowhere.\n"


@pytest.mark.usefixtures("more_commands")
def test_ctrl_c(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["interrupt"]) == 130
    assert capsys.readouterr().err == ""


def test_help_of_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["virtual", "--help"]) == 0
    assert COMMANDS["virtual"][1] in capsys.readouterr().out


def test_module_form_is_the_same_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "belay", "--version"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    assert done.stdout.strip() == belay.__version__
    assert cli.__doc__
