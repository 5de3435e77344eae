# SPDX-License-Identifier: Apache-2.0
"""The hook that brings MicroPython into the tree, with the failures that people will meet."""

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

posix_only = pytest.mark.skipif(
    sys.platform == "win32", reason="the stand-in npm is a shell script"
)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source tree without the file, and no override set."""
    monkeypatch.delenv(hatch_build.OVERRIDE, raising=False)
    shutil.copytree(ROOT / "firmware", tmp_path / "firmware")
    return tmp_path


def hook(tree: Path) -> MicroPythonHook:
    return MicroPythonHook(str(tree), {}, None, None, str(tree / "dist"), "wheel")  # type: ignore[arg-type]


def stand_in_npm(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    folder.mkdir()
    npm = folder / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_right_file_in_the_tree_needs_nothing(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tree / hatch_build.TARGET
    target.parent.mkdir(parents=True)
    shutil.copy(PINNED, target)
    monkeypatch.setenv("PATH", "")
    assert hook(tree).dependencies() == []
    hook(tree).initialize("standard", {})
    assert hatch_build.is_pinned(target)


def test_override_gives_the_file(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(hatch_build.OVERRIDE, str(PINNED))
    monkeypatch.setenv("PATH", "")
    assert hook(tree).dependencies() == []
    hook(tree).initialize("standard", {})
    assert hatch_build.is_pinned(tree / hatch_build.TARGET)
    assert not list(tree.rglob("*.part"))


def test_damaged_file_is_replaced(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tree / hatch_build.TARGET
    target.parent.mkdir(parents=True)
    damaged = bytearray(PINNED.read_bytes())
    damaged[1000] ^= 1
    target.write_bytes(damaged)
    monkeypatch.setenv(hatch_build.OVERRIDE, str(PINNED))
    hook(tree).initialize("standard", {})
    assert hatch_build.is_pinned(target)


def test_wrong_override_is_refused(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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


def test_override_that_does_not_exist(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
