# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from belay.errors import DownloadError, PackageError, PackageNotFoundError, UnsafePathError
from belay.packages.model import GitSource
from belay.packages.sources.git import Git
from tests.packages.repositories import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "my repo")


def test_refs_and_files(repository: Repository, tmp_path: Path) -> None:
    first = repository.commit({"lib/a.py": "a = 1\n", "lib/sub/b.mpy": b"M\x00\xff", "c.py": ""})
    repository.git("tag", "v1.0")
    repository.git("tag", "--annotate", "--message=x", "v1.1")
    repository.git("branch", "feature/x")
    second = repository.commit({"lib/a.py": "a = 2\n"})
    git = Git(tmp_path / "cache")
    url = repository.url
    for ref in ("v1.0", "v1.1", "feature/x", first):
        assert git.commit(GitSource(url, ref)) == first
    assert git.commit(GitSource(url)) == git.commit(GitSource(url, "main")) == second
    source = GitSource(url, "", "lib")
    assert git.files(source, first) == {"a.py": b"a = 1\n", "sub/b.mpy": b"M\x00\xff"}
    assert git.files(source, second)["a.py"] == b"a = 2\n"
    assert git.files(GitSource(url, "", "lib/a.py"), first) == {"a.py": b"a = 1\n"}
    assert set(git.files(GitSource(url), first)) == {"lib/a.py", "lib/sub/b.mpy", "c.py"}

    away = Git(tmp_path / "cache", offline=True)  # as it is in an aeroplane
    assert away.files(source, first)["a.py"] == b"a = 1\n"
    with pytest.raises(DownloadError, match="--offline"):
        away.commit(GitSource(url, "main"))
    with pytest.raises(DownloadError, match="--offline"):
        away.files(source, "0" * 40)


def test_what_is_not_there(repository: Repository, tmp_path: Path) -> None:
    commit = repository.commit({"a.py": ""})
    git = Git(tmp_path / "cache")
    with pytest.raises(PackageNotFoundError, match="nope"):
        git.commit(GitSource(repository.url, "nope"))
    with pytest.raises(PackageNotFoundError, match="Give all of it"):
        git.commit(GitSource(repository.url, commit[:8]))
    with pytest.raises(PackageNotFoundError, match="'lib'"):
        git.files(GitSource(repository.url, "", "lib"), commit)
    with pytest.raises(PackageError):
        git.files(GitSource(repository.url), "0" * 40)
    with pytest.raises(DownloadError):
        git.commit(GitSource((tmp_path / "nothing").as_uri()))


@pytest.mark.parametrize("ref", ["--upload-pack=touch x", "-x", "a..b", "a b", "x:y", "x^{}"])
def test_refs_that_are_refused(repository: Repository, tmp_path: Path, ref: str) -> None:
    repository.commit({"a.py": ""})
    git = Git(tmp_path / "cache")
    with pytest.raises(PackageError, match="no ref"):
        git.commit(GitSource(repository.url, ref))
    with pytest.raises(PackageError, match="no commit"):
        git.files(GitSource(repository.url), ref)


def test_other_transports_are_refused(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    with pytest.raises(DownloadError, match="not allowed"):
        Git(tmp_path / "cache").commit(GitSource(f"ext::sh -c touch% {mark}"))
    assert not mark.exists()


def test_links_and_submodules_are_refused(repository: Repository, tmp_path: Path) -> None:
    (repository.folder / "lib").mkdir()
    (repository.folder / "lib" / "link.py").symlink_to("/etc/passwd")
    commit = repository.commit({"good/a.py": ""})
    git = Git(tmp_path / "cache")
    with pytest.raises(UnsafePathError, match="'lib/link.py' is a link"):
        git.files(GitSource(repository.url), commit)
    assert git.files(GitSource(repository.url, "", "good"), commit) == {"a.py": b""}
    repository.git("rm", "--quiet", "-r", "lib")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{commit},sub")
    repository.git("commit", "--quiet", "--message=x")
    with pytest.raises(UnsafePathError, match="'sub' is a submodule"):
        git.files(GitSource(repository.url), repository.git("rev-parse", "HEAD"))


@pytest.mark.parametrize("name", ["a\\b.py", "con.py", "C:a.py"])
def test_names_that_are_refused(repository: Repository, tmp_path: Path, name: str) -> None:
    commit = repository.commit({"good.py": "", name: ""})
    with pytest.raises(UnsafePathError):
        Git(tmp_path / "cache").files(GitSource(repository.url), commit)


def test_hooks_and_attributes_do_nothing(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "mark"
    template = tmp_path / "template" / "hooks"
    template.mkdir(parents=True)
    for hook in ("post-checkout", "reference-transaction", "post-merge"):
        (template / hook).write_text(f"#!/bin/sh\ntouch '{mark}'\n")
        (template / hook).chmod(0o755)
    commit = repository.commit({"a.py": "$Id$\n", ".gitattributes": "*.py ident eol=crlf\n"})
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(template.parent))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    git = Git(tmp_path / "cache")
    assert git.files(GitSource(repository.url), commit) == {"a.py": b"$Id$\n"}
    assert not mark.exists()
