# SPDX-License-Identifier: Apache-2.0
"""``belay run``: scripts on boards, and programs with the project's packages."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from belay.cli import main
from belay.cli.run import prepare
from belay.packages.environment import dependency_folders, environment, project_folder
from belay.transports.virtual import close_shared

if os.name == "posix":
    from tests.cli.person import Person

Capture = pytest.CaptureFixture[str]
BOARD = "virtual:run"

SCRIPT = """\
import sys

def ratio(x):
    return 1 / x

print("running", sys.argv)
if sys.argv[1:]:
    sys.exit(int(sys.argv[1]) if sys.argv[1].isdigit() else sys.argv[1])
ratio(0)
"""


@pytest.fixture(autouse=True, scope="module")
def shared_board() -> Iterator[None]:
    yield
    close_shared()


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a script and a package, in which the test is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MICROPYPATH", raising=False)
    (tmp_path / "pyproject.toml").write_text("[tool.belay]\n")
    (tmp_path / "script.py").write_text(SCRIPT)
    package = tmp_path / ".belay" / "dependencies" / "main" / "sensors"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("NAME = 'from the package'\n")
    return tmp_path


# -------------------------------------------------------------------------------- scripts


def test_a_script(capsys: Capture) -> None:
    assert main(["exec", BOARD, "left_over = 1"]) == 0
    assert main(["run", BOARD, "script.py"]) == 1
    said = capsys.readouterr()
    assert said.out == "running []\n"
    assert said.err.splitlines() == [
        "Traceback (most recent call last):",
        '  File "script.py", line 9, in <module>',
        "    ratio(0)",
        '  File "script.py", line 4, in ratio',
        "    return 1 / x",
        "ZeroDivisionError: divide by zero",
    ]
    assert main(["exec", BOARD, "'left_over' in globals(), '__belay_tag' in globals()"]) == 0
    assert capsys.readouterr().out == "(False, False)\n"  # it was reset before


@pytest.mark.parametrize(
    ("arguments", "status", "err"), [(["0"], 0, ""), (["3", "x"], 3, ""), (["text"], 1, "text\n")]
)
def test_what_a_script_exits_with(
    arguments: list[str], status: int, err: str, capsys: Capture
) -> None:
    assert main(["run", BOARD, "script.py", "--", *arguments]) == status
    said = capsys.readouterr()
    assert said.out == f"running {['script.py', *arguments]!r}\n"
    assert said.err == err


def test_without_a_reset(capsys: Capture, project: Path) -> None:
    (project / "count.py").write_text("count = globals().get('count', 0) + 1\nprint(count)\n")
    for _ in range(2):
        assert main(["run", BOARD, "count.py", "--attach"]) == 0
    assert capsys.readouterr().out == "1\n2\n"


def test_a_script_from_standard_input(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO("print('piped')\n"))
    assert main(["run", "-", "-t", BOARD]) == 0
    assert capsys.readouterr().out == "piped\n"


def test_a_script_from_an_editor_of_windows(capsys: Capture, project: Path) -> None:
    text = "print('bom')\r\nif 1:\r\n\t1 / 0\r\n"
    (project / "bom.py").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert main(["run", BOARD, "bom.py"]) == 1
    said = capsys.readouterr()
    assert said.out == "bom\n"
    assert said.err.splitlines()[1:3] == ['  File "bom.py", line 3, in <module>', "    1 / 0"]


@pytest.mark.parametrize("file", ["gone.py", "no-such-program"])
def test_what_is_not_there(file: str, capsys: Capture) -> None:
    assert main(["run", BOARD, file]) == 2
    assert capsys.readouterr().err.startswith(f"belay: run: there is no {file!r}")


def test_a_file_that_is_no_text(capsys: Capture, project: Path) -> None:
    (project / "data.py").write_bytes(b"\xff\xfe\x00")
    assert main(["run", BOARD, "data.py"]) == 1
    assert capsys.readouterr().err.startswith("belay: data.py cannot be read")


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_following_what_a_script_left_running(project: Path) -> None:
    text = (
        "from machine import Timer\nprint('script')\n"
        "Timer(period=20, callback=lambda t: print('tick'))\n"
    )
    (project / "timer.py").write_text(text)
    with Person("run", "virtual:", "timer.py", "--follow", folder=project) as person:
        person.sees(r"^script\r\ntick\r\ntick")
        person.interrupts()
        assert person.status() == 0


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_ctrl_c_says_where_the_script_was(project: Path) -> None:
    (project / "endless.py").write_text("print('on')\nwhile True:\n    pass\n")
    with Person("run", "virtual:", "endless.py", folder=project) as person:
        person.sees("on")
        person.interrupts()
        assert person.status() == 130
        assert "line 3, in <module>" in person.rest().replace("line 2", "line 3")


# -------------------------------------------------------------------------------- programs


def test_options_behind_a_program_are_its_own() -> None:
    python = sys.executable
    assert prepare([python, "-t", "x"]) == ["--", python, "-t", "x"]
    assert prepare(["micropython", "-m", "f"]) == ["--", "micropython", "-m", "f"]
    assert prepare(["virtual:", "a.py", "-f"]) == ["virtual:", "a.py", "-f"]
    assert prepare(["-t", python, "a.py", "-f"]) == ["-t", python, "a.py", "-f"]
    assert prepare(["--port=x", python, "-f"]) == ["--port=x", "--", python, "-f"]
    assert prepare(["a.py", "--", "-f"]) == ["a.py", "--", "-f"]
    assert prepare(["virtual:", "-", "-f"]) == ["virtual:", "<stdin>", "-f"]
    assert prepare([]) == []


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_program_finds_the_packages(project: Path) -> None:
    code = "import os, sys; print(os.environ['MICROPYPATH'], sys.argv[1:]); sys.exit(5)"
    with Person("run", sys.executable, "-c", code, "-f", folder=project) as person:
        assert person.status() == 5
        shown = person.rest()
    folder = project / ".belay" / "dependencies" / "main"
    assert shown == f".frozen:~/.micropython/lib:/usr/lib/micropython:{folder} ['-f']\r\n"


def test_a_program_runs_on_no_board(capsys: Capture) -> None:
    assert main(["run", "-t", BOARD, sys.executable]) == 2
    assert "runs on no board" in capsys.readouterr().err


def test_paths_are_appended(project: Path) -> None:
    (project / ".belay" / "dependencies" / "dev").mkdir()
    (project / "inside").mkdir()
    assert project_folder(project / "inside") == project
    folders = dependency_folders(project)
    assert [folder.name for folder in folders] == ["main", "dev"]
    shown = os.pathsep.join(map(str, folders))
    mine = os.pathsep.join([".frozen", "mine"])
    assert environment(project, {"MICROPYPATH": mine, "A": "1"}) == {
        "MICROPYPATH": f"{mine}{os.pathsep}{shown}",
        "A": "1",
    }
    assert environment(None, {"A": "1"}) == {"A": "1"}
    (project / "pyproject.toml").write_text("[tool.belay]\ndependencies_path = 'elsewhere'\n")
    assert dependency_folders(project) == []


# -------------------------------------------------------------------------------- micropython


@pytest.fixture
def without_micropython(monkeypatch: pytest.MonkeyPatch) -> None:
    which = shutil.which
    monkeypatch.setattr(
        "shutil.which", lambda name, *rest: None if name == "micropython" else which(name, *rest)
    )


PROGRAMS = [
    (["use.py", "-a"], "from the package ['use.py', '-a']\nneighbour\n", 0),
    (["-c", "import sensors; print(sensors.NAME)"], "from the package\n", 0),
    (["-X", "heapsize=2M", "-m", "use"], "from the package ['{here}']\nneighbour\n", 0),
    (["-c", "import sys; sys.exit(4)"], "", 4),
    (["-c", "with open('made', 'w') as f: f.write('x')"], "", 0),
]


@pytest.mark.usefixtures("without_micropython")
def test_the_virtual_board_stands_in(
    capfd: pytest.CaptureFixture[str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "use.py").write_text(
        "import sys, sensors\nprint(sensors.NAME, sys.argv)\nimport neighbour\n"
    )
    (project / "neighbour.py").write_text("print('neighbour')\n")
    for arguments, out, status in PROGRAMS:
        assert main(["run", "micropython", *arguments]) == status
        assert capfd.readouterr().out == out.replace("{here}", "use.py")
    assert (project / "made").read_text() == "x"
    assert main(["run", "micropython", "script.py"]) == 1
    assert 'File "script.py", line 4, in ratio' in capfd.readouterr().err
    (project / "piped").write_text("import sensors\nprint(sensors.NAME)\n")
    with (project / "piped").open() as piped:
        monkeypatch.setattr(sys, "stdin", piped)
        assert main(["run", "micropython"]) == 0
    assert capfd.readouterr().out == "from the package\n"
    assert main(["run", "micropython", "-m"]) == 2
    assert main(["run", "micropython", "gone.py"]) == 1
