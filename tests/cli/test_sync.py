# SPDX-License-Identifier: Apache-2.0
"""``belay sync``, ``mount`` and ``circuitpython``: what they ask, say and return."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from belay.cli import main
from belay.transports.virtual import close_shared
from tests.cli.person import Person


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is to be on it. Commands run in the folder around both."""
    folder = tmp_path / "src"
    (folder / "lib").mkdir(parents=True)
    (folder / "main.py").write_text("import lib.a\nprint('main', lib.a.half(4))\n")
    (folder / "lib" / "a.py").write_text('"""A module."""\n\ndef half(n):\n    return n / 2\n')
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture(autouse=True, scope="module")
def no_board_is_left() -> Iterator[None]:
    yield
    close_shared()


Belay = Callable[..., tuple[int, str, str]]


@pytest.fixture
def belay(capsys: pytest.CaptureFixture[str]) -> Belay:
    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def test_sync(board: str, drive: Path, source: Path, belay: Belay) -> None:
    status, out, _ = belay("sync", board, "src", "--dry-run")
    assert status == 0
    *lines, summary = out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["+", "/lib/"],
        ["+", "/lib/a.py"],
        ["+", "/main.py"],
    ]
    assert summary.startswith("2 to write")
    assert not list(drive.iterdir())

    status, out, err = belay("sync", board, "src")
    assert (status, err) == (0, "")
    assert out.startswith("2 written")
    assert (drive / "lib" / "a.py").read_text().count("\n") == 4
    assert belay("sync", board, "src")[1] == "0 written, 0 removed, 2 unchanged\n"

    (drive / "mine.txt").write_text("mine")
    status, out, err = belay("sync", board, "src")  # nobody can be asked
    assert (status, out) == (2, "")
    assert "/mine.txt" in err
    assert "--yes" in err
    assert belay("sync", board, "src", "--keep", "*.txt")[1].endswith("1 kept\n")
    assert belay("sync", board, "src", "--no-remove")[0] == 0
    assert (drive / "mine.txt").exists()
    status, out, _ = belay("sync", board, "src", "-y", "--json", "--no-minify", "--empty-keep")
    done = json.loads(out)
    assert (done["removed"], done["dry_run"]) == (["/mine.txt"], False)
    assert [file["path"] for file in done["written"]] == ["/lib/a.py"]
    assert not (drive / "mine.txt").exists()


def test_sync_and_run(board: str, source: Path, belay: Belay) -> None:
    status, out, _ = belay("sync", board, "src", "--run", ":main.py")
    assert (status, out.splitlines()[0]) == (0, "main 2.0")
    (source / "lib" / "a.py").write_text("def half(n):\n    return n / 0\n")
    status, _, err = belay("sync", board, "src", "--run", "src/main.py")
    assert status == 1
    assert f'File "{source / "lib" / "a.py"}", line 2, in half' in err
    assert "ZeroDivisionError" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing"], "no folder 'nothing'"),
        (["-t", "virtual:", ""], "no folder ''"),
        (["src", "--dst", "app"], "begins with /"),
        (["src", "--json", "--watch"], "do not go together"),
        (["src", "--run", "nothing.py"], "no such script; :nothing.py"),
        (["virtual:", "src", "extra"], "one argument too many"),
        ([], "argument is missing"),
    ],
)
def test_sync_of_what_makes_no_sense(
    arguments: list[str], says: str, source: Path, belay: Belay
) -> None:
    status, out, err = belay("sync", *arguments)
    assert (status, out) == (2, "")
    assert says in err
    assert len(err.splitlines()) == 1


def test_sync_to_several_boards(source: Path, belay: Belay, tmp_path: Path) -> None:
    for name in ("left", "right"):
        (tmp_path / name).mkdir()
    boards = [part for name in ("left", "right") for part in ("-t", f"virtual:?files={name}")]
    status, out, _ = belay("sync", *boards, "src")
    assert status == 0
    assert sorted(line.split("]")[1].split()[0] for line in out.splitlines()) == ["2", "2"]
    assert (tmp_path / "left" / "main.py").exists()
    assert (tmp_path / "right" / "main.py").exists()


@pytest.mark.parametrize(("answer", "status"), [("c", 130), ("y", 0), ("n", 0)])
def test_sync_asks(
    answer: str,
    status: int,
    board: str,
    drive: Path,
    source: Path,
    belay: Belay,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (drive / "one.txt").write_text("one")
    monkeypatch.setattr(sys, "stdin", Terminal())
    answers = iter(["perhaps", answer])
    monkeypatch.setattr("builtins.input", lambda text: next(answers))
    found, out, _ = belay("sync", board, "src")
    assert found == status
    assert "/one.txt" in out
    assert next(answers, "") == ""
    assert (drive / "one.txt").exists() == (answer != "y")
    assert (drive / "main.py").exists() == (answer != "c")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_sync_watches(drive: Path, source: Path) -> None:
    arguments = ("sync", f"virtual:?files={drive}", "src", "--watch", "--run", ":main.py")
    with Person(*arguments, folder=source.parent) as person:
        person.sees(r"\+ /main.py(?s:.*)main 2\.0")
        (source / "main.py").write_text("print('changed', 1)\n")
        person.sees(r"~ /main.py(?s:.*)changed 1")
        (source / "main.py").write_text("(\n")
        person.sees("main.py.* line")
        person.types("\x03")
        assert person.status() == 0


# ------------------------------------------------------------------------------------- mount


def test_mount_a_script(source: Path, belay: Belay) -> None:
    assert belay("mount", "virtual:mount", "src", "main.py") == (0, "main 2.0\n", "")
    (source / "end.py").write_text("import sys, os\nprint(os.listdir('/data'))\nsys.exit(3)\n")
    status, out, _ = belay("mount", "virtual:mount", "src", "src/end.py", "--at", "/data")
    assert status == 3
    assert "main.py" in out


def test_mount_and_a_prompt(
    source: Path, belay: Belay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    lines = [
        "import lib.a",
        "lib.a.half(7)",
        "for n in (1, 2):",
        "    print('n', n)",
        "",
        "open('/remote/x', 'w')",
        "lib.a.half('a')",
    ]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines)))
    status, out, err = belay("mount", "virtual:mount", "src")
    assert status == 0
    assert out == "3.5\nn 1\nn 2\n"
    assert "OSError" in err
    assert f'File "{source / "lib" / "a.py"}", line 4, in half' in err
    monkeypatch.setattr(
        sys, "stdin", io.StringIO("with open('/remote/x', 'w') as f: f.write('y')\n\n")
    )
    assert belay("mount", "virtual:mount", "src", "--write") == (0, "", "")
    assert (source / "x").read_text() == "y"


def test_mount_with_a_person(source: Path) -> None:
    env = {"XDG_STATE_HOME": str(source.parent)}
    with Person("mount", "virtual:", "src", folder=source.parent, env=env) as person:
        person.sees("Ctrl-D ends this")
        person.sees(">>> ")
        person.types("if 1:\n")
        person.sees(r"\.\.\. ")
        # Python's input() may miss the first one, between showing its prompt and waiting for keys.
        person.types_until("\x03", "KeyboardInterrupt")
        person.sees(">>> ")
        person.types("6 * 7\n")
        person.sees("\n42\r")
        person.types("for i in range(10**9): i or print('it runs')\n\n")
        person.sees(r"\nit runs\r")
        person.types("\x03")
        person.sees("KeyboardInterrupt")
        person.sees(">>> ")
        person.types("\x04")
        assert person.status() == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing"], "no folder 'nothing'"),
        (["src", "nothing.py"], "no script 'nothing.py'"),
        (["src", "--at", "data"], "--at: at='data'"),
        (["src", "--at", "/"], "one name below /"),
        (["src", "--at", "/a/b"], "one name below /"),
        (["src", "--at", "/.."], "one name below /"),
        (["-t", "virtual:", "-t", "virtual:b", "src"], "one board"),
    ],
)
def test_mount_of_what_makes_no_sense(
    arguments: list[str], says: str, source: Path, belay: Belay
) -> None:
    status, out, err = belay("mount", *arguments)
    assert (status, out) == (2, "")
    assert says in err


# ----------------------------------------------------------------------------- circuitpython


def test_circuitpython(drive: Path, belay: Belay) -> None:
    (drive / "boot.py").write_text("print('mine')\n")
    board = f"virtual:circuit?circuitpython=1&files={drive}"
    status, out, err = belay("circuitpython", "enable-write", board, "--pin", "GP14")
    assert (status, err) == (0, "")
    assert "GP14" in out
    text = (drive / "boot.py").read_text()
    assert "remount" in text
    assert "print('mine')" in text
    status, out, _ = belay("circuitpython", "disable-write", board, "--no-reset")
    assert status == 0
    assert (drive / "boot.py").read_text() == "print('mine')\n"
    status, _, err = belay("circuitpython", "enable-write", board, "--pin", "NOPE")
    assert status == 2
    assert "GP14" in err
    status, _, err = belay("circuitpython", "enable-write", "virtual:mount")
    assert status == 1
    assert "micropython" in err
