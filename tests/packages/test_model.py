# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belay.errors import ProjectError, UnsafePathError
from belay.packages.model import (
    BundleSource,
    GitHostSource,
    GitSource,
    IndexSource,
    PathSource,
    Source,
    UrlSource,
    destination_key,
    safe_destination,
)


@pytest.mark.parametrize(
    ("dest", "meant"),
    [
        ("aiohttp/__init__.py", "aiohttp/__init__.py"),
        ("./a.py", "a.py"),
        ("a/./b.mpy", "a/b.mpy"),
        (".hidden", ".hidden"),
        ("a..b.py", "a..b.py"),
        ("Grüße/日本.py", "Grüße/日本.py"),
        ("a b+c@d~1.py", "a b+c@d~1.py"),
        ("console.py", "console.py"),
        ("com.py", "com.py"),
    ],
)
def test_safe_destinations(dest: str, meant: str) -> None:
    assert safe_destination(dest) == meant


@pytest.mark.parametrize(
    ("dest", "why"),
    [
        ("", "empty part"),
        (".", "names no file"),
        ("./.", "names no file"),
        ("/etc/passwd", "absolute"),
        ("//server/share", "absolute"),
        ("..", "'..'"),
        ("a/../../b", "'..'"),
        ("./../b", "'..'"),
        ("a//b", "empty part"),
        ("a/", "empty part"),
        ("C:/a", "drive letter"),
        ("a/C:b", "drive letter"),
        ("C:", "drive letter"),
        ("a:b", "drive letter"),
        ("file.py:stream", "':'"),
        ("..\\b", "backslash"),
        ("a\\b", "backslash"),
        ("a\0b", "U+0000"),
        ("a\nb", "U+000A"),
        ("a\x7fb", "U+007F"),
        ("a\u202egnp.py", "U+202E"),
        ("a\u2028b", "U+2028"),
        ("a\udc80b", "U+DC80"),
        ("a?", "'?'"),
        ("a*b", "'*'"),
        ("nul", "device"),
        ("lib/CON.py", "device"),
        ("aux .py", "device"),
        ("lpt1", "device"),
        ("com¹.txt", "device"),
        ("CONIN$", "device"),
        ("a./b", "ends with '.'"),
        ("a ", "ends with ' '"),
        (".. ", "ends with ' '"),
        ("...", "ends with '.'"),
        ("x" * 256, "255 bytes"),
        ("ü" * 128, "255 bytes"),
        ("x/" * 600 + "y", "1024"),
    ],
)
def test_unsafe_destinations(dest: str, why: str) -> None:
    with pytest.raises(UnsafePathError) as caught:
        safe_destination(dest)
    assert why in str(caught.value)
    assert not {c for c in str(caught.value) if not c.isprintable()}


@given(st.text(alphabet=st.sampled_from("ab./\\: .\0C~ü"), max_size=12))
def test_what_is_safe_stays_inside(text: str) -> None:
    try:
        safe = safe_destination(text)
    except UnsafePathError:
        return
    assert safe_destination(safe) == safe
    assert not safe.startswith("/")
    assert all(part not in ("", ".", "..") for part in safe.split("/"))
    assert not set(safe) & set("\\:\0")


def test_one_file_where_case_does_not_count() -> None:
    assert destination_key("Lib/A.py") == destination_key("lib/a.PY")
    assert destination_key("e\u0301.py") == destination_key("\u00c9.py")
    assert destination_key("a.py") != destination_key("b.py")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (IndexSource("https://micropython.org/pi/v2"), "index+https://micropython.org/pi/v2"),
        (GitHostSource("github", "o", "r"), "github:o/r"),
        (GitHostSource("gitlab", "g/s", "r", "a/b.py", "v1"), "gitlab:g/s/r/-/a/b.py@v1"),
        (GitSource("https://h/r.git"), "git+https://h/r.git"),
        (GitSource("https://h/r", "a/b", "lib"), "git+https://h/r@a/b#subdirectory=lib"),
        (UrlSource("https://h/a.zip"), "https://h/a.zip"),
        (PathSource("drivers"), "./drivers"),
        (PathSource("../drivers"), "../drivers"),
        (PathSource("/opt/x"), "/opt/x"),
        (PathSource("C:\\x"), "C:\\x"),
        (PathSource("~/x"), "~/x"),
        (BundleSource("https://h/b.json", "neopixel"), "bundle:https://h/b.json#neopixel"),
    ],
)
def test_texts_of_sources(source: Source, text: str) -> None:
    assert source.text == text


def test_errors_travel_to_other_processes() -> None:
    error = pickle.loads(pickle.dumps(ProjectError("is wrong", path="p.toml", line=3)))
    assert (str(error), error.path, error.line) == ("p.toml:3: is wrong", "p.toml", 3)
