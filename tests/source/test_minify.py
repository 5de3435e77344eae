# SPDX-License-Identifier: Apache-2.0
"""Minified source says the same, on the same lines: by its AST, and by running on a board."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import belay
from belay.source.minify import minify
from tests.source.programs import described, is_valid, parsed, programs


def check(source: str) -> None:
    """The property that makes minify fit for every program."""
    small = minify(source)
    assert described(small) == described(source, without_docstrings=True)
    assert minify(small) == small


# ------------------------------------------------------------------------------------------ proofs

LIBRARY = Path(sysconfig.get_paths()["stdlib"])


def library() -> list[Path]:
    """The standard library's files, its tests among them."""
    found = LIBRARY.rglob("*.py")
    return sorted(path for path in found if "site-packages" not in path.parts)


@pytest.mark.parametrize("source", ["x in .5 . a\n", "y if .5 .real else 1 . real\n"])
def test_a_number_behind_a_keyword_is_one(source: str) -> None:
    check(source)
    assert ".5 ." in minify(source)


def check_file(path: Path) -> None:
    try:
        source = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return  # tests of Python itself have such files
    try:
        parsed(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        assert minify(source) == source
        return
    try:
        check(source)
    except AssertionError:
        raise AssertionError(path) from None  # the comparison itself is megabytes


def test_the_standard_library_in_part() -> None:
    # Large files take long and hold nothing that smaller ones do not.
    files = [path for path in library() if path.stat().st_size < 40_000]
    for path in files[:: max(1, len(files) // 45)]:
        check_file(path)


@pytest.mark.soak
def test_the_standard_library() -> None:
    for path in library():
        check_file(path)


@given(programs())
@settings(max_examples=80, deadline=None, derandomize=True, database=None)
def test_programs_that_hypothesis_makes(source: str) -> None:
    check(source)


@pytest.mark.soak
@given(programs())
@settings(max_examples=20_000, deadline=None, database=None)
def test_many_programs_that_hypothesis_makes(source: str) -> None:
    check(source)


# ------------------------------------------------------------------------------------------- texts


@pytest.mark.parametrize(
    ("source", "small"),
    [
        # Belay 0.30 takes each of these strings for a docstring.
        ("'hé'", "'hé'"),
        ("b'..'", "b'..'"),
        ('"s".join(x)', '"s".join(x)'),
        ('def f(x):\n    "%s" % x\n', 'def f(x):\n "%s"%x\n'),
        ("if 1:\n    'a' + x\n", "if 1:\n 'a'+x\n"),
        ("'text'\n", "'text'\n"),
        ("('text')  # its value", "('text')"),
        ("x = 1\n'text'", "x=1\n'text'"),
        ("for i in x:\n    'text'\n    f'{i}'\n", "for i in x:\n 'text'\n f'{i}'\n"),
        ("def f():\n    f'{x}'\n    b'x'\n", "def f():\n f'{x}'\n b'x'\n"),
        ("def f():\n    b'x'\n", "def f():\n b'x'\n"),
        # Docstrings.
        ("def f():\n    '''a\n    b'''\n    return 1\n", "def f():\n\n\n return 1\n"),
        ("def f():\n    '''a\n    b'''\n", "def f():\n\n 0\n"),
        ("def f(): 'a'\n", "def f():0\n"),
        ("def f(): 'a'; return 1\n", "def f():return 1\n"),
        ("def f(): '''a\n'''; return 1\n", "def f():\\\nreturn 1\n"),
        ("def f(): 'a' ;\n", "def f():0;\n"),
        ("async def f():\n  r'a' u'b'\n  pass", "async def f():\n\n pass"),
        ("class A:\n\t('a'\n\t'b')\n\tx = 1", "class A:\n\n\n x=1"),
        ("'doc'; x = 1", "x=1"),
        ("'é'; y = 'é'", "y='é'"),
        ("'doc'\n'value'", "0\n'value'"),
        ("def f():\n 'doc'\n 'no doc'\n return", "def f():\n 0\n 'no doc'\n return"),
        ("'''doc\n'''\nx = 1\n", "\n\nx=1\n"),
        ("if x:\n  def f():\n    'a'\n    pass\n", "if x:\n def f():\n\n  pass\n"),
        ("try: pass\nexcept E:\n  class A: 'a'", "try:pass\nexcept E:\n class A:0"),
        # What stays.
        ("def f():\n    pass\n", "def f():\n pass\n"),
        ("x = 1;", "x=1;"),
        ("x = 1 ; # quiet", "x=1;"),
        ("1 if x else y", "1 if x else y"),
        ("1_000 .real", "1_000 .real"),
        ("x .real, 1. .real, 1.5 .real", "x.real,1. .real,1.5 .real"),
        ("x = 1. if y else.5", "x=1. if y else.5"),
        ("0xfor x", "0xfor x"),
        ("x = '' 'a' \"b\"", "x='' 'a' \"b\""),
        ("return_ = not 'a' in b'b' or f'c'", "return_=not'a'in b'b'or f'c'"),
        ("a < - b ** - c", "a<-b**-c"),
        ("print (x) [1] . y", "print(x)[1].y"),
        ("from . import x", "from.import x"),
        ("from . .. a import b", "from. ..a import b"),
        ("lambda * a, ** k : (yield)", "lambda*a,**k:(yield)"),
        ("@ a . b ( 1 )\ndef f ( ) : pass", "@a.b(1)\ndef f():pass"),
        ("x = 1 # c\n\n# c\n  # c\ny", "x=1\n\n\n\ny"),
        ("x = [1, # one\n\n     2] # two", "x=[1,\n\n2]"),
        ("x = 1 + \\\n    2", "x=1+\\\n2"),
        ("x = (1 + \\\n    2)", "x=(1+\n2)"),
        ("a \\\nif b else c", "a\\\nif b else c"),
        ("x = 1 \\\n# c\ny", "x=1\n\ny"),
        ("if x:\n\ty\n\n\tif z:\n\t\t\tw\nv", "if x:\n y\n\n if z:\n  w\nv"),
        ("if x:\n        y\n\f\nz", "if x:\n y\n\nz"),
        ("if x:\n    \\\n  y\n    z", "if x:\n\n y\n z"),
        ("if x:\n    y\n    \\\n  z\n", "if x:\n y\n\n z\n"),
        ("if x:\n  y\n   \f  z\n \f  w\n", "if x:\n y\n z\n w\n"),
        ("x = 1\r\ny = '''a\r\nb'''\r\n", "x=1\ny='''a\nb'''\n"),
        ("x = 1\ry = 2", "x=1\ny=2"),
        ("größe = ñ if 变量 else µ", "größe=ñ if 变量 else µ"),
        ("x: int = 1  # type: int", "x:int=1"),
        ("", ""),
        ("   ", ""),
        ("\n  \n# c", "\n\n"),
        ("a  # c", "a"),
        # What the host's Python does not understand is the board's to judge.
        ("print  'old' # c", "print  'old' # c"),
        ("  x = 1 # c", "  x = 1 # c"),
        ("x = 'a\n# c", "x = 'a\n# c"),
        ("a  \0", "a  \0"),
        ("@micropython.asm_thumb\ndef f(r0):\n    mov(r0, 1) 2", None),
        ("( " * 300, "( " * 300),
    ],
)
def test_minify(source: str, small: str | None) -> None:
    assert minify(source) == (source if small is None else small)


# PEP 701 gave these to Python 3.12; an older one cannot parse some of them, and they stay.
F_STRINGS = [
    "f'{x  }  # {y}'",
    "f'{{  #'  # c",
    "f'''{x\n  }  # '''  # c",
    "f\"{x['k  #']}\"  # c",
    "f'{x:{w}.{p}}  #'  # c",
    "f'{x!r:>{w}}  #'  # c",
    "f'{x != y}  #'  # c",
    "f'{x:%H:%M  #}'  # c",
    "f'{x}\\{y}  #'  # c",
    "rf'\\{x}\\'  #'  # c",
    "f'\\N{BULLET}  #'  # c",
    "f'\\'{x}\\'  #'  # c",
    "f'{x[\"a\"]}'f\"{x['b']}  #\"  # c",
    "f'{(lambda a: a)(x)}  #'  # c",
    "f'{ {1: 2}[1] }  #'  # c",
    'f"{x["a  #"]}"  # c',
    "f'\\{x['a  #']}'  # c",
    "f'{f'{f'{x}  #'}'}'  # c",
    "f'{x # it's\n}  #'  # c",
    "f'{'\\n'.join(x)  }  #'  # c",
    "f'''{x:{'''  #'''}}'''  # c",
    "f'{x:{y:{z}}}  #'  # c",
    "f'{rf'\\{x}\\d'}  #'  # c",
]


@pytest.mark.parametrize("text", F_STRINGS)
def test_f_strings_stay_word_for_word(text: str) -> None:
    source = f"a = {text}\nb  =  1\n"
    if is_valid(source):
        check(source)
        assert minify(source) == f"a={text.removesuffix('  # c')}\nb=1\n"
    else:
        assert minify(source) == source


# --------------------------------------------------------------------------------------- on a board

ON_BOARD = {
    "loops": """
# prints
def primes(limit):
    '''Yield primes.

    In a docstring.'''
    found = []          # so far
    for n in range(2, limit):
        for p in found:
            if n % p == 0: break
        else :
            found.append(n) ; yield n
print(list(primes(60)), sum(primes(100)) if 1 else -1)
""",
    "strings": """
a = '' 'x' "y" '''z
  # no comment'''
b = 'con\\
  tinued'
class A:
    'doc'
    def __repr__ (self) : return "A %s" % 'é'
print (a, b, A(), f"{a!r}  {1 + 1}", b'\\x00  #', not'a'in'b', 'a'if a else.5)
""",
    "layout": """
def f(a ,
      b = ( 1 ,
            2 ) ) : return [ a , \\
                             b ]
if f(1) :
\tx = 1 + \\
        2
\tif x:
\t\t\tprint(x , 0xe -1, 1_000 .__class__, 1. if x else 2)
else : pass
try :
    raise ValueError ( 'a' )
except (ValueError , TypeError) as e : print(* e.args , sep = '')
finally :
    print( - - 1 , ~ - 2 ** + 1 , x < - x , lambda * a : 1 )
""",
    "carriage returns": "a = '''x\r\ny'''\r\nif a :\r\n    print(len(a))  # 3\r\n",
    "lone docstrings": "def f():\n    'doc'\nclass A: '''doc\n  of A'''\nprint(f(), type(A()))\n",
}


@pytest.fixture(scope="module")
def device() -> Any:
    with belay.Device("virtual:", startup="") as connected:
        yield connected


@pytest.mark.parametrize("name", ON_BOARD)
def test_a_board_prints_the_same(
    name: str, device: belay.Device, capsys: pytest.CaptureFixture[str]
) -> None:
    source = ON_BOARD[name]
    small = minify(source)
    assert len(small) < len(source)
    printed = []
    for text in (source, small):
        device(f"import gc\nexec({text!r}, {{}})")
        printed.append(capsys.readouterr().out.split("<function")[0])
    assert printed[0]
    assert printed[0] == printed[1]


def test_lines_of_a_traceback_stay(device: belay.Device) -> None:
    source = "'''doc\n'''\n\ndef f(a,\n      b):  # why\n    '''doc\n    '''\n    return a / b\n"
    source += "f(1,\n  0)\n"
    lines = []
    for text in (source, minify(source)):
        with pytest.raises(belay.PyboardException) as caught:
            device(text)
        lines.append([frame.line for frame in caught.value.frames])
    assert lines[0] == lines[1] == [9, 8]
