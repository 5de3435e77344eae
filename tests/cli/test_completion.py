# SPDX-License-Identifier: Apache-2.0
"""``belay completion``: each shell that is here completes a few lines, as it does after Tab."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from belay.cli import COMMANDS, main
from belay.cli.completion import SHELLS
from belay.cli.table import ALIASES
from belay.transports import boards

Capture = pytest.CaptureFixture[str]

LINES = {
    "belay inf": "info",
    "belay ini": "init",
    "belay install --froz": "--frozen",
    "belay cache ve": "verify",
    "belay info --js": "--json",
    "belay latency --warm": "--warm-up",
    "belay exec -t le": "left",
    "belay info le": "left",
    "belay completion f": "fish",
    "belay run --fol": "--follow",
    "belay exec -t virtual:a": "virtual:abc",
}
"""What is typed, and the only thing that it can become."""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the script of each shell, and a `belay` that knows two boards."""
    folder = tmp_path_factory.mktemp("shells")
    for shell in SHELLS:
        with (folder / shell).open("w") as file, contextlib.redirect_stdout(file):
            assert main(["completion", shell]) == 0
    program = folder / "belay"
    program.write_text("#!/bin/sh\nprintf 'left\\tusb:2e8a:0005\\nvirtual:abc\\tx\\n'\n")
    program.chmod(0o755)
    return folder


def run(shell: str, program: str, scripts: Path) -> list[str]:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"no {shell} here")
    done = subprocess.run(
        [path, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=scripts,
        env={"PATH": f"{scripts}:/usr/bin:/bin", "HOME": str(scripts), "TERM": "dumb"},
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_bash(scripts: Path) -> None:
    program = "source ./bash\n"
    for line in LINES:
        program += f"COMP_LINE='{line}'; COMP_POINT={len(line)}; COMPREPLY=(); _belay\n"
        program += 'echo "${COMPREPLY[*]}"\n'
    # A colon begins a new word there: what stands before it is not offered again.
    assert run("bash", program, scripts) == [*list(LINES.values())[:-1], "abc"]


def test_fish(scripts: Path) -> None:
    program = "source ./fish\n"
    for line in LINES:
        program += f"complete -C '{line}'; echo .\n"
    found = " ".join(run("fish", program, scripts)).split(" .")
    assert [part.split("\t")[0].strip() for part in found][:-1] == list(LINES.values())


def test_zsh(scripts: Path) -> None:
    assert run("zsh", "zsh -n ./zsh", scripts) == []
    # Its completion needs a line editor, so what it would offer is caught here.
    program = "compdef() { }\nsource ./zsh\n"
    program += '_describe() { local -a list; list=(${(P)@[-1]}); print -rl -- "${list[@]%%:*}" }\n'
    program += "_files() { print FILES }\n"
    for line in ("belay ", "belay info -", "belay exec -t ", "belay completion ", "belay run "):
        program += f"words=({line} ''); CURRENT=$#words; _belay; print .\n"
    found = [part.split() for part in "\n".join(run("zsh", program, scripts)).split("\n.")]
    assert set(found[0]) == {name.split()[0] for name in (*COMMANDS, *ALIASES)}
    assert found[2] == ["left", "virtual\\"]
    assert found[3] == ["bash", "zsh", "fish"]
    assert found[4] == ["left", "virtual\\", "FILES"]


def test_names_of_boards(capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(boards, "user_file", lambda: tmp_path / "boards.toml")
    (tmp_path / "boards.toml").write_text('[left]\naddress = "virtual:"\n')
    assert main(["__boards"]) == 0
    rows = dict(line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert rows["left"] == "virtual:"
    assert "virtual:" in rows
    (tmp_path / "boards.toml").write_text("[left\n")
    assert main(["__boards"]) == 0  # Tab does not complain


def test_a_project_runs_nothing_when_tab_is_pressed(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(boards, "user_file", lambda: tmp_path / "boards.toml")
    lines = [
        """[tool.belay.boards.'le$(touch${IFS}found)']""",
        """[tool.belay.boards.'le`touch found`']""",
        """[tool.belay.boards."le\\u001b]0;title\\u0007"]""",
        """[tool.belay.boards.left]""",
    ]
    (tmp_path / "pyproject.toml").write_text("".join(f'{x}\naddress = "virtual:"\n' for x in lines))
    assert main(["__boards"]) == 0
    rows = [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()]
    assert [row for row in rows if row.startswith("le")] == ["left"]


def test_bash_runs_no_part_of_a_name(scripts: Path, tmp_path: Path) -> None:
    program = f"""source ./bash
belay() {{ printf '%s\\t\\n' 'le$(touch {tmp_path}/found)' 'le`touch {tmp_path}/found`' 'le*'; }}
for COMP_LINE in 'belay info le' 'belay exec -t le' 'belay cp le' 'belay info '; do
    COMP_POINT=${{#COMP_LINE}}; _belay; echo "${{#COMPREPLY[@]}}"
done"""
    assert run("bash", program, scripts) == ["3"] * 4
    assert not list(tmp_path.iterdir())


def test_they_load_no_library() -> None:
    code = (
        "import sys; from belay.cli import main; main(['__boards']); "
        "print(*{m.partition('.')[0] for m in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert not {"cyclopts", "rich", "wasmtime", "asyncio"} & set(done.stderr.split())


def test_the_shell_that_is_used(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert main(["completion"]) == 0
    assert "complete -c belay" in capsys.readouterr().out
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert main(["completion"]) == 2
    assert "known are bash, zsh, fish" in capsys.readouterr().err
