# SPDX-License-Identifier: Apache-2.0
"""The hook that brings what others made into the tree, with the failures that people will meet."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

import hatch_build
from hatch_build import MicroPythonHook

ROOT = Path(hatch_build.__file__).parent
PINNED = ROOT / hatch_build.TARGET
TARGETS = [one.target for one in hatch_build.PINNED]

posix_only = pytest.mark.skipif(
    sys.platform == "win32", reason="the stand-in npm is a shell script"
)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source tree without the files, and no override set."""
    monkeypatch.delenv(hatch_build.OVERRIDE, raising=False)
    monkeypatch.delenv(hatch_build.XTERM_OVERRIDE, raising=False)
    shutil.copytree(ROOT / "firmware", tmp_path / "firmware")
    return tmp_path


@pytest.fixture
def overrides(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copies that the environment names; the unpacked package of xterm.js, to be changed."""
    package = tmp_path_factory.mktemp("xterm")
    for one in hatch_build.PINNED:
        if one.override == hatch_build.XTERM_OVERRIDE:
            (package / one.member).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / one.target, package / one.member)
    monkeypatch.setenv(hatch_build.OVERRIDE, str(PINNED))
    monkeypatch.setenv(hatch_build.XTERM_OVERRIDE, str(package))
    return package


def is_whole(tree: Path) -> bool:
    return hatch_build.missing(str(tree)) == []


def hook(tree: Path) -> MicroPythonHook:
    return MicroPythonHook(str(tree), {}, None, None, str(tree / "dist"), "wheel")  # type: ignore[arg-type]


def stand_in_npm(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    folder.mkdir()
    npm = folder / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_right_files_in_the_tree_need_nothing(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for target in TARGETS:
        (tree / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / target, tree / target)
    monkeypatch.setenv("PATH", "")
    assert hook(tree).dependencies() == []
    hook(tree).initialize("standard", {})
    assert is_whole(tree)


def test_overrides_give_the_files(
    tree: Path, overrides: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert hook(tree).dependencies() == []
    hook(tree).initialize("standard", {})
    assert is_whole(tree)
    assert not list(tree.rglob("*.part"))


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
def test_damaged_file_is_replaced(tree: Path, overrides: Path, target: Path) -> None:
    (tree / target).parent.mkdir(parents=True)
    damaged = bytearray((ROOT / target).read_bytes())
    damaged[1000] ^= 1
    (tree / target).write_bytes(damaged)
    hook(tree).initialize("standard", {})
    assert is_whole(tree)


def test_one_override_alone_leaves_the_rest_to_npm(
    tree: Path, overrides: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(hatch_build.XTERM_OVERRIDE)
    monkeypatch.setenv("PATH", "")
    assert hook(tree).dependencies() == [hatch_build.NODE_FROM_PIP]


def test_a_wrong_package_is_refused(tree: Path, overrides: Path) -> None:
    (overrides / "lib" / "xterm.mjs").write_bytes(b"export {}")
    with pytest.raises(SystemExit, match="not the pinned one"):
        hook(tree).initialize("standard", {})
    assert not any((tree / target).exists() for target in TARGETS)


def test_wrong_override_is_refused(
    tree: Path, tmp_path: Path, overrides: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = tmp_path / "wrong.wasm"
    wrong.write_bytes(b"not MicroPython")
    monkeypatch.setenv(hatch_build.OVERRIDE, str(wrong))
    with pytest.raises(SystemExit) as caught:
        hook(tree).initialize("standard", {})
    text = str(caught.value)
    assert "not the pinned one" in text
    assert hatch_build.SHA512 in text
    assert "do not simply try again" in text
    assert not (tree / hatch_build.TARGET).exists()


def test_override_that_does_not_exist(
    tree: Path, overrides: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(hatch_build.OVERRIDE, str(tree / "nowhere.wasm"))
    with pytest.raises(SystemExit, match="cannot be read"):
        hook(tree).initialize("standard", {})


def test_without_npm_a_node_wheel_is_asked_for(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert hook(tree).dependencies() == [hatch_build.NODE_FROM_PIP]


@posix_only
@pytest.mark.parametrize(
    ("answer", "usable"),
    [("6.14.18", False), ("7.24.2", True), ("11.19.1", True), ("nonsense", False)],
)
def test_only_an_npm_that_reads_our_lock_counts(
    tree: Path, monkeypatch: pytest.MonkeyPatch, answer: str, usable: bool
) -> None:
    stand_in_npm(tree / "bin", monkeypatch, f"echo {answer}")
    assert bool(hatch_build.usable_npm()) is usable
    assert hook(tree).dependencies() == ([] if usable else [hatch_build.NODE_FROM_PIP])


@posix_only
@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("npm error code EAI_AGAIN", "check the network"),
        ("npm error code EINTEGRITY", "do not simply try again"),
    ],
)
def test_npm_that_fails_is_explained(
    tree: Path, monkeypatch: pytest.MonkeyPatch, said: str, advice: str
) -> None:
    stand_in_npm(
        tree / "bin",
        monkeypatch,
        f'if [ "$1" = --version ]; then echo 10.0.0; else echo "{said}" >&2; exit 1; fi',
    )
    with pytest.raises(SystemExit) as caught:
        hook(tree).initialize("standard", {})
    text = str(caught.value)
    assert said in text
    assert advice in text
    assert "could not fetch MicroPython" in text


def test_lock_names_no_server(root: Path) -> None:
    lock = (root / "firmware" / "package-lock.json").read_text()
    assert '"integrity": "sha512-' in lock
    assert "resolved" not in lock
