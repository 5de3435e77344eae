# SPDX-License-Identifier: Apache-2.0
"""``belay ls``, ``cp`` and the other commands for files, on a board whose files are a folder."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from belay import cli
from belay.cli import main
from belay.cli.boardpaths import Place, place_of
from belay.cli.copying import Copy, copies
from belay.cli.listing import tree_lines
from belay.errors import BelayException, PyboardException
from belay.transports.virtual import close_shared

Belay = Callable[..., tuple[int, str, str]]


def fill(folder: Path) -> Path:
    """Put some files there."""
    (folder / "lib" / "deep").mkdir(parents=True)
    (folder / "boot.py").write_text("# boot\n")
    (folder / "lib" / "a.py").write_text("a = 1\n" * 300)
    (folder / "lib" / "deep" / "grün 1.txt").write_text("grün")
    return folder


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The files of a board that no test changes."""
    yield fill(tmp_path_factory.mktemp("unchanged"))
    close_shared()


@pytest.fixture
def read_only_board(
    unchanged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, Path]:
    """The address of that board, which stays from one command to the next, and its files."""
    return _here(f"virtual:unchanged?files={unchanged}", tmp_path, monkeypatch), unchanged


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """The files of a board, as a folder."""
    return fill(tmp_path / "board")


@pytest.fixture
def board(drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of that board, which stays from one command to the next."""
    yield _here(f"virtual:{tmp_path.name}?files={drive}", tmp_path, monkeypatch)
    close_shared()


def _here(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make it the board that commands take, and work in an empty folder."""
    monkeypatch.setenv("BELAY_DEVICE", address)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return address


@pytest.fixture
def belay(capsysbinary: pytest.CaptureFixture[bytes]) -> Belay:
    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        said = capsysbinary.readouterr()
        return status, said.out.decode(), said.err.decode()

    return run


def tree_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


# ------------------------------------------------------------------------------- pure parts

BOARD_FOLDERS = {"/", "/lib"}
HOST_FOLDERS = {".", "src", "src/sub"}

COPIES = [
    # typed, recursive -> where it goes; None: refused
    ("main.py :", False, [":/main.py"]),
    ("main.py :new.py", False, [":/new.py"]),
    ("main.py :lib", False, [":/lib/main.py"]),
    ("main.py :new/", False, [":/new/main.py"]),
    ("a.py b.py :lib", False, [":/lib/a.py", ":/lib/b.py"]),
    ("a.py b.py :new/", False, [":/new/a.py", ":/new/b.py"]),
    ("a.py b.py :new", False, None),
    ("src :", False, None),
    ("src :", True, [":/src"]),
    ("src/sub :", True, [":/sub"]),
    ("src :new", True, [":/new"]),
    ("src :new/", True, [":/new/"]),
    (". :", True, [":/"]),
    (":.hidden .", False, ["./.hidden"]),
    (":lib/.x :y. new/", False, ["new/.x", "new/y."]),
    (":boot.py .", False, ["./boot.py"]),
    (":boot.py copy.py", False, ["copy.py"]),
    (":lib src", True, ["src/lib"]),
    (": backup", True, ["backup"]),
    (": src", True, ["src"]),
    (":boot.py :lib", False, [":/lib/boot.py"]),
]


@pytest.mark.parametrize(("typed", "recursive", "targets"), COPIES, ids=range(len(COPIES)))
def test_what_is_copied_to_where(typed: str, recursive: bool, targets: list[str] | None) -> None:
    def absolute(place: Place) -> Place:
        return Place(True, "/" + place.path) if place.on_board else place

    def is_folder(place: Place) -> bool:
        if place.on_board:
            return (place.path.rstrip("/") or "/") in BOARD_FOLDERS
        return place.path in HOST_FOLDERS

    places = [absolute(place_of(word)) for word in typed.split()]
    if targets is None:
        with pytest.raises(BelayException):
            copies(places, is_folder, recursive=recursive)
        return
    found = copies(places, is_folder, recursive=recursive)
    assert [":" * t.on_board + t.path for _, t in found] == targets
    assert [copy.source for copy in found] == places[:-1]
    assert isinstance(found[0], Copy)


def test_lines_of_a_tree() -> None:
    content = {"a": {"b": {}, "c": 5}, "d": 1000}
    assert tree_lines(content, str) == ["├── a", "│   ├── b", "│   └── [5] c", "└── [1000] d"]
    assert tree_lines({"\x1b[2J\n": 1}) == [r"└── \x1b[2J\n"]  # no order to the terminal


# ---------------------------------------------------------------------------------- reading


def test_ls(read_only_board: tuple[str, Path], belay: Belay) -> None:
    board, _ = read_only_board
    assert belay("ls") == (0, "7  boot.py\n   lib/\n", "")
    assert belay("ls", board, ":lib", "-H")[1] == "1.8K  a.py\n      deep/\n"
    assert belay("ls", "-r", "lib")[1].splitlines() == [
        "1800  /lib/a.py",
        "      /lib/deep/",
        "   5  /lib/deep/grün 1.txt",
    ]
    found = json.loads(belay("ls", "--json", ":boot.py")[1])
    assert [(one["path"], one["size"], one["folder"]) for one in found] == [("/boot.py", 7, False)]
    status, out, err = belay("ls", ":nothing")
    assert (status, out) == (1, "")
    assert "/nothing" in err
    assert len(err.splitlines()) == 1


@pytest.mark.usefixtures("read_only_board")
def test_tree(belay: Belay) -> None:
    assert belay("tree", "-s")[1].splitlines() == [
        ":/",
        "├── [7] boot.py",
        "└── lib",
        "    ├── [1800] a.py",
        "    └── deep",
        "        └── [5] grün 1.txt",
    ]
    assert json.loads(belay("tree", "--json", ":lib")[1]) == {
        "/lib": {"a.py": 1800, "deep": {"grün 1.txt": 5}}
    }
    assert belay("tree", ":boot.py")[0] == 1


@pytest.mark.usefixtures("read_only_board")
def test_cat(belay: Belay) -> None:
    assert belay("cat", ":boot.py", "/lib/deep/grün 1.txt") == (0, "# boot\ngrün", "")
    assert belay("cat", ":nothing")[0] == 1
    assert belay("cat")[0] == 2


def test_hash(read_only_board: tuple[str, Path], belay: Belay) -> None:
    _, drive = read_only_board

    def line(path: str) -> str:
        return f"{hashlib.sha256((drive / path[1:]).read_bytes()).hexdigest()}  {path}"

    assert belay("hash", "boot.py")[1].splitlines() == [line("/boot.py")]
    assert belay("hash", "-r", ":lib")[1].splitlines() == [
        line("/lib/a.py"),
        line("/lib/deep/grün 1.txt"),
    ]
    status, _, err = belay("hash", ":lib")
    assert status == 1
    assert "-r" in err
    found = json.loads(belay("hash", "--json", ":boot.py")[1])
    assert found == {"/boot.py": f"sha256:{line('/boot.py').split()[0]}"}


def test_df(read_only_board: tuple[str, Path], belay: Belay) -> None:
    board, _ = read_only_board
    head, row = belay("df")[1].splitlines()
    assert head.split()[:4] == ["MOUNTED", "AT", "SIZE", "USED"]
    total, used, free = map(int, row.split()[1:4])
    assert total == used + free
    (found,) = json.loads(belay("df", board, "--json")[1])
    assert (found["path"], found["total"]) == ("/", total)


NONSENSE = [
    (["a", "b"], 2, "begins with a colon"),
    (["a"], 2, "argument is missing"),
    (["nothing", ":"], 1, "nothing"),
    ([":nothing", "."], 1, "/nothing"),
    ([":lib", "."], 1, "-r"),
    ([":boot.py", ":boot.py"], 1, "to itself"),
    (["-r", ":lib", ":lib/deep"], 1, "into itself"),
    ([":boot.py", ":lib", "nowhere"], 1, "is no folder"),
    (["-t", "virtual:", "-t", "virtual:b", ":boot.py", "."], 2, "several boards"),
]


@pytest.mark.parametrize(("arguments", "status", "says"), NONSENSE)
@pytest.mark.usefixtures("read_only_board")
def test_cp_of_what_makes_no_sense(
    arguments: list[str], status: int, says: str, belay: Belay
) -> None:
    found, out, err = belay("cp", *arguments)
    assert (found, out) == (status, "")
    assert says in err
    assert len(err.splitlines()) == 1


# --------------------------------------------------------------------------------- changing


def test_cp(board: str, drive: Path, belay: Belay) -> None:
    here = Path()
    (here / "main.py").write_text("print('main')\n")
    (here / "src" / "sub").mkdir(parents=True)
    (here / "src" / "sub" / "b.bin").write_bytes(bytes(range(256)) * 20)
    assert belay("cp", "main.py", ":") == (0, "", "")
    assert (drive / "main.py").read_text() == "print('main')\n"
    assert belay("cp", "-r", board, "src", ":")[0] == 0
    assert (drive / "src" / "sub" / "b.bin").read_bytes() == bytes(range(256)) * 20
    done = json.loads(belay("cp", "--json", "-r", "src", "main.py", ":new/")[1])
    assert [one["to"] for one in done] == [":/new/src", ":/new/main.py"]
    assert json.loads(belay("cp", "--json", "main.py", ":new")[1])[0]["written"] == []  # is there
    assert belay("cp", ":main.py", ":copy.py")[0] == 0
    assert belay("cp", "-r", ":src", ":lib")[0] == 0
    assert (drive / "lib" / "src" / "sub" / "b.bin").exists()
    assert belay("cp", "-r", ":", "backup")[0] == 0
    assert tree_of(here / "backup") == tree_of(drive)
    assert (here / "backup" / "lib" / "deep" / "grün 1.txt").read_text() == "grün"


def test_what_does_not_fit_is_one_line(tmp_path: Path, belay: Belay) -> None:
    """And not where that was in Belay's own code on the board."""
    (tmp_path / "noise").write_bytes(os.urandom(100_000))
    status, out, err = belay("cp", "-t", "virtual:?flash=64K", str(tmp_path / "noise"), ":")
    assert (status, out) == (1, "")
    assert "/noise: the board's flash is full" in err
    assert len(err.splitlines()) == 1


def test_mv_rm_mkdir(board: str, drive: Path, belay: Belay) -> None:
    assert belay("mkdir", ":x") == (0, "", "")
    assert belay("mkdir", ":x")[0] == 1
    assert belay("mkdir", ":y/z")[0] == 1
    assert belay("mkdir", "-p", ":y/z", ":x")[0] == 0
    assert belay("mv", ":boot.py", ":old.py")[0] == 0
    assert belay("mv", ":old.py", ":lib/a.py", ":y/z")[0] == 0
    assert belay("mv", ":y/z/old.py", ":lib", ":nothing")[0] == 1
    assert tree_of(drive) == {
        "lib", "lib/deep", "lib/deep/grün 1.txt", "x", "y", "y/z", "y/z/a.py", "y/z/old.py",
    }  # fmt: skip
    status, _, err = belay("rm", ":lib")
    assert (status, "-r" in err) == (1, True)
    assert belay("rm", ":nothing")[0] == 1
    assert belay("rm", "-f", ":nothing", ":y/z/old.py")[0] == 0
    assert belay("rm", "-r", ":lib", ":x")[0] == 0
    assert tree_of(drive) == {"y", "y/z", "y/z/a.py"}
    for everything in (":", "/", ":.", ":y/..", ":../"):
        status, _, err = belay("rm", "-r", everything)
        assert (status, "--yes" in err) == (2, True)
    assert belay("rm", "-r", "-y", ":")[0] == 0
    assert tree_of(drive) == set()


def editor(tmp_path: Path, source: str) -> str:
    script = tmp_path / "editor.py"
    script.write_text(f"import sys\nfrom pathlib import Path\npath = Path(sys.argv[1])\n{source}\n")
    return f"'{sys.executable}' '{script}'"


def test_edit(
    board: str, drive: Path, belay: Belay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    change = "path.write_text(path.read_text() + 'more\\n')"
    monkeypatch.setenv("VISUAL", editor(tmp_path, change))
    assert belay("edit", ":boot.py") == (0, ":/boot.py: 12 bytes written\n", "")
    assert (drive / "boot.py").read_text() == "# boot\nmore\n"
    assert belay("edit", ":new.py")[0] == 0
    assert (drive / "new.py").read_text() == "more\n"
    assert not list(tmp_path.glob("belay-*"))
    status, _, err = belay("edit", ":no/folder.py")
    assert status == 1
    kept = Path(err.rpartition(" is in ")[2].strip().rstrip("."))
    assert kept.read_text() == "more\n"
    monkeypatch.setenv("VISUAL", editor(tmp_path, "pass"))
    assert belay("edit", board, ":boot.py")[1] == ":/boot.py: not changed\n"
    monkeypatch.setenv("VISUAL", editor(tmp_path, "sys.exit(3)"))
    assert "status 3" in belay("edit", ":boot.py")[2]
    monkeypatch.setenv("VISUAL", "/no/such/editor")
    assert "cannot be started" in belay("edit", ":boot.py")[2]


# ----------------------------------------------------------------------- in front of a person


def test_a_question(board: str, drive: Path, belay: Belay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    answers = iter(["n", "", "yes"])
    asked: list[str] = []
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or next(answers))
    assert belay("rm", "-r", ":")[0] == 1
    assert "Nothing was removed" in belay("rm", "-r", board, ":")[2]
    assert asked[1] == f"Remove all files of {board}? [y/N] "
    assert tree_of(drive)
    assert belay("rm", "-r", ":")[0] == 0
    assert not tree_of(drive)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "words",
    [
        ["rm", "-ry", ""],
        ["ls", ""],
        ["mv", "", "/x"],
        ["cat", ""],
        ["cp", "", ":"],
        ["cp", ":boot.py", ""],
        ["cp", "-r", "", ":"],
    ],
)
def test_an_empty_path_is_not_the_whole_board(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A variable of the shell that is not set."""
    assert main([words[0], "-t", "virtual:", *words[1:]]) == 2
    assert "is no path" in capsys.readouterr().err


@pytest.mark.parametrize(("place", "told"), [("<belay>", False), ("main.py", True)])
def test_ctrl_c_shows_where_a_program_was_and_none_of_our_own_lines(
    place: str, told: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def answered(tokens: list[str]) -> int:
        text = f'Traceback:\n  File "{place}", line 7, in f\nKeyboardInterrupt:'
        raise KeyboardInterrupt from PyboardException(text)

    monkeypatch.setattr(cli, "_answered", answered)
    assert cli.main(["sync"]) == 130
    assert (place in capsys.readouterr().err) == told


def test_ctrl_d_where_something_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def answered(tokens: list[str]) -> int:
        raise EOFError

    monkeypatch.setattr(cli, "_answered", answered)
    assert cli.main(["rm"]) == 1
    assert "nothing was done" in capsys.readouterr().err
