# SPDX-License-Identifier: Apache-2.0
"""``belay install``: a project with its packages on a board, which then runs it."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from belay.source.mpy import Abi, MpyCross, find_mpy_cross
from tests.cli.conftest import Belay
from tests.cli.person import Person
from tests.packages.repositories import Repository
from tests.packages.test_archives import make_tar, make_zip
from tests.packages.worlds import PackageWorld

posix = pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")

TICKS = "import time\nn = 0\nwhile True:\n    n += 1\n    print('tick', n)\n    time.sleep(0.01)\n"


@pytest.fixture
def world(shop: PackageWorld) -> PackageWorld:
    """A project that needs ``aiohttp``, and ``ntptime`` for its tests."""
    shop.index.add("ssl", "0.2", {"ssl.py": b"s = 2\n"})
    files = {"aiohttp/__init__.py": b'"""A docstring."""\nfrom ssl import s\n'}
    shop.index.add("aiohttp", "0.0.6", files, deps=[("ssl", "0.2")])
    shop.index.add("ntptime", "0.1", {"ntptime.py": b"t = 1\n"})
    shop.require(
        'aiohttp = "*"\n[tool.belay.group.test]\noptional = true\n'
        '[tool.belay.group.test.dependencies]\nntptime = "*"'
    )
    (shop.project / "main.py").write_text("import app, aiohttp\nprint('up', app.a, aiohttp.s)\n")
    return shop


def ok(told: tuple[int, str, str]) -> str:
    status, out, err = told
    assert (status, err) == (0, "")
    return out


def files(drive: Path) -> set[str]:
    return {path.relative_to(drive).as_posix() for path in drive.rglob("*") if path.is_file()}


# -------------------------------------------------------------------------------- one project


def test_install(world: PackageWorld, board: str, drive: Path, belay: Belay) -> None:
    for folder in (world.project / "app", world.project / ".belay" / "dependencies" / "main"):
        (folder / "__pycache__").mkdir(parents=True)
        (folder / "__pycache__" / "x.pyc").write_bytes(b"x")
    out = ok(belay("install", board, "--dry-run"))
    assert not (world.project / "belay.lock").exists()
    assert "+ /lib/aiohttp/__init__.py" in re.sub(" +", " ", out)
    assert "packages in /lib: 2 to write, 0 unchanged" in out
    assert files(drive) == set()

    out = ok(belay("install", board, "--main", "main.py"))
    assert out.startswith("+ aiohttp 0.0.6\n+ ntptime 0.1\n+ ssl 0.2\n")
    assert "packages in /lib: 2 written, 0 unchanged" in out
    assert "app in /app: 1 written" in out
    assert "main in /main.py: 1 written" in out
    # A file that is alone lies where import finds it, and what Belay 0.30 nested is not nested.
    assert files(drive) == {"lib/aiohttp/__init__.py", "lib/ssl.py", "app/__init__.py", "main.py"}
    assert b"docstring" not in (drive / "lib" / "aiohttp" / "__init__.py").read_bytes()
    out = ok(belay("install", board, "--with", "test", "--run", "main.py"))
    assert out.endswith("up 1 2\n")
    assert (drive / "lib" / "ntptime.py").exists()
    told = json.loads(ok(belay("install", board, "--yes", "--json", "--no-minify")))
    assert [step["name"] for step in told["steps"]] == ["packages", "app"]
    assert told["steps"][0]["removed"] == ["/lib/ntptime.py"]
    assert [each["path"] for each in told["steps"][0]["written"]] == [
        "/lib/aiohttp/__init__.py", "/lib/ssl.py",
    ]  # fmt: skip
    assert b"docstring" in (drive / "lib" / "aiohttp" / "__init__.py").read_bytes()


def test_what_cannot_be_installed(
    world: PackageWorld, board: str, drive: Path, belay: Belay
) -> None:
    (world.project / "x.txt").write_text("x")
    for words, says in (
        (["--with", "tset"], "its groups are main, test"),
        (["--main", "x.txt"], "it is no .py file"),
        (["--main", "none.py"], "there is no file"),
        (["--run", "none.py"], "none.py"),
        (["--frozen"], "is missing"),
        (["--locked"], "is missing"),
    ):
        (world.project / "belay.lock").unlink(missing_ok=True)
        status, _, err = belay("install", board, *words)
        assert status == 1
        assert says in err
        assert files(drive) == set()
    ok(belay("install", board))
    shutil.rmtree(world.project / "app")
    status, _, err = belay("install", board)
    assert status == 1
    assert "there is no folder" in err
    assert f"{world.project / 'pyproject.toml'}" in err


def test_an_error_of_the_program_shows_files_here(
    world: PackageWorld, board: str, belay: Belay
) -> None:
    (world.project / "app" / "__init__.py").write_text("def f():\n    return 1 / 0\n")
    (world.project / "run.py").write_text("import app\napp.f()\n")
    status, _, err = belay("install", board, "--run", "run.py")
    assert status == 1
    assert 'File "run.py", line 2' in err
    assert f'File "{world.project / "app" / "__init__.py"}", line 2, in f' in err
    assert "ZeroDivisionError" in err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "status"), [("c", 130), ("n", 0), ("y", 0)])
def test_what_the_board_has_besides(
    answer: str,
    status: int,
    world: PackageWorld,
    board: str,
    drive: Path,
    belay: Belay,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (drive / "lib").mkdir()
    (drive / "lib" / "mine.py").write_text("mine = 1\n")
    (drive / "data.csv").write_text("data")
    found, _, err = belay("install", board)
    assert found == 2
    assert "/lib/mine.py" in err
    assert "--yes" in err
    assert files(drive) == {"lib/mine.py", "data.csv"}
    monkeypatch.setattr(sys, "stdin", Terminal())
    answers = iter(["perhaps", answer])
    monkeypatch.setattr("builtins.input", lambda text: next(answers))
    found, out, _ = belay("install", board)
    assert found == status
    assert "On the board, and not in the project:\n  /lib/mine.py\n" in out
    assert (drive / "lib" / "mine.py").exists() == (answer != "y")
    assert (drive / "app" / "__init__.py").exists() == (answer != "c")
    assert (drive / "data.csv").exists()
    assert ok(belay("install", board, "--no-remove"))


def test_several_boards(world: PackageWorld, belay: Belay, tmp_path: Path) -> None:
    names = ("left", "right")
    for name in names:
        (tmp_path / name).mkdir()
    boards = [part for n in names for part in ("-t", f"virtual:?files={tmp_path / n}")]
    out = ok(belay("install", *boards, "--run", "main.py"))
    assert out.count("up 1 2\n") == 2
    assert files(tmp_path / "left") == files(tmp_path / "right")
    (tmp_path / "left" / "lib" / "mine.py").write_text("x")
    status, _, err = belay("install", *boards)
    assert status == 2
    assert "/lib/mine.py" in err


# -------------------------------------------------------------------------------- main.py runs on


@posix
def test_follow(world: PackageWorld) -> None:
    (world.project / "ticks.py").write_text(TICKS)
    words = ("install", "virtual:", "--main", "ticks.py", "--follow")
    with Person(*words, folder=world.project, env=world.environment) as person:
        shown = person.sees("tick 1\r\ntick 2\r\ntick 3\r\n")
        person.sees("tick 30\r\n")
        assert "KeyboardInterrupt" not in shown
        person.types("\x03")
        assert person.status() == 0
        assert "Traceback" not in person.rest()


@pytest.fixture
def tcp_board(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """A board that is a program of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "belay.virtual", "--tcp", "0"], stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stderr is not None
        found = re.search(r":(\d+)", process.stderr.readline())
        assert found
        yield f"socket://127.0.0.1:{found[1]}", int(found[1])
        process.send_signal(signal.SIGINT)
        process.wait(10)


@posix
def test_main_runs_on_when_the_command_has_ended(
    world: PackageWorld, tcp_board: tuple[str, int], belay: Belay
) -> None:
    """Belay 0.30 sent Ctrl-C behind the reset, into the program that had just been started."""
    address, port = tcp_board
    (world.project / "main.py").write_text(TICKS)
    ok(belay("install", address, "--main", "main.py"))
    with socket.create_connection(("127.0.0.1", port), timeout=30) as link:
        seen = b""
        while len(re.findall(rb"tick \d+\r?\n", seen)) < 20:
            data = link.recv(4096)
            assert data
            seen += data
    assert b"KeyboardInterrupt" not in seen
    assert b">>>" not in seen
    numbers = [int(n) for n in re.findall(rb"tick (\d+)\r?\n", seen)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_main_runs_on_where_the_board_is_shared(
    world: PackageWorld, board: str, drive: Path, belay: Belay
) -> None:
    (world.project / "main.py").write_text(
        "import time\nn = 0\nwhile True:\n    n += 1\n    time.sleep(0.01)\n"
        "    with open('/n.txt', 'w') as file:\n        file.write(str(n) + '.')\n"
    )
    ok(belay("install", board, "--main", "main.py"))
    seen: set[str] = set()
    until = time.monotonic() + 60
    while len(seen) < 5 and time.monotonic() < until:
        text = (drive / "n.txt").read_text() if (drive / "n.txt").exists() else ""
        if text.endswith("."):
            seen.add(text)
    assert len(seen) == 5


# ----------------------------------------------------------- twenty packages, and all of it again


ABI = Abi(774)  # 6.3: the virtual board

NAMES = [
    "alpha", "beta", "gamma", "delta", "umqtt.simple", "umqtt.robust", "leaf", "twig",
    "hosted", "hosted_folder", "hosted_package", "pages", "cloned", "cloned_file",
    "zipped", "tarred", "single", "packed", "local", "local_file",
]  # fmt: skip
"""``leaf``, ``twig`` and ``pages`` are required by other packages alone."""


def compiled_in(folder: Path) -> Callable[[str, bytes], bytes]:
    """Makes what an index has for boards of this ABI."""
    compiler = MpyCross(find_mpy_cross(True, ABI), ABI, folder)
    return lambda dest, data: compiler.compile(data, f"/lib/{dest}", dest)


def test_a_package_that_is_mpy_alone(
    shop: PackageWorld, board: str, drive: Path, belay: Belay, tmp_path: Path
) -> None:
    made = compiled_in(tmp_path / "compiled")
    shop.index.add("only", "1.0", {"only.py": b"who = 'only'\n"}, targets=["6"], compiled=made)
    (shop.project / "run.py").write_text("import only\nprint(only.who, only.__file__)\n")
    before = shop.whole()
    status, _, err = belay("add", "only")
    assert status == 1
    assert "only 1.0 has no files for py" in err
    assert shop.whole() == before
    page = shop.requirements().replace('name = "app"\n', 'name = "app"\nmpy_version = "6"\n')
    (shop.project / "pyproject.toml").write_text(page)
    ok(belay("add", "only"))
    assert ok(belay("install", board, "--run", "run.py")).endswith("only /lib/only.mpy\n")
    assert files(drive) == {"lib/only.mpy", "app/__init__.py"}
    status, _, err = belay("install", "virtual:?circuitpython=1", "--yes")
    assert status == 1
    assert "only 1.0 has no files for py" in err


def stock(world: PackageWorld, folder: Path) -> str:
    """Twenty packages over all kinds of sources; the dependencies that ask for them."""
    compiled = compiled_in(folder)

    needs = {"alpha": [("twig", "1.0")], "twig": [("leaf", "1.0")], "umqtt.robust": [
        ("umqtt.simple", "1.0")]}  # fmt: skip
    for name in NAMES[:8]:
        dest = name.replace(".", "/") + (".py" if name in ("delta", "leaf") or "." in name else
                                         "/__init__.py")  # fmt: skip
        data = {dest: f'"""Of the index."""\nwho = {name!r}\n'.encode()}
        world.index.add(name, "1.0", data, deps=needs.get(name, []), compiled=compiled)

    def who(name: str) -> str:
        return f"who = {name!r}\n"

    host = world.host.repository
    package = {"urls": [["hosted_package.py", "src/p.py"]], "deps": [["github:o/r/pages.py", ""]]}
    package["deps"] = [["github:o/r/pages.py", "main"], ["leaf", "1.0"]]
    world.host.publish(
        host.commit({
            "lib/hosted.py": who("hosted"), "hosted_folder/__init__.py": who("hosted_folder"),
            "pkg/package.json": json.dumps(package), "pkg/src/p.py": who("hosted_package"),
            "pages.py": who("pages"),
        })
    )  # fmt: skip
    other = Repository(world.folder / "other")
    other.commit({"src/__init__.py": who("cloned"), "one.py": who("cloned_file")})
    world.server.give("/z.zip", make_zip({"z-1/__init__.py": who("zipped").encode()}))
    world.server.give("/t.tar.gz", make_tar({"t-1/__init__.py": who("tarred").encode()}))
    world.server.give("/single.py", who("single"))
    world.server.give("/p/package.json", {"urls": [["packed.py", "p.py"]], "version": "7"})
    world.server.give("/p/p.py", who("packed"))
    (world.project / "local").mkdir()
    (world.project / "local" / "__init__.py").write_text(who("local"))
    (world.project / "local_file.py").write_text(who("local_file"))
    url = world.server.url
    return "\n".join([
        'alpha = "^1"', 'beta = ">=0.9"', 'gamma = "1.0"', 'delta = "*"', '"umqtt.robust" = "*"',
        'hosted = "github:o/r/lib/hosted.py@main"', 'hosted_folder = "gitlab:o/r/hosted_folder"',
        'hosted_package = "github:o/r/pkg"', f'cloned = "git+{other.url}#subdirectory=src"',
        f'cloned_file = "git+{other.url}@main#subdirectory=one.py"', f'zipped = "{url}/z.zip"',
        f'tarred = "{url}/t.tar.gz"', f'single = "{url}/single.py"',
        f'packed = "{url}/p/package.json"', 'local = "./local"', 'local_file = "./local_file.py"',
    ])  # fmt: skip


CHECK = "names = {names!r}\nfor name in names:\n    m = __import__(name, None, None, ('who',))\n" \
        "    assert m.who == name, (name, m)\n    print(name, m.__file__)\n"  # fmt: skip


def test_twenty_packages_and_all_of_it_again(
    shop: PackageWorld, belay: Belay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = shop
    page = world.requirements().replace('name = "app"\n', "")
    dependencies = stock(world, tmp_path / "compiled")
    (world.project / "pyproject.toml").write_text(
        f"{page}\n[tool.belay.dependencies]\n{dependencies}\n"
    )
    check = tmp_path / "check.py"
    check.write_text(CHECK.format(names=NAMES))

    def on_a_board(name: str, *options: str) -> dict[str, bytes]:
        """Install there, import all; the files that the board has then."""
        drive = tmp_path / name
        drive.mkdir()
        address = f"virtual:?files={drive}"
        out = ok(belay("install", address, "--run", str(check), *options))
        lines = out.splitlines()[-len(NAMES) :]
        assert [line.split()[0] for line in lines] == NAMES
        return {path: (drive / path).read_bytes() for path in files(drive)}

    first = on_a_board("first")
    assert {each.name for each in world.lock().packages} == set(NAMES)
    assert world.locked("leaf").required_by == ("hosted_package", "twig")
    assert {"lib/leaf.py", "lib/umqtt/robust.py", "lib/single/__init__.py"} <= first.keys()
    lock = (world.project / "belay.lock").read_bytes()

    compiled = on_a_board("compiled-board", "--mpy", "--locked")
    assert {path for path in compiled if path.endswith(".mpy")} == {
        "lib/alpha/__init__.mpy", "lib/beta/__init__.mpy", "lib/gamma/__init__.mpy",
        "lib/delta.mpy", "lib/umqtt/simple.mpy", "lib/umqtt/robust.mpy", "lib/leaf.mpy",
        "lib/twig/__init__.mpy",
    }  # fmt: skip
    assert len(compiled) == len(first) == len(NAMES)

    # From here on there is no server and no repository: only the lock and the store.
    world.server.__exit__(None, None, None)
    shutil.rmtree(world.folder / "other")
    shutil.rmtree(world.folder / "repository")
    second = shutil.copytree(tmp_path / "cache", tmp_path / "machine" / "cache")
    for name, cache in (("again", tmp_path / "cache"), ("machine", second)):
        monkeypatch.setenv("BELAY_CACHE_DIR", str(cache))
        project = tmp_path / name / "project"
        project.mkdir(parents=True)
        for file in ("pyproject.toml", "belay.lock"):
            shutil.copy(world.project / file, project)
        monkeypatch.chdir(project)
        assert on_a_board(f"{name}-board", "--frozen", "--offline") == first
        assert world.installed(project) == world.installed()
        assert (project / "belay.lock").read_bytes() == lock
        assert on_a_board(f"{name}-mpy", "--frozen", "--offline", "--mpy") == compiled
        shutil.rmtree(cache)
        shutil.rmtree(project / ".belay")
        assert belay("install", "virtual:", "--frozen", "--offline")[0] == 1
        assert not (project / ".belay").exists()
