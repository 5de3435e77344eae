# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from belay.errors import PackageError, ProjectError
from belay.packages.edits import with_dependency, without_dependency
from belay.packages.model import PathSource, Source
from belay.packages.project import Dependency, Project, is_package_name, read_project
from belay.packages.projectfile import ProjectFile, parse
from belay.packages.sources.spec import parse_source


def project(folder: Path, text: str) -> Project:
    (folder / "pyproject.toml").write_bytes(text.encode())
    return read_project(folder)


def test_everything_that_belay_030_reads(tmp_path: Path) -> None:
    read = project(
        tmp_path,
        """
[project]
name = "other"

[tool.belay]
name = "firmware"
ignore = ["*.md"]
dependencies_path = "deps"
mpy_version = "6"
package_indices = ["https://one.example/pi/", "http://two.example"]
unknown = 1

[tool.belay.dependencies]
aiohttp = "*"
ntptime = "0.1.1"
newest = "latest"
ranged = ">=1.2,<2"
caret = "^1.0"
file = "github:user/repo/file.py@main"
named = "mip:umqtt.simple@1.3"
plain = "other-name"
equals = "some==1.0"
local = { uri = "../drivers", develop = true, rename_to_init = false }
several = ["github:a/b/c.py", { uri = "https://x.example/d.py", rename_to_init = true }]
script = "sensor.py"

[tool.belay.group.dev]
optional = true
[tool.belay.group.dev.dependencies]
unittest = "*"

[tool.belay.group.empty]
""",
    )
    assert (read.name, read.ignore, read.mpy_version) == ("firmware", ("*.md",), "6")
    assert read.folder == tmp_path / "deps"
    assert read.lock_file == tmp_path / "belay.lock"
    assert read.indices == ("https://one.example/pi", "http://two.example")
    assert (read.target, read.targets) == ("mpy6", ("mpy6", "py"))
    assert [(g.name, g.optional) for g in read.groups] == [
        ("main", False),
        ("dev", True),
        ("empty", False),
    ]
    made = {(d.key, d.name, d.source, d.constraint) for d in read.group("main").dependencies}
    assert made == {
        ("aiohttp", "aiohttp", "", "*"),
        ("ntptime", "ntptime", "", "0.1.1"),
        ("newest", "newest", "", "*"),
        ("ranged", "ranged", "", ">=1.2,<2"),
        ("caret", "caret", "", "^1.0"),
        ("file", "file", "github:user/repo/file.py@main", "*"),
        ("named", "umqtt.simple", "", "1.3"),
        ("plain", "other-name", "", "*"),
        ("equals", "some", "", "1.0"),
        ("local", "local", "../drivers", "*"),
        ("several", "several", "github:a/b/c.py", "*"),
        ("several", "several", "https://x.example/d.py", "*"),
        ("script", "script", "sensor.py", "*"),
    }
    flags = {d.source: (d.develop, d.rename_to_init) for d in read.dependencies if d.source}
    assert flags == {
        "github:user/repo/file.py@main": (False, True),
        "../drivers": (True, False),
        "github:a/b/c.py": (False, False),
        "https://x.example/d.py": (False, True),
        "sensor.py": (False, True),
    }


def test_what_holds_if_nothing_is_said(tmp_path: Path) -> None:
    read = project(tmp_path, "")
    assert (read.name, read.ignore, read.target, read.strict) == (None, None, "py", False)
    assert read.indices == ("https://micropython.org/pi/v2",)
    assert read.folder == tmp_path / ".belay/dependencies"
    assert [(group.name, group.dependencies) for group in read.groups] == [("main", ())]
    inside = tmp_path / "a/b"
    inside.mkdir(parents=True)
    assert read_project(inside).root == tmp_path


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[tool.belay\n", 1, "is no TOML"),
        ("a = 1\na = 2\n", 2, "is no TOML"),
        ("tool.belay = 1", 1, "must be a table"),
        ("[tool.belay]\nname = 1", 2, "name must be text"),
        ("[tool.belay]\nname = '../x'", 2, "'..'"),
        ("[tool.belay]\nname = 'a/b'", 2, "not a path"),
        ("[tool.belay]\n\n# x\nignore = 'a'", 4, "list of texts"),
        ("[tool.belay]\nmpy_version = 'six'", 2, "mpy_version"),
        ("[tool.belay]\npackage_indices = ['ftp://x']", 2, "no http(s) URL"),
        ("[tool.belay]\npins = 'some'", 2, "minimum"),
        ("[tool.belay]\noverrides = {a = 1}", 2, "must have a version"),
        ("[tool.belay.overrides]\na = '1'\nb = '>>1'", 3, "b: no constraint"),
        ("[tool.belay]\ndependencies = 1", 2, "must be a table"),
        ("[tool.belay.dependencies]\na = '*'\n'b c' = '*'", 3, "'b c' cannot name"),
        ("[tool.belay.dependencies]\n'..' = '*'", 2, "cannot name"),
        ("[tool.belay.dependencies]\ncon = '*'", 2, "cannot name"),
        ("[tool.belay.dependencies]\na = 1", 2, "must be a version"),
        ("[tool.belay.dependencies]\na = ' '", 2, "must be a version"),
        ("[tool.belay.dependencies]\numqtt.simple = '*'", 2, '"umqtt.simple"'),
        ("[tool.belay.dependencies]\na = '>=x'", 2, "a: no constraint"),
        ("[tool.belay.dependencies]\na = ['1.0']", 2, "no versions"),
        ("[tool.belay.dependencies]\na = [['x.py']]", 2, "must be a version"),
        ("[tool.belay.dependencies]\na = {uri = './x', develop = 1}", 2, "true or false"),
        ("[tool.belay.dependencies]\na = {uri = '*', develop = true}", 2, "this computer"),
        (
            "[tool.belay.dependencies]\nb = '*'\na = [\n"
            " {uri='x.py', rename_to_init=true}, {uri='y.py', rename_to_init=true}]",
            3,
            "only one file",
        ),
        ("[tool.belay.group.main.dependencies]\na = '*'", 1, "is [tool.belay.dependencies]"),
        ("[tool.belay.group.'a/b'.dependencies]", 1, "not a path"),
        ("[tool.belay.group.dev]\noptional = 'no'", 2, "true or false"),
        (
            "[tool.belay.group.dev]\n[tool.belay.group.dev.dependencies]\nx = 2",
            3,
            "must be a version",
        ),
        ("s = '''\n[tool.belay]\nname = 1\n'''\n[tool.belay]\nname = 1", 6, "name must be text"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(ProjectError) as caught:
        project(tmp_path, text)
    path = str(tmp_path / "pyproject.toml")
    assert (caught.value.path, caught.value.line) == (path, line)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert words in str(caught.value)


def test_what_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"a = 1\nb = '\xff'\n")
    with pytest.raises(ProjectError, match=r"toml:2: is not UTF-8"):
        read_project(tmp_path)


def test_sources_in_all_forms(tmp_path: Path) -> None:
    texts = ["github:o/r@v1", "git+https://h.example/r.git@main", "https://h.example/a.zip", "./b"]
    lines = [f"p{number} = '{text}'" for number, text in enumerate(texts)]
    read = project(tmp_path, "[tool.belay.dependencies]\n" + "\n".join(lines))
    made = read.requirements(parse_source)
    assert [each.source and each.source.text for each in made] == texts
    read = project(tmp_path, "[tool.belay.dependencies]\na = '*'\nb = 'github:o/r@-x'")
    with pytest.raises(ProjectError, match=r"toml:3: b: ") as caught:
        read.requirements(parse_source)
    assert caught.value.line == 3


def test_sources_are_parsed_where_they_stand(tmp_path: Path) -> None:
    read = project(
        tmp_path,
        "[tool.belay.dependencies]\na = '*'\nb = './b'\n"
        "[tool.belay.group.t.dependencies]\nc = '>=1'",
    )
    made = read.requirements(PathSource)
    assert [(r.name, r.source, r.group, r.origin) for r in made] == [
        ("a", None, "main", "pyproject.toml [tool.belay.dependencies]"),
        ("b", PathSource("./b"), "main", "pyproject.toml [tool.belay.dependencies]"),
        ("c", None, "t", "pyproject.toml [tool.belay.group.t.dependencies]"),
    ]

    def refuse(text: str) -> Source:
        raise PackageError(f"{text} is odd")

    with pytest.raises(ProjectError, match=r"toml:3: b: ./b is odd"):
        read.requirements(refuse)
    with pytest.raises(ProjectError, match=r"no group 'x'; its groups are main, t"):
        read.group("x")


BASE = "[tool.belay.dependencies]\na = '*'\nb = '>=1'\n"


@pytest.mark.parametrize(
    "text",
    [
        "[tool.belay.dependencies]\n# both\nb = '>=1'\n\na = 'latest'  # any\n",
        "[tool.belay]\nname = 'x'\ndependencies_path = 'y'\nignore = []\n" + BASE,
        BASE + "[tool.belay.group.none]\noptional = true\n",
        "[tool.belay]\nmpy_version = '6'\n" + BASE,
        "[tool.belay]\npackage_indices = ['https://micropython.org/pi/v2/']\n" + BASE,
    ],
)
def test_the_same_requirements(tmp_path: Path, text: str) -> None:
    digest = project(tmp_path, BASE).requirements_hash()
    assert project(tmp_path, text).requirements_hash() == digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        BASE + "c = '*'\n",
        BASE.replace(">=1", ">=2"),
        BASE.replace("'*'", "{uri = './a'}"),
        "[tool.belay]\nmpy_version = '7'\n" + BASE,
        "[tool.belay]\npins = 'strict'\n" + BASE,
        "[tool.belay]\noverrides = {b = '2'}\n" + BASE,
        "[tool.belay]\npackage_indices = []\n" + BASE,
        BASE.replace("belay.dep", "belay.group.g.dep"),
    ],
)
def test_other_requirements(tmp_path: Path, text: str) -> None:
    digest = project(tmp_path, BASE).requirements_hash()
    assert project(tmp_path, text).requirements_hash() != digest


def test_names_of_packages() -> None:
    good = ["a", "umqtt.simple", "usb-device-cdc", "__future__", "_x", "a1", "9p"]
    bad = ["", ".", "..", "a..b", "-a", "a-", "a.", "a/b", "a b", "nul", "ü", "a\n", "a:b", "con.x"]
    assert [name for name in good if not is_package_name(name)] == []
    assert [name for name in bad if is_package_name(name)] == []


# ------------------------------------------------------------------------------------------- edits

PAGE = """\
# mine
[project]
name = "x"   # odd  spacing

[tool.belay]
name = "p"

[tool.belay.dependencies]
# networking
aiohttp = "*"   # web
'local' = {uri = "../b", develop = true}
list = [
    "a.py",  # one
]

# about pytest
[tool.pytest.ini_options]
x = 1
"""


def edit(folder: Path, text: str) -> ProjectFile:
    (folder / "pyproject.toml").write_bytes(text.encode())
    return ProjectFile(folder / "pyproject.toml")


def test_a_dependency_is_added_and_nothing_else_changes(tmp_path: Path) -> None:
    new = with_dependency(edit(tmp_path, PAGE), "umqtt.simple", ">=1.2")
    assert new == PAGE.replace("]\n\n# about", ']\n"umqtt.simple" = ">=1.2"\n\n# about')
    assert without_dependency(edit(tmp_path, new), "umqtt.simple") == PAGE


def test_a_table_and_a_new_group(tmp_path: Path) -> None:
    value = {"uri": "../drivers", "develop": True}
    new = with_dependency(edit(tmp_path, PAGE), "drivers", value, "dev")
    added = (
        '\n[tool.belay.group.dev.dependencies]\ndrivers = {uri = "../drivers", develop = true}\n'
    )
    assert new == PAGE.replace("]\n\n# about", f"]\n{added}\n# about")


def test_a_value_is_replaced_and_its_comment_stays(tmp_path: Path) -> None:
    new = with_dependency(edit(tmp_path, PAGE), "aiohttp", "^0.0.6")
    assert new == PAGE.replace('aiohttp = "*"', 'aiohttp = "^0.0.6"')


def test_line_ends_stay(tmp_path: Path) -> None:
    text = PAGE.replace("\n", "\r\n")
    new = with_dependency(edit(tmp_path, text), "b", "*")
    assert "\n" not in new.replace("\r\n", "")
    assert without_dependency(edit(tmp_path, new), "b") == text


SHAPES = [
    "",
    "# only\n# a comment",
    "[project]\nname = 'x'",
    "[tool.belay]\n",
    "[tool.belay]\ndependencies = {}\nname = 'x'\n",
    "[tool.belay]\ndependencies = {a = '1'}\ngroup.dev.optional = true\n",
    "[tool]\nbelay.dependencies.a = '1'\n",
    "[tool.belay.dependencies]\n\n\n[[x]]\ny = 1\n",
    "[tool.belay.group.dev]\noptional = true\n[x]\na = 1\n[tool.belay.dependencies]\nb = '1'",
    "[tool.belay.dependencies]\nb = '1'\n[x]\na = '''\n[tool.belay.dependencies]\n'''\n",
    "tool = {belay = {name = 'x'}}\n",
    PAGE,
]


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    st.sampled_from(SHAPES),
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "umqtt.simple", "usb-x"]),
            st.sampled_from(["*", ">=1", "quote\"'\\", {"uri": "./x", "develop": True}]),
            st.sampled_from(["main", "dev"]),
        ),
        max_size=4,
    ),
)
def test_whatever_is_edited_says_what_it_should(
    tmp_path: Path, text: str, changes: list[tuple[str, str | dict[str, object], str]]
) -> None:
    comments = [line for line in text.splitlines() if line.startswith("#")]
    for name, value, group in changes:
        file = edit(tmp_path, text)
        before = parse(text)
        try:
            text = with_dependency(file, name, value, group)
        except ProjectError:  # is written in a way that cannot be edited
            continue
        read = ProjectFile(edit(tmp_path, text).path).table
        table = read["dependencies"] if group == "main" else read["group"][group]["dependencies"]
        assert table.pop(name) == value
        assert {k: v for k, v in parse(text).items() if k != "tool"} == {
            k: v for k, v in before.items() if k != "tool"
        }
    assert [line for line in text.splitlines() if line.startswith("#")] == comments


def test_an_edit_of_somebody_else_is_not_lost(tmp_path: Path) -> None:
    file = edit(tmp_path, PAGE)
    new = with_dependency(file, "b", "*")
    (tmp_path / "pyproject.toml").write_text("# changed\n", encoding="utf-8")
    with pytest.raises(ProjectError, match="changed meanwhile"):
        file.write(new)
    assert (tmp_path / "pyproject.toml").read_text("utf-8") == "# changed\n"
    file = edit(tmp_path, PAGE)
    file.write(new)
    assert file.text == new == (tmp_path / "pyproject.toml").read_bytes().decode()
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"]


def test_a_dependency_knows_where_it_stands(tmp_path: Path) -> None:
    read = project(tmp_path, PAGE)
    places = {d.key: read.file.line(*d.where) for d in read.dependencies}
    assert places == {"aiohttp": 10, "local": 11, "list": 12}
    assert isinstance(next(read.dependencies), Dependency)
