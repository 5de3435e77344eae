# SPDX-License-Identifier: Apache-2.0
"""Where people write functions: each place has its own way to keep the source."""

from __future__ import annotations

import doctest
import io
import linecache
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from belay.errors import SourceError
from belay.source.capture import Captured, capture, capture_body

captured_in_doctest: list[Captured] = []


def captures(function: Any) -> Any:
    captured_in_doctest.append(capture(function))
    return function


EXAMPLE = '''
>>> @captures
... def double(x):
...     """Twice."""
...     # of it
...     return 2 * x
>>> 1 + 1
2
>>> class Board:
...     @captures
...     def nested(x):
...         text = \'\'\'a
...   b\'\'\'
...         return text
'''


def test_doctest() -> None:
    captured_in_doctest.clear()
    names = {"captures": captures, "__name__": __name__}
    test = doctest.DocTestParser().get_doctest(EXAMPLE, names, "example", "example.txt", 0)
    output: list[str] = []
    assert doctest.DocTestRunner().run(test, out=output.append).failed == 0, "".join(output)
    first, second = captured_in_doctest
    assert first.text == '\ndef double(x):\n    """Twice."""\n    # of it\n    return 2 * x\n'
    assert (first.filename, first.first_line) == ("<doctest example[0]>", 1)
    assert second.text == "\ndef nested(x):\n    text = '''a\n  b'''\n    return text\n"
    assert (second.filename, second.first_line) == ("<doctest example[2]>", 2)


SHELL = """
import sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.compilerop import CachingCompiler
from belay.source.capture import capture, capture_body

if sys.argv[1:]:  # as ipykernel names cells
    def get_code_name(self, raw_code, code, number):
        return f"/no/such/folder/ipykernel_1/{number}.py"
    CachingCompiler.get_code_name = get_code_name
shell = InteractiveShell()
shell.user_ns["show"] = lambda captured: print(repr(captured.text), captured.first_line)
shell.user_ns.update(capture=capture, capture_body=capture_body)
for cell in (
    "import functools\\n\\n@functools.lru_cache\\ndef f(x):\\n    return x\\n",
    "def g(): return 'é'; y",
    "%pdb off\\ndef h():\\n    return 1\\n",
    "show(capture(f)); show(capture(g)); show(capture(h))",
    "def f(x):\\n    print(x)",
    "show(capture_body(f))",
):
    shell.run_cell(cell, store_history=True).raise_error()
"""


@pytest.mark.parametrize("kernel", [(), ("kernel",)], ids=["terminal", "notebook"])
def test_ipython(kernel: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SHELL, *kernel],
        capture_output=True,
        text=True,
        timeout=60,
        env={"IPYTHONDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.stdout.splitlines()[-4:] == [
        r"'\ndef f(x):\n    return x\n' 3",
        r""""def g(): return 'é'; y\n" 1""",
        r"'def h():\n    return 1\n' 2",
        r"'print(x)\n' 2",
    ], done.stderr


PROMPT = """
from belay.source.capture import capture
def task(f):
    captured = capture(f)
    print(repr(captured.text))
    return f

@task
def blink(times):
    for _ in range(times):
        pass

def other(): return 1

print(repr(capture(other).text))
print(repr(capture(blink).text))
"""


@pytest.mark.skipif(sys.version_info < (3, 13), reason="Python's prompt keeps nothing before 3.13")
def test_pythons_own_prompt() -> None:
    done = subprocess.run(
        [sys.executable, "-i", "-q"],
        input=PROMPT,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHON_BASIC_REPL": "1"},
    )
    blink = r"'\ndef blink(times):\n    for _ in range(times):\n        pass\n'"
    assert done.stdout.splitlines() == [blink, r"'def other(): return 1\n'", blink], done.stderr


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="Python's prompt keeps its source")
def test_pythons_own_prompt_before_it_kept_its_source() -> None:
    done = subprocess.run(
        [sys.executable, "-i", "-q"],
        input=PROMPT,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert "<stdin>:1: the source of blink() cannot be found" in done.stderr
    assert "Python's own prompt from version 3.13" in done.stderr


def _run(source: str, name: str, **names: Any) -> dict[str, Any]:
    linecache.cache[name] = (len(source), None, list(io.StringIO(source)), name)
    exec(compile(source, name, "exec"), names)
    return names


def test_executed_code_in_linecache() -> None:
    name = "<made by a program>"
    try:
        names = _run("\ndef f(): return 1\ndef g():\n    def h(): pass\n    return h\n", name)
        assert capture(names["f"]).text == "def f(): return 1\n"
        inner = capture(names["g"]())
        assert (inner.text, inner.first_line, inner.filename) == ("def h(): pass\n", 4, name)
    finally:
        linecache.cache.pop(name)


def test_executed_code_in_a_module_that_has_a_loader() -> None:
    """Where a module claims to know all source of its own, linecache is asked anyway."""
    name = "<made by a module>"
    module = types.ModuleType("made_by_a_test")
    module.__loader__ = __spec__.loader
    sys.modules[module.__name__] = module
    try:
        names = _run("def f(): return 1\n", name, __name__=module.__name__)
        assert capture(names["f"]).text == "def f(): return 1\n"
    finally:
        del sys.modules[module.__name__], linecache.cache[name]


def test_source_of_somebody_else_is_not_taken() -> None:
    # python -c and exec() share the name <string>.
    linecache.cache["<string>"] = (1, None, ["def f(a, b): return 'other'\n"], "<string>")
    try:
        names: dict[str, Any] = {}
        exec("def f(a): return 1", names)
        with pytest.raises(SourceError, match="cannot be found there as a def"):
            capture(names["f"])
        exec("def f(a, b): return 1", names)
        assert capture(names["f"]).text  # cannot be told apart
    finally:
        linecache.cache.pop("<string>")


def test_private_parameters() -> None:
    # In a class, Python calls the parameter __x _Holder__x.
    class Holder:
        def f(a, __x, *, __y=1):  # noqa: N805
            return a

    assert "__x" in capture(Holder.f).text


def test_a_body_in_the_same_places() -> None:
    name = "<body of a program>"
    try:
        names = _run("if 1:\n  def f():\n    x = 1\n    y = '''\n z'''\n", name)
        body = capture_body(names["f"])
        assert (body.text, body.first_line) == ("x = 1\ny = '''\n z'''\n", 3)
    finally:
        linecache.cache.pop(name)
