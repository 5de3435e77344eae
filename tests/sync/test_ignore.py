# SPDX-License-Identifier: Apache-2.0
"""Patterns of `ignore` and `keep`."""

from __future__ import annotations

from typing import Any

import pytest

from belay.sync.ignore import DEFAULT_KEEP, Patterns, ignoring, keeping, kept_names

# pattern lines, paths that match, paths that do not; a path that ends in "/" is a folder
GRAMMAR = [
    (["*.pyc"], ["a.pyc", "x/y/a.pyc"], ["a.py", "pyc"]),
    (["__pycache__"], ["__pycache__/", "a/__pycache__/", "a/__pycache__/b.py"], ["my__pycache__"]),
    (["/docs"], ["docs/", "docs/a/b", "docs"], ["a/docs", "docs2"]),
    (["docs/"], ["docs/", "a/docs/x"], ["docs", "a/docs"]),
    (["a/b"], ["a/b", "a/b/c"], ["x/a/b"]),
    (["**/b/c"], ["b/c", "x/y/b/c"], ["b/x/c"]),
    (["a/**/z"], ["a/z", "a/b/c/z"], ["z", "b/a/z"]),
    (["*.txt", "!notes.txt"], ["a.txt"], ["notes.txt", "x/notes.txt"]),
    (["tests/", "!tests/a.py"], ["tests/a.py"], []),  # as git: its folder is out
    (["tests/*", "!tests/a.py"], ["tests/b.py"], ["tests/a.py", "tests/"]),
    (["[ab]?.py"], ["a1.py", "x/bz.py"], ["a.py", "c1.py"]),
    (["# a comment", "", r"\#x", r"\!y"], ["#x", "!y"], ["# a comment", "x"]),
    (["é*"], ["élan", "a/é"], ["e"]),
    ([], [], ["a", "a/"]),
]


@pytest.mark.parametrize(("lines", "matched", "others"), GRAMMAR)
def test_grammar(lines: list[str], matched: list[str], others: list[str]) -> None:
    patterns = Patterns(lines)
    for path in [*matched, *others]:
        found = patterns(path.rstrip("/"), folder=path.endswith("/"))
        assert found is (path in matched), path


KEEP = [
    # A name of Belay's is one path.
    (["boot.py", "lib"], ["boot.py", "lib/", "lib/a/b.py", "lib"], ["a/boot.py", "a/lib", "lib2"]),
    (["data/config.json"], ["data/config.json"], ["config.json", "data/"]),
    (["/boot.py", "./a.py", "b/"], ["boot.py", "a.py", "b/", "b/c", "b"], ["x/b/c"]),
    (["*.json"], ["a.json", "x/y/b.json"], ["a.py"]),
    (["logs/*.txt"], ["logs/a.txt"], ["logs/a.py", "x/logs/a.txt"]),
    (["*", "!*.py"], ["a.json"], ["a.py"]),
    (["a[1].py"], ["a[1].py", "a1.py"], ["a.py"]),  # either meaning
    (["#x", "a b ", r"c\d"], ["#x", "a b ", r"c\d"], ["x", "a b"]),
    (["/"], ["a", "a/b"], []),
    ([], [], ["a"]),
]


@pytest.mark.parametrize(("names", "matched", "others"), KEEP)
def test_keep(names: list[str], matched: list[str], others: list[str]) -> None:
    keep = keeping(names)
    for path in [*matched, *others]:
        assert keep(path.rstrip("/"), folder=path.endswith("/")) is (path in matched), path


@pytest.mark.parametrize(
    ("keep", "dst", "names"),
    [
        (None, "/", DEFAULT_KEEP),
        (None, "/flash", DEFAULT_KEEP),
        (None, "/lib", ()),
        (False, "/", ()),
        (True, "/", None),
        ([], "/", ()),
        ("a.py", "/", ("a.py",)),
        (["a", "b"], "/x", ("a", "b")),
    ],
)
def test_what_the_argument_keep_says(keep: Any, dst: str, names: Any) -> None:
    assert kept_names(keep, dst) == names


def test_what_stays_on_a_drive() -> None:
    stays = keeping(kept_names(None, "/", drive=True) or ())
    for path in ("settings.toml", "boot_out.txt", "lib/a.mpy", ".Trashes/x", "boot.py"):
        assert stays(path)
    assert kept_names(["a"], "/", drive=True) == ("a",)
    assert kept_names(None, "/app", drive=True) == ()


def test_what_the_argument_ignore_says() -> None:
    assert ignoring(None)("a/__pycache__/x.pyc")
    assert ignoring("*.md")("README.md")
    assert not ignoring([])("x.pyc")


@pytest.mark.parametrize("wrong", [1, b"a", [1], ["a", None], 2.5])
def test_wrong_types(wrong: Any) -> None:
    for ask in (lambda: kept_names(wrong, "/"), lambda: ignoring(wrong)):
        with pytest.raises(TypeError, match="takes a str or a list of str"):
            ask()
