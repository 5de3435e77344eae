# SPDX-License-Identifier: Apache-2.0
"""Packages that mean harm: each is refused by ``belay add``, and nothing is written anywhere."""

from __future__ import annotations

import io
import json
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from urllib3.util.retry import Retry

from belay.cli import main
from belay.packages.sources import archives, githosts
from tests.packages.repositories import Repository
from tests.packages.server import Reply
from tests.packages.test_archives import make_tar, make_zip
from tests.packages.worlds import PackageWorld


@pytest.fixture
def attacked(world: PackageWorld, monkeypatch: pytest.MonkeyPatch) -> PackageWorld:
    """A project with a package, in whose folder the commands run."""
    monkeypatch.setenv("BELAY_CACHE_DIR", str(world.folder / "cache"))
    monkeypatch.setattr(githosts, "HOSTS", world.host.hosts)
    monkeypatch.setenv("GITHUB_TOKEN", "secret-token")
    monkeypatch.setenv("GITLAB_TOKEN", "secret-token")
    monkeypatch.setattr(Retry, "get_backoff_time", lambda self: 0.0)
    monkeypatch.chdir(world.project)
    world.index.add("good", "1.0", {"good.py": b"g = 1\n", "folder/__init__.py": b""})
    assert main(["add", "good"]) == 0
    (world.folder / "secret.py").write_text("secret = 1\n")
    return world


Typed = Callable[[PackageWorld], Sequence[str]]


class Case(NamedTuple):
    """What is typed behind ``belay add``, and what the message has."""

    typed: Typed
    says: str


DESTINATIONS = {
    "/etc/x.py": "absolute", "../x.py": "contains '..'", "a/../../x.py": "contains '..'",
    "a/..": "contains '..'", "C:/x.py": "drive letter", "c:x.py": "drive letter",
    "..\\x.py": "backslash", "\\\\host\\x.py": "backslash", "con.py": "device on Windows",
    "a/NUL": "device on Windows", "a//x.py": "empty part", "a./x.py": "ends with '.'",
    "a /x.py": "ends with ' '", "ab:c.py": "names no file on Windows", "": "no pair of texts",
    "x\0.py": "U+0000", "x\u202egpj.py": "U+202E", "\ud800.py": "", "x\n.py": "U+000A",
    ".": "names no file", f"{'x' * 300}.py": "255 bytes", "x/" * 600: "longer than",
}  # fmt: skip


def of_index(dest: str) -> Typed:
    def typed(world: PackageWorld) -> Sequence[str]:
        world.index.add("bad", "1.0", {dest: b"x = 1\n"})
        return ["bad"]

    return typed


def package(**content: object) -> Typed:
    """A ``package.json`` of the web."""

    def typed(world: PackageWorld) -> Sequence[str]:
        world.server.give("/b/x.py", b"x = 1\n")
        return ["bad", world.server.give("/b/package.json", {"version": "1", **content})]

    return typed


def served(name: str, data: Callable[[], bytes], **options: Any) -> Typed:
    def typed(world: PackageWorld) -> Sequence[str]:
        return ["bad", world.server.give(f"/{name}", data(), **options)]

    return typed


def typed(*words: str) -> Typed:
    def made(world: PackageWorld) -> Sequence[str]:
        return [word.format(url=world.server.url, folder=world.folder) for word in words]

    return made


def tar_of(**about: object) -> Callable[[], bytes]:
    def data() -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as archive:
            info = tarfile.TarInfo("a/x.py")
            for key, value in about.items():
                setattr(info, key, value)
            archive.addfile(info)
        return out.getvalue()

    return data


def link_in_zip() -> bytes:
    return make_zip({"a/x.py": b"/etc/passwd"}, mode=stat.S_IFLNK | 0o777)


def bomb_in_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(5):
            archive.writestr(f"a/{number}.bin", bytes(1 << 20))
    return out.getvalue()


def bomb_in_tar() -> bytes:
    return make_tar({f"a/{number}.bin": bytes(1 << 20) for number in range(5)})


def of_git(change: Callable[[Repository], object], *, by_host: bool = False) -> Typed:
    def typed(world: PackageWorld) -> Sequence[str]:
        repository = world.host.repository
        repository.commit({"lib/a.py": "a = 1\n"})
        change(repository)
        if not by_host:
            return ["bad", f"git+{repository.url}"]
        commit = repository.git("rev-parse", "HEAD")
        world.host.publish()
        git = ["archive", "--format=tar.gz", f"--prefix=r-{commit}/", "-o", "out.tgz", commit]
        repository.git(*git)
        archive = (repository.folder / "out.tgz").read_bytes()
        world.server.give(f"/o/r/archive/{commit}.tar.gz", archive)
        return ["bad", "github:o/r"]

    return typed


def link_in_git(repository: Repository) -> None:
    os.symlink("../../secret.py", repository.folder / "lib" / "b.py")
    repository.commit({})


def submodule_in_git(repository: Repository) -> None:
    head = repository.git("rev-parse", "HEAD")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{head},sub")
    repository.git("commit", "--quiet", "--message=x")


def name_in_git(name: str) -> Callable[[Repository], object]:
    """A file with a name that git itself would not make."""

    def change(repository: Repository) -> None:
        digest = repository.git("hash-object", "-w", "lib/a.py")
        entry = f"100644 blob {digest}\t{name}\0"
        tree = repository.git("mktree", "-z", given=entry.encode())
        commit = repository.git("commit-tree", tree, "-m", "x")
        repository.git("update-ref", "refs/heads/main", commit)

    return change


def claims(*dests: str) -> Typed:
    def typed(world: PackageWorld) -> Sequence[str]:
        world.index.add("bad", "1.0", dict.fromkeys(dests, b"x = 1\n"))
        return ["bad"]

    return typed


def lying_index(world: PackageWorld) -> Sequence[str]:
    world.index.add("bad", "1.0", {"bad.py": b"as announced\n"})
    for path, reply in list(world.server._replies.items()):
        if reply.body == b"as announced\n":
            world.server.give(path, b"as delivered\n")
    return ["bad"]


def index_says(value: object) -> Typed:
    def typed(world: PackageWorld) -> Sequence[str]:
        world.server.give("/pi/v2/index.json", value)
        return ["bad"]

    return typed


def redirected(to: str) -> Typed:
    def typed(world: PackageWorld) -> Sequence[str]:
        there = to.format(url=world.server.url, folder=world.folder)
        return ["bad", world.server.give("/x.py", b"", status=302, headers={"Location": there})]

    return typed


def local_links(world: PackageWorld) -> Sequence[str]:
    (world.folder / "local").mkdir()
    (world.folder / "local" / "a.py").symlink_to(world.folder / "secret.py")
    return ["../local"]


def local_package(world: PackageWorld) -> Sequence[str]:
    (world.folder / "local").mkdir()
    urls = [["a.py", "../secret.py"]]
    (world.folder / "local" / "package.json").write_text(json.dumps({"urls": urls}))
    return ["bad", "../local/package.json"]


CASES: dict[str, Case] = {
    **{f"index {dest[:20]!r}": Case(of_index(dest), says) for dest, says in DESTINATIONS.items()},
    **{
        f"package.json {dest[:20]!r}": Case(package(urls=[[dest, "x.py"]]), says)
        for dest, says in DESTINATIONS.items()
    },
    **{
        f"archive {make.__name__} {dest!r}": Case(
            served(f"a{end}", partial(make, {dest: b"x"})),
            says,
        )
        for make, end in ((make_zip, ".zip"), (make_tar, ".tar.gz"))
        for dest, says in DESTINATIONS.items()
        if dest.strip("/.") and "\0" not in dest and len(dest) < 300 and "\ud800" not in dest
    },
    # What a package names.
    "files of this computer": Case(package(urls=[["x.py", "file:///etc/x"]]), "not of the web"),
    "an address of git": Case(package(urls=[["x.py", "git+file:///etc"]]), "not of the web"),
    "a program of git": Case(package(urls=[["x.py", "ext::sh"]]), "not of the web"),
    "dep of this computer": Case(package(deps=[["git+file:///etc", ""]]), "pair of texts"),
    "dep of this computer, too": Case(package(deps=[["git+file:///etc", "1"]]), "not of the web"),
    "dep that is a path": Case(package(deps=[["../x", "1"]]), "no name of a package"),
    "dep named ..": Case(package(deps=[["..", "1"]]), "no name of a package"),
    "dep named a..b": Case(package(deps=[["a..b", "1"]]), "a..b"),
    "dep with a ref that is an option": Case(package(deps=[["github:o/r", "--x"]]), "'-'"),
    "dep with an option of git": Case(package(deps=[["git+https://h/r", "--x"]]), "'-'"),
    "dep that is a program of git": Case(package(deps=[["ext::sh -c x", "1"]]), "ext::sh"),
    "dep over ssh with an option": Case(package(deps=[["git+ssh://-oX/r.git", "1"]]), "'-'"),
    # What is typed.
    "a ref that is an option": Case(typed("bad", "git+https://h/r.git@--upload-pack=x"), "'-'"),
    "a ref of github": Case(typed("bad", "github:o/r@-x"), "'-'"),
    "ext::": Case(typed("bad", "git+ext::sh -c touch% x"), "not run"),
    "ext:: without git+": Case(typed("bad", "ext::sh -c touch% x"), "not run"),
    "a transport that is a program": Case(typed("bad", "git+fd://17/x"), "is not of https"),
    "a host that is an option": Case(typed("bad", "git+ssh://-oProxyCommand=x/r"), "'-'"),
    "a folder of git above it": Case(typed("bad", "git+{url}/r.git#subdirectory=../x"), "leaves"),
    "the folder above": Case(typed(".."), "no name"),
    "a password": Case(typed("bad", "http://me:pass@127.0.0.1:9/x.py"), ""),
    # Archives.
    "a link in a zip": Case(served("a.zip", link_in_zip), "is a link"),
    "a bomb in a zip": Case(served("a.zip", bomb_in_zip), "holds more than"),
    "a bomb in a tar": Case(served("a.tar.gz", bomb_in_tar), "holds more than"),
    **{
        f"{kind!r} in a tar": Case(
            served("a.tgz", tar_of(type=kind, linkname="../../secret.py")),
            "is a link" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else "no plain file",
        )
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE)
    },
    "no zip": Case(served("a.zip", lambda: b"PK nothing"), "no archive"),
    "no tar": Case(served("a.tgz", lambda: b"nothing"), "no archive"),
    "one file twice in a zip": Case(
        served("a.zip", lambda: make_zip({"a/X.py": b"", "a/x.py": b""})), "are one file"
    ),
    # Repositories.
    "a link in git": Case(of_git(link_in_git), "is a link"),
    "a link at a host": Case(of_git(link_in_git, by_host=True), "is a link"),
    "a submodule": Case(of_git(submodule_in_git), "is a submodule"),
    **{
        f"{name!r} in git": Case(of_git(name_in_git(name)), says)
        for name, says in (
            ("a\\..\\x.py", "backslash"),
            ("CON.py", "device"),
            ("C:x.py", "drive letter"),
            ("x\n.py", "U+000A"),
            ("a.py.", "ends with '.'"),
        )
    },
    # Places that another has.
    "the same place": Case(claims("good.py"), "claim one place"),
    "the same but for its case": Case(claims("GOOD.py"), "claim one place"),
    "the same to a board": Case(claims("Folder/__INIT__.py"), "claim one place"),
    "a file for a folder": Case(claims("folder"), "claim one place"),
    "a folder for a file": Case(claims("good.py/x.py"), "claim one place"),
    "two of its own": Case(claims("bad/x.py", "bad/X.py"), "claim one place"),
    # Servers.
    "an index that lies": Case(lying_index, "is not what it was"),
    "an index that is a page": Case(index_says("<html>"), "no JSON"),
    "an index that is a list": Case(index_says([]), "no list of packages"),
    "an index of odd names": Case(index_says({"packages": [{"name": 1}]}), "packages[0]"),
    "a page for a file": Case(
        served("x.py", lambda: b"\n<!doctype html><html>"), "a page and no Python"
    ),
    "more than anybody needs": Case(
        served("x.py", lambda: b"", headers={"Content-Length": str(1 << 40)}), "is larger than"
    ),
    "to a file": Case(redirected("file://{folder}/secret.py"), "no URL that begins with"),
    "to another scheme": Case(redirected("ftp://127.0.0.1/x.py"), "no URL that begins with"),
    "to itself": Case(redirected("{url}/x.py"), "more than 10 times"),
    # This computer.
    "a link that leaves a folder": Case(local_links, "is a link that leaves"),
    "a package that leaves its folder": Case(local_package, "leaves the folder"),
}


@pytest.mark.parametrize("name", CASES)
def test_refused(
    name: str,
    attacked: PackageWorld,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "bomb" in name:
        monkeypatch.setattr(archives.unpack, "__kwdefaults__", {"below": "", "most": 1 << 22})
    words = CASES[name].typed(attacked)
    before = attacked.surroundings()
    capsys.readouterr()
    status = main(["add", *words])
    out, err = capsys.readouterr()
    assert (status, out) == (1, "")
    assert CASES[name].says in err
    assert err.startswith("belay: ")
    assert attacked.surroundings() == before
    told = {value for asked in attacked.server.asked for value in asked.headers.values()}
    assert not any("secret-token" in value for value in told)
    assert "pass@" not in err


def test_what_is_typed_like_an_option(
    attacked: PackageWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    before = attacked.surroundings()
    for words in (["--upload-pack=touch x"], ["--", "--upload-pack=touch x"], ["--", "-x"]):
        assert main(["add", *words]) in (1, 2)
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert attacked.surroundings() == before


def test_programs_of_a_repository_do_not_run(attacked: PackageWorld) -> None:
    """Hooks, filters and settings of a repository mean nothing here."""
    repository = attacked.host.repository
    repository.commit({".gitattributes": "*.py filter=evil\n", "bad.py": "b = 1\n"})
    mark = attacked.folder / "ran"
    for hook in ("post-checkout", "pre-upload-pack", "reference-transaction", "post-index-change"):
        path = repository.folder / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {mark}\n")
        path.chmod(0o755)
    repository.git("config", "filter.evil.smudge", f"touch {mark}")
    repository.git("config", "core.fsmonitor", f"touch {mark}")
    assert main(["add", f"git+{repository.url}", "--group", "test"]) == 0
    assert not mark.exists()
    assert attacked.installed()["test/repository/bad.py"] == b"b = 1\n"


def test_a_token_is_for_its_own_host_alone(
    attacked: PackageWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a host sends us to another one, that does not learn it."""
    from belay.packages import download

    there = attacked.server.url.replace("127.0.0.1", "localhost")
    tokens = {attacked.server.url: ("Authorization", "Bearer secret")}
    monkeypatch.setattr(download, "tokens_of_environment", lambda: tokens)
    attacked.server.give("/there.py", b"t = 1\n")
    url = attacked.server.give("/x.py", b"", status=302, headers={"Location": f"{there}/there.py"})
    assert main(["add", url]) == 0
    said = {each.path: each.headers.get("authorization") for each in attacked.server.asked}
    assert said["/x.py"] == "Bearer secret"
    assert said["/there.py"] is None
    assert "secret" not in (attacked.project / "belay.lock").read_text()


def test_what_is_written_in_a_lock_by_hand(
    attacked: PackageWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    """A lock comes from whoever wrote the project: it is trusted no more than a package."""
    path = attacked.project / "belay.lock"
    text = path.read_text()
    for old, new in (
        ('dest = "good.py"', 'dest = "../good.py"'),
        ('dest = "good.py"', 'dest = "/tmp/good.py"'),
        ('groups = ["main"]', 'groups = [".."]'),
        ('name = "good"', 'name = "../good"'),
        ('dest = "good.py"', 'dest = "folder/__INIT__.py"'),
    ):
        assert old in text
        path.write_text(text.replace(old, new, 1))
        before = attacked.surroundings()
        capsys.readouterr()
        for command in (["install", "virtual:", "--frozen"], ["clean"], ["fetch", "--frozen"]):
            if command[0] != "fetch" or "__INIT__" not in new:
                assert main(command) == 1
        assert attacked.surroundings() == before


def test_an_answer_that_says_it_is_something_else(attacked: PackageWorld) -> None:
    """Nothing is unpacked on the way: what is measured is what came."""
    reply = Reply(b"\x1f\x8b nothing", headers={"Content-Encoding": "gzip"})
    before = attacked.surroundings()
    url = attacked.server.give("/x.py", b"x = 1\n", faults=[reply] * 20)
    assert main(["add", url]) == 1
    assert attacked.surroundings() == before


def test_the_folder_of_packages_may_be_no_other(attacked: PackageWorld) -> None:
    outside = attacked.folder / "outside"
    outside.mkdir()
    (outside / "mine").write_text("mine")
    for path in ("../outside", str(outside), ".", "app/.."):
        page = attacked.requirements().replace(
            'name = "app"\n', f'name = "app"\ndependencies_path = {json.dumps(path)}\n'
        )
        project = attacked.new_project(f"p{len(path)}", page)
        before = attacked.surroundings()
        os.chdir(project)
        assert main(["add", "good", "--group", "test"]) == 1
        assert attacked.surroundings() == before
    os.chdir(Path(attacked.project))
