# SPDX-License-Identifier: Apache-2.0
"""The commands for packages, as people type them."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from belay.packages import template
from belay.packages.project import read_project
from belay.transports import usb
from belay.transports.usb import UsbSpecifier
from tests.cli.conftest import Belay
from tests.cli.person import Person
from tests.packages.test_archives import make_tar, make_zip
from tests.packages.worlds import PackageWorld

AIOHTTP = {"aiohttp/__init__.py": b"import ssl\n", "aiohttp/ws.py": b"w = 1\n"}


@pytest.fixture
def world(shop: PackageWorld) -> PackageWorld:
    """It has some packages."""
    shop.index.add("ssl", "0.2", {"ssl.py": b"s = 1\n"})
    shop.index.add("ssl", "0.3", {"ssl.py": b"s = 2\n"})
    shop.index.add("aiohttp", "0.0.5", AIOHTTP, deps=[("ssl", "0.2")])
    shop.index.add("aiohttp", "0.0.6", AIOHTTP, deps=[("ssl", "0.2")])
    shop.index.add("ntptime", "0.1", {"ntptime.py": b"def time():\n    return 1\n"})
    shop.index.add("umqtt.simple", "1.4", {"umqtt/simple.py": b"m = 1\n"})
    return shop


def ok(told: tuple[int, str, str]) -> str:
    status, out, err = told
    assert (status, err) == (0, "")
    return out


# ------------------------------------------------------------------------------ add, remove, update


def test_a_day_with_packages(world: PackageWorld, belay: Belay) -> None:
    out = ok(belay("add", "aiohttp"))
    assert out == "+ aiohttp 0.0.6\n+ ssl 0.3\nfiles: 3 added\n"
    # What Belay 0.30 nested lies where import finds it.
    assert set(world.installed()) == {
        "main/aiohttp/__init__.py", "main/aiohttp/ws.py", "main/ssl.py"
    }  # fmt: skip
    assert ok(belay("add", "ntptime", "--group", "test")) == "+ ntptime 0.1\nfile: 1 added\n"
    assert world.installed()["test/ntptime.py"].startswith(b"def time")
    status, out, err = belay("add", "aiohttp")
    assert (status, out) == (1, "")
    assert "aiohttp is there already" in err
    assert "belay update aiohttp" in err

    assert ok(belay("lock")) == "belay.lock fits\n"
    assert ok(belay("lock", "--check")) == "belay.lock fits\n"
    assert ok(belay("update")).splitlines() == [
        "= aiohttp 0.0.6: no changes", "= ntptime 0.1: no changes", "= ssl 0.3: no changes",
        "nothing has changed",
    ]  # fmt: skip
    world.index.add("ssl", "0.4", {"ssl.py": b"s = 4\n"})
    world.index.add("ntptime", "0.2", {"ntptime.py": b"n = 4\n"})
    assert "ssl      0.3     0.4     0.4" in ok(belay("outdated"))
    assert ok(belay("update", "ssl")) == "~ ssl 0.3 -> 0.4\nfile: 1 updated\n"
    assert ok(belay("lock", "--upgrade", "ntptime")) == "~ ntptime 0.1 -> 0.2\n"
    assert ok(belay("outdated")) == "everything is the newest that there is\n"
    status, out, err = belay("update", "sll")
    assert (status, out) == (1, "")
    assert "requires no 'sll'" in err

    assert ok(belay("why", "ssl")) == "app -> aiohttp 0.0.6 -> ssl 0.4\n"
    assert ok(belay("tree", "--packages")).splitlines() == [
        "app", "├── main", "│   └── aiohttp 0.0.6", "│       └── ssl 0.4", "└── test",
        "    └── ntptime 0.2",
    ]  # fmt: skip
    assert ok(belay("remove", "ntptime")) == "- ntptime 0.2\nfile: 1 removed\n"
    assert ok(belay("remove", "aiohttp", "--offline")).splitlines() == [
        "- aiohttp 0.0.6", "- ssl 0.4", "files: 3 removed",
    ]  # fmt: skip
    assert world.installed() == {}


def test_machines_read(world: PackageWorld, belay: Belay) -> None:
    ok(belay("add", "aiohttp==0.0.5"))
    packages = json.loads(ok(belay("list", "--json")))
    assert [each["name"] for each in packages] == ["aiohttp", "ssl"]
    assert packages[0] == {
        "name": "aiohttp", "version": "0.0.5", "groups": ["main"], "commit": None,
        "source": f"index+{world.index.url}", "requires": ["ssl"], "required_by": ["."],
        "files": 2, "size": 17, "flash": 8192,
    }  # fmt: skip
    assert json.loads(ok(belay("why", "ssl", "--json"))) == [["app", "aiohttp 0.0.5", "ssl 0.3"]]
    assert json.loads(ok(belay("outdated", "--json"))) == [
        {"name": "aiohttp", "locked": "0.0.5", "update": "0.0.5", "newest": "0.0.6"}
    ]
    assert json.loads(ok(belay("tree", "--packages", "--json"))) == {
        "main": {"aiohttp 0.0.5": {"ssl 0.3": {}}}
    }
    found = json.loads(ok(belay("search", "umqtt", "--json")))
    assert [(each["name"], each["version"]) for each in found] == [("umqtt.simple", "1.4")]


def test_list(world: PackageWorld, belay: Belay) -> None:
    ok(belay("add", "aiohttp"))
    lines = ok(belay("list")).splitlines()
    assert lines[0].split() == ["PACKAGE", "VERSION", "GROUPS", "FILES", "SIZE", "FLASH", "SOURCE"]
    assert lines[1].split()[:4] == ["aiohttp", "0.0.6", "main", "2"]
    assert lines[-1].split()[:2] == ["total", "3"]
    assert len(ok(belay("list", "--mpy")).splitlines()) == 4
    ok(belay("remove", "aiohttp"))
    assert ok(belay("list")) == "belay.lock has no packages\n"
    assert ok(belay("tree", "--packages")) == "app\n"


def test_search(world: PackageWorld, belay: Belay, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [line.split()[0] for line in ok(belay("search", "tp")).splitlines()] == [
        "PACKAGE", "aiohttp", "ntptime",
    ]  # fmt: skip
    assert "no package has 'nothing at all'" in ok(belay("search", "nothing", "at", "all"))
    assert len(ok(belay("search", "--offline")).splitlines()) == 5
    monkeypatch.setenv("BELAY_CACHE_DIR", str(world.folder / "empty"))
    status, _, err = belay("search", "--offline")
    assert status == 1
    assert "--offline" in err


def test_fetch_clean_and_offline(
    world: PackageWorld, belay: Belay, monkeypatch: pytest.MonkeyPatch
) -> None:
    ok(belay("add", "aiohttp"))
    monkeypatch.setenv("BELAY_CACHE_DIR", str(world.folder / "plane"))
    status, _, err = belay("fetch", "--offline")
    assert status == 1
    assert "--offline" in err
    assert ", 6 of them new" in ok(belay("fetch"))
    assert ", 0 of them new" in ok(belay("fetch", "--offline"))
    asked = len(world.server.asked)
    (world.project / ".belay" / "dependencies" / "main" / "mine.txt").write_text("x")
    assert ok(belay("clean")) == "- main/mine.txt\n"
    assert ok(belay("clean")) == "nothing to remove\n"
    (world.project / "pyproject.toml").write_text(world.requirements().replace("aiohttp", "ssl"))
    status, _, err = belay("lock", "--check")
    assert status == 1
    assert "does not fit" in err
    assert len(world.server.asked) == asked


FORMS = [
    (["aiohttp"], 'aiohttp = "*"'),
    (["mip:aiohttp"], 'aiohttp = "*"'),
    (["aiohttp@0.0.5"], 'aiohttp = "0.0.5"'),
    (["aiohttp==0.0.5"], 'aiohttp = "==0.0.5"'),
    (["aiohttp>=0.0.5"], 'aiohttp = ">=0.0.5"'),
    (["aiohttp@latest"], 'aiohttp = "latest"'),
    (["aiohttp", "^0.0.5"], 'aiohttp = "^0.0.5"'),
    (["http", "mip:aiohttp"], 'http = "mip:aiohttp"'),
    (["umqtt.simple"], '"umqtt.simple" = "*"'),
    (["github:o/r"], 'r = "github:o/r"'),
    (["github:o/r/lib/a-b.py@v1"], 'a_b = "github:o/r/lib/a-b.py@v1"'),
    (["gitlab:o/r/lib@release/1"], 'lib = "gitlab:o/r/lib@release/1"'),
    (["codeberg:o/r/lib/a-b.py", "--no-rename-to-init"],
     'a_b = {uri = "codeberg:o/r/lib/a-b.py", rename_to_init = false}'),
    (["https://github.com/o/r/tree/v1/lib"], 'lib = "github:o/r/lib@v1"'),
    (["https://github.com/o/r/blob/v1/lib/a-b.py"], 'a_b = "github:o/r/lib/a-b.py@v1"'),
    (["https://raw.githubusercontent.com/o/r/v1/lib/a-b.py"], 'a_b = "github:o/r/lib/a-b.py@v1"'),
    (["https://gitlab.com/o/r/-/raw/v1/lib/a-b.py"], 'a_b = "gitlab:o/r/lib/a-b.py@v1"'),
    (["mine", "git+{git}@v1#subdirectory=lib"], 'mine = "git+{git}@v1#subdirectory=lib"'),
    (["{url}/w.py"], 'w = "{url}/w.py"'),
    (["{url}/z.zip"], 'z = "{url}/z.zip"'),
    (["{url}/t.tar.gz"], 't = "{url}/t.tar.gz"'),
    (["{url}/p/package.json"], 'p = "{url}/p/package.json"'),
    (["local.py"], 'local = "./local.py"'),
    (["./shared", "--develop"], 'shared = {uri = "./shared", develop = true}'),
    (["other", "shared"], 'other = "./shared"'),
    (["{folder}/out.py"], 'out = "{folder}/out.py"'),
]  # fmt: skip


@pytest.fixture
def forms(world: PackageWorld) -> dict[str, str]:
    """All that the forms name; what their braces stand for."""
    repository = world.host.repository
    commit = repository.commit({"lib/a-b.py": "a = 1\n", "package.json": "{}"})
    repository.git("tag", "v1")
    repository.git("branch", "release/1")
    world.host.publish(commit)
    world.server.give("/w.py", b"w = 1\n")
    world.server.give("/z.zip", make_zip({"z-1/z.py": b"z = 1\n"}))
    world.server.give("/t.tar.gz", make_tar({"t-1/t.py": b"t = 1\n"}))
    world.server.give("/p/package.json", {"urls": [["p/__init__.py", "../w.py"]]})
    (world.project / "local.py").write_text("l = 1\n")
    (world.project / "shared").mkdir()
    (world.project / "shared" / "s.py").write_text("s = 1\n")
    (world.folder / "out.py").write_text("o = 1\n")
    return {"git": repository.url, "url": world.server.url, "folder": str(world.folder)}


@pytest.mark.parametrize(
    ("words", "line"), FORMS, ids=lambda value: value if isinstance(value, str) else " ".join(value)
)
def test_every_form_of_add(
    words: list[str], line: str, forms: dict[str, str], world: PackageWorld, belay: Belay
) -> None:
    def filled(text: str) -> str:
        for name, value in forms.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    out = ok(belay("add", *map(filled, words)))
    assert out.startswith("+ ")
    assert f"[tool.belay.dependencies]\n{filled(line)}\n" in world.requirements()
    assert ok(belay("lock", "--check", "--offline")) == "belay.lock fits\n"
    name = line.partition(" ")[0].strip('"')
    ok(belay("remove", name, "--offline"))
    assert world.installed() == {}


def test_a_path_is_that_of_the_folder_where_it_was_typed(
    world: PackageWorld, belay: Belay, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = world.project / "app" / "deep"
    inner.mkdir(parents=True)
    (world.project / "a b.py").write_text("a = 1\n")
    monkeypatch.chdir(inner)
    ok(belay("add", "../../a b.py"))
    assert 'a_b = "./a b.py"' in world.requirements()
    (world.folder / "link").symlink_to(inner)
    monkeypatch.chdir(world.folder / "link")
    (inner / "c.py").write_text("c = 1\n")
    ok(belay("add", "c.py"))
    assert 'c = "./app/deep/c.py"' in world.requirements()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nothing"], "no index has 'nothing'"),
        (["aiohtp"], "did you mean aiohttp?"),
        (["aiohttp>=9"], "aiohttp"),
        (["aiohttp@0.0.9"], "0.0.9"),
        (["aiohttp>=x y"], ""),
        (["aiohttp", "--develop"], "--develop and --rename-to-init are for files"),
        (["http", "mip:aiohttp", "--develop"], "--develop and --rename-to-init are for files"),
        (["github:o/r", "--develop"], "files and folders of this computer"),
        (["./nothing.py"], "nothing is at"),
        (["github:o"], "is not github:owner/repo"),
        (["https://host.invalid:port/x.py"], "is no URL"),
        (["a b", "./x.py"], "cannot name a package"),
        (["https://127.0.0.1:9/3d.py"], "Try: belay add NAME"),
        (["ftp://127.0.0.1/x.py"], "not known"),
    ],
)
def test_add_of_what_is_not_there(
    words: list[str], says: str, world: PackageWorld, belay: Belay
) -> None:
    before = world.snapshot()
    status, out, err = belay("add", *words)
    assert (status, out) == (1, "")
    assert says in err
    assert err.startswith("belay: ")
    assert world.snapshot() == before


def test_a_conflict_is_told_in_sentences(world: PackageWorld, belay: Belay) -> None:
    page = world.requirements().replace('name = "app"', 'name = "app"\npins = "strict"')
    (world.project / "pyproject.toml").write_text(page)
    ok(belay("add", "ssl>=0.3"))
    before = world.snapshot()
    status, out, err = belay("add", "aiohttp")
    assert (status, out) == (1, "")
    assert "aiohttp" in err
    assert "ssl" in err
    assert "Try" in err or "override" in err
    assert world.snapshot() == before


@pytest.mark.parametrize(
    "words",
    [
        ["add"], ["add", "a", "b", "c"], ["add", "a", "--nonsense"], ["remove"], ["why"],
        ["why", "a", "b"], ["lock", "ssl"], ["lock", "--check", "--upgrade"], ["fetch", "x"],
        ["clean", "x"], ["list", "x"], ["cache", "clear"], ["cache", "clear", "x", "--all"],
        ["cache", "clear", "a", "b"], ["cache", "nonsense"], ["export", "--output", "../x"],
        ["new", "a", "b"], ["new", "x", "--boards", "nonsense"],
        ["install", "--locked", "--frozen", "virtual:"],
        ["install", "virtual:", "--run", "x.py", "--follow"],
        ["install", "virtual:", "--run", "x.txt"], ["install", "virtual:", "x"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_makes_no_sense(words: list[str], world: PackageWorld, belay: Belay) -> None:
    before = world.surroundings()
    status, out, err = belay(*words)
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert world.surroundings() == before


COMMANDS = ["add x", "remove x", "update", "lock", "fetch", "clean", "list", "why x", "outdated",
            "tree --packages", "export", "install virtual:"]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_project(
    command: str, world: PackageWorld, belay: Belay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.folder)
    status, out, err = belay(*command.split())
    assert (status, out) == (1, "")
    assert "There is no pyproject.toml" in err
    assert "belay new" in err


@pytest.mark.parametrize("command", COMMANDS[2:])
def test_a_pyproject_that_is_wrong(command: str, world: PackageWorld, belay: Belay) -> None:
    path = world.project / "pyproject.toml"
    path.write_text(world.requirements() + '[tool.belay.dependencies]\nx = { urk = "y" }\n')
    before = world.snapshot()
    status, out, err = belay(*command.split())
    assert (status, out) == (1, "")
    assert f'File "{path}", line 5' in err or f"{path}:5" in err
    assert world.snapshot() == before


# ------------------------------------------------------------------------------------- cache


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_cache(world: PackageWorld, belay: Belay, monkeypatch: pytest.MonkeyPatch) -> None:
    status, out, _ = belay("cache", "clear", "--all", "--yes")
    assert (status, out) == (1, "there is nothing to clear\n")
    assert ok(belay("cache", "list")) == "nothing is kept\n"
    ok(belay("add", "aiohttp"))
    ok(belay("add", "ntptime"))
    info = ok(belay("cache", "info"))
    assert f"Location    {world.store.folder}\n" in info
    assert "Elements    3\n" in info
    assert "Total Size  " in info
    told = json.loads(ok(belay("cache", "info", "--json")))
    assert told["elements"] == 3
    assert told["location"] == str(world.store.folder)
    lines = ok(belay("cache", "list")).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["aiohttp", "ntptime", "ssl"]
    assert json.loads(ok(belay("cache", "list", "--json")))[0]["name"] == "aiohttp 0.0.6"

    status, out, _ = belay("cache", "clear", "nothing")
    assert (status, out) == (1, "nothing begins with 'nothing'\n")
    status, out, err = belay("cache", "clear", "ssl")
    assert (status, out) == (2, "")  # nobody can be asked
    assert "--yes" in err
    asked: list[str] = []
    monkeypatch.setattr(sys, "stdin", Terminal())
    for answer, expected in (("", 1), ("no", 1), ("y", 0)):
        monkeypatch.setattr("builtins.input", lambda text, a=answer: (asked.append(text), a)[1])
        status, out, err = belay("cache", "clear", "ssl")
        assert status == expected
        assert "  ssl 0.3\n" in out
    assert asked == ["Clear these caches? [y/N]: "] * 3
    assert "ssl" not in ok(belay("cache", "list"))
    assert ok(belay("cache", "verify")).endswith("files are as they should be\n")
    ok(belay("install", "virtual:", "--dry-run"))
    assert ok(belay("cache", "clear", "-a", "-y")).endswith(" removed\n")
    assert json.loads(ok(belay("cache", "info", "--json")))["files"] == 0


def test_cache_verify(world: PackageWorld, belay: Belay) -> None:
    ok(belay("add", "ntptime"))
    path = world.store.path(world.locked("ntptime").files[0].sha256)
    path.write_bytes(b"damaged")
    status, out, _ = belay("cache", "verify")
    assert status == 1
    assert "1 were damaged" in out
    assert json.loads(ok(belay("cache", "verify", "--json")))["damaged"] == []
    ok(belay("fetch"))
    assert path.read_bytes() != b"damaged"


# ------------------------------------------------------------------------------------- new


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("my-project", "my_project"), ("3d printer", "app_3d_printer"), ("Café", "cafe"),
        ("time", "app_time"), ("class", "app_class"), ("a.b", "a_b"), ("Größe 2", "groe_2"),
    ],
)  # fmt: skip
def test_new(
    folder: str, name: str, world: PackageWorld, belay: Belay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.folder)
    out = ok(belay("new", folder))
    assert f"+ {Path(folder, 'pyproject.toml')}" in out
    assert "belay install virtual: --main main.py --follow" in out
    made = {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*")}
    assert made == {
        "pyproject.toml", "main.py", "README.md", ".gitignore", name, f"{name}/__init__.py",
    }  # fmt: skip
    monkeypatch.chdir(folder)
    out = ok(belay("install", "virtual:", "--run", "main.py"))
    assert out.splitlines()[-3:] == [
        f"Hello {n} from micropython on webassembly" for n in (1, 2, 3)
    ]
    status, _, err = belay("init")
    assert status == 1
    assert "has [tool.belay] already" in err


def test_new_where_there_is_something(
    world: PackageWorld, belay: Belay, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = world.folder / "there"
    folder.mkdir()
    (folder / "data.bin").write_bytes(bytes(range(256)) + b"packagename")
    (folder / "main.py").write_bytes(b"packagename\r\n")
    pages = [
        b"# mine\n[project]\nname = 'x' # here\n\n[tool.pytest.ini_options]\naddopts = '-q'\n",
        b"# mine\r\n[project]\r\nname = 'x'",
        b"",
    ]
    monkeypatch.chdir(folder)
    for page in pages:
        (folder / "pyproject.toml").write_bytes(page)
        out = ok(belay("init", "--name", "there_code"))
        assert "~ pyproject.toml" in out
        assert "main.py was there, and is as it was" in out
        text = (folder / "pyproject.toml").read_bytes()
        assert text.startswith(page)
        assert b"[tool.belay]" in text
        assert (b"\r\n" in page) == (text.count(b"\n") == text.count(b"\r\n"))
        assert (b"pythonpath" in text) == (b"pytest" not in page)
        assert (folder / "main.py").read_bytes() == b"packagename\r\n"
        assert (folder / "data.bin").read_bytes() == bytes(range(256)) + b"packagename"
        assert ok(belay("lock")).startswith("belay.lock")


def test_new_that_cannot_be(
    world: PackageWorld, belay: Belay, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = world.folder / "there"
    folder.mkdir()
    (folder / "there").write_text("a file")
    monkeypatch.chdir(folder)
    (folder / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    before = world.surroundings()
    for words, says in (
        (["."], "is no folder"), (["--name", "time"], "boards have a module"),
        (["--name", "a-b"], "can be imported"), (["--name", "class"], "keyword"),
        (["../日本"], "--name NAME"), (["there/below"], ""),
        ([".", "--name", "x", "--boards", "a=nonsense:::"], "nonsense"),
    ):  # fmt: skip
        status, out, err = belay("new", *words)
        assert status in (1, 2)
        assert out == ""
        assert says in err
        assert world.surroundings() == before
    (folder / "pyproject.toml").write_text("[tool.belay\n")
    assert belay("new", ".", "--name", "x")[0] == 1
    assert not (folder / "x").exists()


def test_new_with_boards(
    world: PackageWorld, belay: Belay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.folder)
    ok(belay("new", "lab", "--boards", "desk=usb:2e8a:0005", "sim=virtual:"))
    monkeypatch.chdir("lab")
    assert ok(belay("exec", "-t", "sim", "print(6 * 7)")) == "42\n"


def test_new_that_fails_half_way(
    world: PackageWorld, belay: Belay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device", "pyproject.toml")

    monkeypatch.setattr(template, "write_whole", full)
    monkeypatch.chdir(world.folder)
    (world.folder / "lab").mkdir()
    (world.folder / "lab" / "README.md").write_text("mine")
    before = world.surroundings()
    status, out, err = belay("new", "lab")
    assert (status, out) == (1, "")
    assert "No space left" in err
    assert world.surroundings() == before


def test_new_with_the_boards_that_are_there(
    world: PackageWorld, belay: Belay, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"vid": 0x2E8A, "pid": 5, "serial_number": "e6", "product": "Board in FS mode"}
    found = [UsbSpecifier(**{**known, "serial_number": n, "device": n}) for n in ("a1", "b2")]
    monkeypatch.setattr(usb, "list_devices", lambda: found)
    monkeypatch.chdir(world.folder)
    ok(belay("new", "lab", "--boards", "found"))
    boards = read_project(world.folder / "lab").file.table["boards"]
    assert list(boards) == ["board-in-fs-mode", "board-in-fs-mode-2"]
    assert ["a1" in str(boards["board-in-fs-mode"]), "b2" in str(boards["board-in-fs-mode-2"])] == [
        True, True,
    ]  # fmt: skip


def test_export(world: PackageWorld, belay: Belay) -> None:
    ok(belay("add", "aiohttp"))
    path = world.project / "package.json"
    assert ok(belay("export")) == f"{path}\n"
    found = json.loads(path.read_text())
    assert found["urls"] == [["app/__init__.py", "app/__init__.py"]]
    assert found["deps"] == [["aiohttp", "0.0.6"]]
    assert json.loads(ok(belay("export", "--output", "-"))) == found
    ok(belay("export", "-o", "other.json"))
    assert (world.project / "other.json").read_bytes() == path.read_bytes()
    (world.project / "folder").mkdir()
    status, _, err = belay("export", "-o", "folder")
    assert status == 1
    assert "cannot be written" in err
    (world.project / "pyproject.toml").write_text(world.requirements().replace("aiohttp", "ssl"))
    status, _, err = belay("export")
    assert status == 1
    assert "does not fit" in err


# ------------------------------------------------------------------------------ in a terminal


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_in_a_terminal(world: PackageWorld) -> None:
    """Bars while something large is on its way; what is told goes where stdout goes."""
    large = b"x = 1\n" * 100_000
    world.server.give("/large.py", large)

    def person(*words: str) -> Person:
        return Person(*words, folder=world.project, env=world.environment)

    with person("add", f"{world.server.url}/large.py") as someone:
        someone.sees(r"large\.py.*kB")
        someone.sees(r"\+ large [0-9a-f]{8}\s+file: 1 added")
        assert someone.status() == 0
    with person("cache", "clear", "large") as someone:
        someone.sees(r"large [0-9a-f]{8}")
        someone.sees(r"Clear these caches\? \[y/N\]: ")
        someone.types("y\n")
        someone.sees("1 removed")
        assert someone.status() == 0
    with person("add") as someone:
        assert someone.status() == 2
        assert len(someone.rest().strip().splitlines()) == 1


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_stdout_of_a_terminal_that_is_a_file(world: PackageWorld) -> None:
    """`belay add … > file` in a terminal: bars on the one, what is told in the other."""
    world.server.give("/large.py", b"x = 1\n" * 100_000)
    path = world.project / "out"
    script = (
        "import sys, os; from belay.cli import main; os.dup2(os.open(sys.argv[1], "
        "os.O_WRONLY | os.O_CREAT), 1); sys.exit(main(sys.argv[2:]))"
    )
    words = [str(path), "add", f"{world.server.url}/large.py"]
    with Person(*words, folder=world.project, env=world.environment, program=script) as someone:
        someone.sees(r"large\.py.*kB")
        assert someone.status() == 0
        assert "+ large" not in someone.rest()
    assert path.read_text().startswith("+ large")


def test_no_bars_where_nobody_looks(world: PackageWorld, belay: Belay) -> None:
    world.server.give("/large.py", b"x = 1\n" * 100_000)
    status, out, err = belay("add", f"{world.server.url}/large.py")
    assert (status, err) == (0, "")
    assert "\x1b" not in out


def test_names_from_outside_give_a_terminal_no_orders(world: PackageWorld, belay: Belay) -> None:
    value: dict[str, Any] = {"v": 2, "packages": [
        {"name": "evil", "version": "1", "description": "a\x1b]0;owned\x07b\nc", "author": "",
         "license": "", "versions": {"py": ["1"]}},
    ]}  # fmt: skip
    world.server.give("/pi/v2/index.json", value)
    out = ok(belay("search", "evil"))
    assert "\x1b" not in out
    assert "\x07" not in out
    assert len(out.splitlines()) == 2


# --------------------------------------------------------------- what Belay 0.30 makes of the same


def test_a_ref_is_that_of_what_is_fetched(world: PackageWorld, belay: Belay) -> None:
    """Belay 0.30 drops it where a package.json is asked for, and keeps a clone as it was."""
    repository = world.host.repository

    def commit(text: str) -> str:
        package = json.dumps({"urls": [["pkg.py", "src.py"]], "version": text})
        return repository.commit(
            {"package.json": package, "src.py": f"p = {text}\n", "lib/in/x.py": f"x = {text}\n"}
        )

    first = commit("1")
    repository.git("tag", "v1")
    repository.git("branch", "feature/a")
    second = commit("2")
    world.host.publish(first, second)
    for ref, version in (("", "2"), ("@v1", "1"), ("@main", "2"), (f"@{first}", "1"),
                         ("@feature/a", "1")):  # fmt: skip
        for host in ("github", "gitlab", "codeberg"):
            ok(belay("add", f"{host}:o/r{ref}"))
            assert world.installed() == {"main/pkg.py": f"p = {version}\n".encode()}
            ok(belay("remove", "r"))
        # A folder without a package.json is that folder.
        ok(belay("add", f"github:o/r/lib{ref}"))
        assert world.installed() == {"main/lib/in/x.py": f"x = {version}\n".encode()}
        ok(belay("remove", "lib"))

    ok(belay("add", "mine", "github:o/r@main"))
    ok(belay("add", "g", f"git+{repository.url}@main#subdirectory=lib"))
    world.host.publish(commit("3"))
    ok(belay("install", "virtual:", "--yes"))
    assert world.installed()["main/pkg.py"] == b"p = 2\n"
    out = ok(belay("update"))
    assert out.startswith("~ g ")
    assert "~ mine 2 -> 3" in out
    assert world.installed() == {"main/pkg.py": b"p = 3\n", "main/g/in/x.py": b"x = 3\n"}
    assert not [path for path in world.installed() if ".git" in path]


def test_a_project_without_a_word_on_packages(world: PackageWorld, belay: Belay) -> None:
    """Belay 0.30 asks the index for `None`; here nothing is asked before something is required."""
    (world.project / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert ok(belay("lock")) == "belay.lock fits\n"
    assert world.server.asked == []
    assert ok(belay("list")) == "belay.lock has no packages\n"
