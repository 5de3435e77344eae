# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from belay.errors import PackageNotFoundError, UnsafePathError
from belay.packages.model import PathSource
from belay.packages.sources.local import local_files, local_path


def test_a_folder_and_a_file(tmp_path: Path) -> None:
    lib = tmp_path / "lib"
    for name in ("a.py", "sub/b.py", ".git/config", ".hidden", "__pycache__/a.pyc"):
        (lib / name).parent.mkdir(parents=True, exist_ok=True)
        (lib / name).write_text(name)
    (lib / "same.py").symlink_to("a.py")
    assert local_path(PathSource("lib"), tmp_path) == lib
    assert local_path(PathSource(str(lib)), Path("/elsewhere")) == lib
    assert local_path(PathSource("~/x"), tmp_path) == Path.home() / "x"
    assert set(local_files(lib)) == {"a.py", "sub/b.py", "same.py"}
    assert local_files(lib / "a.py") == {"a.py": lib / "a.py"}


def test_what_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(PackageNotFoundError):
            local_files(path)


@pytest.mark.parametrize("target", ["/etc/passwd", "/etc", "../outside.py", "nowhere/../../x"])
def test_links_that_leave(tmp_path: Path, target: str) -> None:
    lib = tmp_path / "lib"
    lib.mkdir()
    (tmp_path / "outside.py").write_text("")
    (lib / "a.py").write_text("")
    (lib / "link").symlink_to(target)
    with pytest.raises(UnsafePathError, match="link"):
        local_files(lib)


@pytest.mark.parametrize("name", ["a\\b.py", "nul", "a:b"])
def test_names_that_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(UnsafePathError):
        local_files(tmp_path)
