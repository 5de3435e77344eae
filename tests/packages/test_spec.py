# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belay.errors import PackageError
from belay.packages.model import (
    BundleSource,
    GitHostSource,
    GitSource,
    IndexSource,
    PathSource,
    Source,
    UrlSource,
)
from belay.packages.sources.spec import SourceTextError, inferred_name, parse_source

H = GitHostSource
COMMIT = "0123456789abcdef0123456789abcdef01234567"

CASES: list[tuple[str, Source, str]] = [
    ("github:o/r", H("github", "o", "r"), "r"),
    ("github:o/r.git", H("github", "o", "r"), "r"),
    ("github:o/r/lib/a.py@v1.0", H("github", "o", "r", "lib/a.py", "v1.0"), "a"),
    ("github:o/r/lib@feature/x", H("github", "o", "r", "lib", "feature/x"), "lib"),
    ("github:o/r@pkg@1.0", H("github", "o", "r", "", "pkg@1.0"), "r"),
    ("github:o/my-driver/package.json", H("github", "o", "my-driver", "package.json"), "my_driver"),
    (f"github:o/r@{COMMIT}", H("github", "o", "r", "", COMMIT), "r"),
    ("gitlab:o/r/a.py", H("gitlab", "o", "r", "a.py"), "a"),
    ("gitlab:g/sub/r/-/a.py@x", H("gitlab", "g/sub", "r", "a.py", "x"), "a"),
    ("codeberg:o/r@main", H("codeberg", "o", "r", "", "main"), "r"),
    ("https://github.com/o/r", H("github", "o", "r"), "r"),
    ("https://github.com/o/r/blob/main/a/b.py", H("github", "o", "r", "a/b.py", "main"), "b"),
    ("https://github.com/o/r/tree/main/a", H("github", "o", "r", "a", "main"), "a"),
    ("https://github.com/o/r/blob/main/a%20b.py", H("github", "o", "r", "a b.py", "main"), "a_b"),
    ("https://raw.githubusercontent.com/o/r/v1/a.py", H("github", "o", "r", "a.py", "v1"), "a"),
    (
        "https://raw.githubusercontent.com/o/r/refs/heads/v1/a.py",
        H("github", "o", "r", "a.py", "v1"),
        "a",
    ),
    ("https://gitlab.com/g/s/r", H("gitlab", "g/s", "r"), "r"),
    ("https://gitlab.com/g/s/r/-/raw/v1/a.py", H("gitlab", "g/s", "r", "a.py", "v1"), "a"),
    ("https://codeberg.org/o/r/src/branch/main/a.py", H("codeberg", "o", "r", "a.py", "main"), "a"),
    (
        "https://github.com/o/r/releases/download/v1/a.zip",
        UrlSource("https://github.com/o/r/releases/download/v1/a.zip"),
        "a",
    ),
    ("https://h/a-1.0.tar.gz", UrlSource("https://h/a-1.0.tar.gz"), "a_1_0"),
    ("https://h/p/package.json", UrlSource("https://h/p/package.json"), "p"),
    ("http://h:8/a.py?x=1", UrlSource("http://h:8/a.py?x=1"), "a"),
    ("git+https://h/r.git", GitSource("https://h/r.git"), "r"),
    (
        "git+https://h/r.git@feature/x#subdirectory=a/b",
        GitSource("https://h/r.git", "feature/x", "a/b"),
        "b",
    ),
    ("git+ssh://git@h/o/r.git@v1", GitSource("ssh://git@h/o/r.git", "v1"), "r"),
    ("git@h:o/r.git@v1", GitSource("ssh://git@h/o/r.git", "v1"), "r"),
    ("git+file:///srv/git/r", GitSource("file:///srv/git/r"), "r"),
    ("index+https://h/pi/v2/", IndexSource("https://h/pi/v2"), ""),
    (
        "bundle:adafruit/B@20261101#neopixel",
        BundleSource("adafruit/B@20261101", "neopixel"),
        "neopixel",
    ),
    ("bundle:https://h/b.json#neopixel", BundleSource("https://h/b.json", "neopixel"), "neopixel"),
    ("lib/sensor.py", PathSource("lib/sensor.py"), "sensor"),
    ("./lib", PathSource("lib"), "lib"),
    ("../shared/lib", PathSource("../shared/lib"), "lib"),
    ("/abs/lib.py", PathSource("/abs/lib.py"), "lib"),
    ("~/lib", PathSource("~/lib"), "lib"),
    (r"C:\lib\a.py", PathSource(r"C:\lib\a.py"), "a"),
    ("file:///abs/a%20b.py", PathSource("/abs/a b.py"), "a_b"),
]


@pytest.mark.parametrize(("text", "source", "name"), CASES, ids=[case[0] for case in CASES])
def test_text_to_source_and_back(text: str, source: Source, name: str) -> None:
    assert parse_source(text) == source
    assert inferred_name(source) == name
    assert parse_source(source.text) == source


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "-x", "--upload-pack=touch x", "ext::sh -c x", "git+ext::sh -c x", "fd::7",
        "git+ext://x", "git+https://h/r@-x", "git+https://h/r@", "git+https://h/r@a b",
        "git+https://h/r@a..b", "git+https://h/r#egg=x", "git+https://h/r#subdirectory=../x",
        "git+https://h/r#subdirectory=-x", "git+https:///r", "git+file://host/r", "git+https://h",
        "git+ssh://-oProxyCommand=x/r", "git+ssh://-x@h/r", "github:o", "github:", "github:o/",
        "github:o/r@", "github:o/r@-x", "github:o/r/../x", "github:../r", "github:o/..",
        "github:o/r/a\\b", "github:o/r\x00", "github:o/r@a:b", "github:o/r@a^{}", "mip:x",
        "ftp://h/a", "javascript:1", "data:,x", "http://", "http://[", "http://h:99999/a",
        "https://h/a b", "bundle:o/r", "bundle:o#x", "bundle:o/r@-x#n", "bundle:o/r#../n",
        "file://host/a", "index+file:///a", "index+ftp://x", "s3://bucket/a",
    ],
)  # fmt: skip
def test_what_is_refused(text: str) -> None:
    with pytest.raises(SourceTextError) as info:
        parse_source(text, path="pyproject.toml", line=7)
    assert str(info.value).startswith("pyproject.toml:7: ")
    assert info.value.line == 7


def test_no_password_in_the_message() -> None:
    with pytest.raises(SourceTextError) as info:
        parse_source("git+https://me:secret@h/r@-x")
    assert "secret" not in str(info.value)


@given(st.text(max_size=60))
def test_any_text_is_a_source_or_refused(text: str) -> None:
    try:
        source = parse_source(text)
    except PackageError:
        return
    assert parse_source(source.text) == source


@given(
    st.sampled_from(["github:", "gitlab:", "git+https://h/", "git+ssh://", "https://github.com/"]),
    st.text(alphabet="ab/.@#-=:+\\ %~", max_size=20),
)
def test_any_text_after_a_scheme(scheme: str, rest: str) -> None:
    test_any_text_is_a_source_or_refused.hypothesis.inner_test(scheme + rest)  # type: ignore[attr-defined]
