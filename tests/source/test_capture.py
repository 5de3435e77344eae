# SPDX-License-Identifier: Apache-2.0
"""The source of a function as a board is to see it."""

from __future__ import annotations

import functools
import inspect
import io
import linecache
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from belay.errors import SourceError, SpecialFunctionNameError
from belay.source.capture import capture, capture_body


def task(*options: Any, **more: Any) -> Callable[[Any], Any]:
    """Stands for ``device.task``: it ran on the host and is no business of the board's."""
    return lambda function: function


class micropython:  # noqa: N801, its name on the board
    native = staticmethod(lambda function: function)
    viper = staticmethod(lambda function: function)


def line_of(text: str) -> int:
    """The first line of this file that ends in ``text``."""
    lines = Path(__file__).read_text(encoding="utf-8").split("\n")
    return next(index for index, line in enumerate(lines, 1) if line.endswith(text))


# ----------------------------------------------------------------------------------- what is sent


def bare(w, h):
    return w * h  # no decorator


@task()
def decorated(w, h):
    return w * h  # one decorator


@task(
    timeout=2,
    implementation="micropython",
)
# between
@functools.lru_cache
@task()
def many_decorators():
    # inside
    return 1  # many decorators


@task()
@micropython.native
def fast():
    return 2  # native


@micropython.viper
@task()
def faster(x: int) -> int:
    return x  # viper


async def waits():
    return 3  # async


def yields():
    yield 4  # generator


def one_line(): return "one line"  # fmt: skip


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (bare, "def bare(w, h):\n    return w * h  # no decorator\n"),
        (decorated, "\ndef decorated(w, h):\n    return w * h  # one decorator\n"),
        (fast, "\n@micropython.native\ndef fast():\n    return 2  # native\n"),
        (faster, "@micropython.viper\n\ndef faster(x: int) -> int:\n    return x  # viper\n"),
        (waits, "async def waits():\n    return 3  # async\n"),
        (yields, "def yields():\n    yield 4  # generator\n"),
        (
            many_decorators.__wrapped__,
            "\n" * 7 + "def many_decorators():\n    # inside\n    return 1  # many decorators\n",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_host_decorators_are_taken_off_and_lines_stay(
    function: Callable[..., Any], text: str
) -> None:
    captured = capture(function)
    assert captured.text == text
    assert captured.name == function.__name__
    assert captured.filename == __file__
    marker = text.rpartition("# ")[2].strip()
    index = next(i for i, line in enumerate(text.splitlines()) if line.endswith(f"# {marker}"))
    assert captured.first_line + index == line_of(f"  # {marker}")


def test_a_function_of_one_line() -> None:
    assert capture(one_line).text.startswith('def one_line(): return "one line"')


def test_a_function_in_a_function_is_moved_to_the_margin() -> None:
    @task()
    def nested(x):
        if x:
            return 1
        return 2

    captured = capture(nested)
    assert captured.text == ("\ndef nested(x):\n    if x:\n        return 1\n    return 2\n")
    assert captured.first_line == line_of("def nested(x):") - 1


def test_what_is_inside_strings_is_not_moved() -> None:
    def speaks(value):
        text = """first
          second

    third"""
        # at the margin
        more = "a\
        b"
        return (text, more, f"""{value}
        c""",
  'less indented than the rest')  # fmt: skip

    names: dict[str, Any] = {}
    exec(capture(speaks).text, names)
    assert names["speaks"](5) == speaks(5)


def white():
    return """a
   
b"""  # noqa: W293


def test_white_space_in_a_string_stays() -> None:
    names: dict[str, Any] = {}
    exec(capture(white).text, names)
    assert names["white"]() == white() == "a\n   \nb"


class Sensor:
    @task()
    def read(self):
        """A method in a class body."""
        return 5

    @staticmethod
    @task()
    def plain():
        return 6


def test_a_function_of_a_class_body() -> None:
    assert capture(Sensor.read).text == (
        '\ndef read(self):\n    """A method in a class body."""\n    return 5\n'
    )
    assert capture(Sensor.plain).text == "\n\ndef plain():\n    return 6\n"


def test_a_function_that_defines_others() -> None:
    def outer():
        k = 3

        def inner():
            return k

        return inner()

    assert capture(outer).text.endswith(
        "    def inner():\n        return k\n\n    return inner()\n"
    )


@pytest.fixture
def cell() -> Iterator[Callable[[str, str], Any]]:
    """Run source as IPython runs a cell: under a name that only linecache knows."""
    added = []

    def run(source: str, function: str) -> Any:
        name = f"<belay-test-{len(added)}>"
        added.append(name)
        linecache.cache[name] = (len(source), None, list(io.StringIO(source)), name)
        names: dict[str, Any] = {"task": task, "PIN": 5}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(source, name, "exec"), names)
        return names[function]

    yield run
    for name in added:
        del linecache.cache[name]


def test_a_cell_of_a_notebook(cell: Callable[[str, str], Any]) -> None:
    captured = capture(cell("import sys\n\n@task()\ndef f():\n    return 1\n\nf()\n", "f"))
    assert captured.text == "\ndef f():\n    return 1\n"
    assert captured.first_line == 3
    assert captured.filename == "<belay-test-0>"


def test_a_cell_without_a_line_end(cell: Callable[[str, str], Any]) -> None:
    assert capture(cell("def f():\n    return 'é\u2028'", "f")).text.rstrip() == (
        "def f():\n    return 'é\u2028'"
    )


def test_warnings_about_the_source_are_the_boards_to_give(cell: Callable[[str, str], Any]) -> None:
    captured = capture(cell("def f(a=PIN):\n    return '\\d' + a\n", "f"))
    assert captured.text == "def f(a=PIN):\n    return '\\d' + a\n"
    assert captured.host_names == ("PIN",)
    assert capture_body(cell("def f():\n    x = 'a\\d'\n", "f")).text == "x = 'a\\d'\n"


# --------------------------------------------------------------------------------- what is refused


def test_a_lambda_has_no_name() -> None:
    with pytest.raises(SourceError, match="write a def"):
        capture(lambda: 1)


@pytest.mark.parametrize(
    "function",
    [len, Sensor().read, Sensor, functools.partial(bare, 1), 5, "text".upper],
    ids=["builtin", "bound method", "class", "partial", "number", "method of a builtin"],
)
def test_what_is_no_function(function: Any) -> None:
    with pytest.raises(SourceError, match="is not a Python function"):
        capture(function)


@pytest.mark.parametrize("name", ["__b", "__belay_x", "_belay", "_belay_value", "__bool"])
def test_names_that_belay_keeps(name: str, cell: Callable[[str, str], Any]) -> None:
    with pytest.raises(SpecialFunctionNameError, match=f"'{name}'.*rename"):
        capture(cell(f"def {name}(): pass\n", name))


def test_names_that_only_look_alike(cell: Callable[[str, str], Any]) -> None:
    for name in ("belay", "b", "_b", "__", "bela_y", "__init"):
        assert capture(cell(f"def {name}(): pass\n", name)).name == name


def test_a_closure_says_which_name_and_where() -> None:
    factor, offset = 3, 4

    def scaled(x):
        return x * factor + offset

    with pytest.raises(SourceError, match=r"scaled\(\) uses factor, offset from the function") as e:
        capture(scaled)
    assert f"{__file__}:{line_of('def scaled(x):')}" in str(e.value)
    assert "Pass it as an argument" in str(e.value)


def test_a_closure_over_what_the_board_has_is_none() -> None:
    other, constant = bare, 3

    def calls() -> Any:
        return other() + constant + later() + calls()

    with pytest.raises(SourceError, match=r"calls\(\) uses constant from"):
        capture(calls, lambda name, value: name == "other" or value is calls)
    assert capture(calls, lambda name, value: name != "later").name == "calls"

    def later() -> int:
        return 1


def test_a_closure_of_annotations_is_none() -> None:
    """Python 3.10 to 3.13 takes their names from the function around; no board looks at them."""
    Kind = list
    count = 0

    def annotated(x: Kind) -> Kind:
        values: Kind = [x]

        def inner(y: Kind, *more: Kind) -> Kind:
            return [y]

        class Held:
            kept: Kind

        return values + inner(x)

    def counting(x: Kind) -> None:
        nonlocal count
        count += 1

    def using(x: Kind) -> Any:
        values: Kind = Kind(x)
        return values

    assert capture(annotated).name == "annotated"
    with pytest.raises(SourceError, match=r"counting\(\) uses count from the function around"):
        capture(counting)
    with pytest.raises(SourceError, match=r"using\(\) uses Kind from the function around"):
        capture(using)


def test_what_a_decorator_wraps_is_sent() -> None:
    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any) -> Any:
            return function(*args)

        return wrapper

    assert capture(logged(bare)) == capture(functools.lru_cache(bare)) == capture(bare)


def test_a_decorator_that_forgot_functools_wraps() -> None:
    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any) -> Any:
            return function(*args)

        return wrapper

    with pytest.raises(SourceError, match=r"wrapper\(\) uses function .* lacks functools.wraps"):
        capture(logged(bare))


def test_a_decorator_in_parentheses() -> None:
    # fmt: off
    @functools.lru_cache
    @(
        lambda function: function
    )
    def inside():
        return 1
    # fmt: on

    assert capture(inside).text == "\n\n\n\ndef inside():\n    return 1\n"


def test_code_that_was_executed_without_its_source() -> None:
    names: dict[str, Any] = {}
    exec("def f(): pass", names)
    with pytest.raises(SourceError, match=r"source of f\(\) cannot be found.*device\(") as caught:
        capture(names["f"])
    assert "<string>:1" in str(caught.value)


@pytest.mark.parametrize(
    "kept",
    [
        ["f = make()\n"],
        ["    f = make()\n"],
        ["def f(:\n"],
        ["# nothing\n"],
        ["    # nothing\n"],
        ["\n"],
        ["def other(w, h):\n", "    return 0\n"],
    ],
)
def test_source_that_is_not_the_functions(kept: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # The file was changed since it was imported, or the def stands in the middle of a line.
    monkeypatch.setattr(inspect, "getsourcelines", lambda function: (kept, 1))
    with pytest.raises(SourceError, match="cannot be found there as a def statement"):
        capture(bare)
