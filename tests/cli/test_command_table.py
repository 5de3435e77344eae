# SPDX-License-Identifier: Apache-2.0
"""The ``belay`` command: its table, its exit statuses, and what it does not load."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import belay
from belay import cli
from belay.cli import COMMANDS, main
from belay.cli.table import Command


@pytest.fixture
def more_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("fail", "interrupt", "double", "status", "missing"):
        row = Command("Tests", f"tests.cli.commands:{name}", "", f"Test {name}.")
        monkeypatch.setitem(COMMANDS, name, row)
    for name in ("double", "status"):
        row = Command("Tests", f"tests.cli.commands:{name}", "NUMBER", f"Test {name}.")
        monkeypatch.setitem(COMMANDS, f"group {name}", row)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_overview(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    out = capsys.readouterr().out
    for name, row in COMMANDS.items():
        assert name in out
        assert row.text in out
        assert f"\n{row.group}:\n" in out


@pytest.mark.parametrize("argument", ["--version", "-V", "-v"])
def test_version(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([argument]) == 0
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
    slow = {"cyclopts", "rich", "wasmtime", "serial", "asyncio", "inspect", "json", "difflib"}
    assert not slow & set(done.stderr.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_table_and_docstrings_agree(name: str) -> None:
    from belay.cli.application import build_app

    row, app = COMMANDS[name], build_app(name)
    assert str(app.help).partition("\n")[0] == row.text
    assert len(row.text) < 80
    assert app.help_epilogue is not None
    assert f"belay {name}" in app.help_epilogue


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name: str) -> None:
    from belay.cli.application import build_app, function_of

    described = {
        name: argument.parameter.help
        for argument in build_app(name).assemble_argument_collection(parse_docstring=True)
        for name in argument.names
        if argument.show
    }
    assert not [option for option, text in described.items() if not text]
    # Defaults are told where they are more than "not": help shows none by itself.
    for parameter in inspect.signature(function_of(name)).parameters.values():
        if isinstance(parameter.default, (int, float)) and not isinstance(parameter.default, bool):
            text = described[f"--{parameter.name.replace('_', '-')}"] or ""
            assert str(parameter.default) in text, f"{name} --{parameter.name}"


@pytest.mark.usefixtures("more_commands")
def test_a_command_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["double", "21"]) == 0
    assert capsys.readouterr().out == "42\n"
    assert main(["status"]) == 7


@pytest.mark.usefixtures("more_commands")
def test_commands_of_two_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["group", "double", "4"]) == 0
    assert capsys.readouterr().out == "8\n"
    assert main(["group", "--help"]) == 0
    assert "group status" in capsys.readouterr().out
    assert main(["group"]) == 2
    capsys.readouterr()
    assert main(["group", "duoble"]) == 2
    assert "Did you mean 'group double'?" in capsys.readouterr().err


@pytest.mark.usefixtures("more_commands")
@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["--no-such-option"],
        ["double"],
        ["double", "many"],
        ["double", "1", "2"],
        ["double", "1", "--fast"],
        ["group", "double"],
        ["exec"],
        ["exec", "virtual:", "1", "2"],
        ["exec", "1", "-t"],
        ["exec", "virtual:", "1", "--timeout", "soon"],
        ["exec", "virtual:", "1", "--timeout", "-1"],
        ["exec", "virtual:", "1", "--timeout", "0"],
        ["exec", "virtual:", "1", "--timeout", "nan"],
        ["run", "virtual:", "a.py", "--timeout", "-1"],
    ],
    ids=" ".join,
)
def test_arguments_that_make_no_sense(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("belay: ")
    assert said.err.count("\n") == 1


@pytest.mark.usefixtures("more_commands")
def test_a_word_that_is_nearly_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["duoble"]) == 2
    assert "'double'" in capsys.readouterr().err


@pytest.mark.usefixtures("more_commands")
def test_an_error_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fail"]) == 1
    assert capsys.readouterr().err == "belay: There is no port /dev/nowhere.\n"


@pytest.mark.usefixtures("more_commands")
def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["missing"]) == 1
    assert capsys.readouterr().err == "belay: no-such-file: No such file or directory\n"


@pytest.mark.usefixtures("more_commands")
def test_ctrl_c(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["interrupt"]) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("file", "shown"), [("<belay>", False), ("main.py", True)])
def test_ctrl_c_tells_where_the_program_was(
    file: str, shown: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not where Belay's own code on the board was."""

    def stopped(tokens: list[str]) -> int:
        text = f'Traceback (most recent call last):\n  File "{file}", line 3\nKeyboardInterrupt: '
        raise KeyboardInterrupt from belay.PyboardException(text)

    monkeypatch.setattr(cli, "_answered", stopped)
    assert main(["interrupt"]) == 130
    assert (file in capsys.readouterr().err) == shown


def test_a_question_that_is_not_answered(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-D instead of an answer."""

    def asked(tokens: list[str]) -> int:
        raise EOFError

    monkeypatch.setattr(cli, "_answered", asked)
    assert main(["interrupt"]) == 1
    assert capsys.readouterr().err == "\nbelay: it was not answered, so nothing was done\n"


@pytest.mark.parametrize("arguments", [["exec", "--help"], ["exec", "-h"], ["help", "exec"]])
def test_help_of_a_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert out.startswith("Usage: belay exec [PORT] STATEMENT [OPTIONS]\n")
    assert COMMANDS["exec"].text in out
    assert "Examples:\n    belay exec" in out
    assert "None" not in out


def test_module_form_is_the_same_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "belay", "--version"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    assert done.stdout.strip() == belay.__version__
    assert cli.__doc__


def test_a_pipe_that_nobody_reads() -> None:
    reader = "import sys; sys.stdin.readline()"
    belay_help = f"'{sys.executable}' -m belay exec virtual: 'for i in range(20000): print(i)'"
    done = subprocess.run(
        ["bash", "-c", f"{belay_help} | '{sys.executable}' -c '{reader}'; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr == ""
    assert done.stdout == "141\n"
