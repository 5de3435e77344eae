# SPDX-License-Identifier: Apache-2.0
"""``belay virtual run``: a program on the interpreter, with a program's streams, files and end."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from belay.cli import main
from tests.cli.person import Person

COMMAND = [sys.executable, "-m", "belay", "virtual", "run"]

Run = Callable[..., "Done"]

posix = pytest.mark.skipif(os.name != "posix", reason="signals and terminals of POSIX")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "far.py").write_text("import near\nNAME = 'far with ' + near.NAME\n")
    (tmp_path / "near.py").write_text("NAME = 'near'\n")
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("NAME = 'package'\n")
    (package / "__main__.py").write_text("from package import NAME\nprint('main of', NAME)\n")
    return tmp_path


class Done(NamedTuple):
    returncode: int
    stdout: bytes
    stderr: bytes


@pytest.fixture
def run(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., Done]:
    """Runs it in this process, which is a third of the time of a new one."""
    monkeypatch.chdir(here)

    def run(*words: str, given: bytes = b"", **variables: str) -> Done:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        (here / ".given").write_bytes(given)
        before = os.dup(0)
        with (here / ".given").open("rb") as stream, io.TextIOWrapper(stream) as text:
            (here / ".given").unlink()
            monkeypatch.setattr(sys, "stdin", text)
            os.dup2(stream.fileno(), 0)
            try:
                status = main(["virtual", "run", *words])
            finally:
                os.dup2(before, 0)
                os.close(before)
        return Done(status, *capfdbinary.readouterr())

    return run


@contextlib.contextmanager
def started(here: Path, source: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that has begun: it has printed a line."""
    process = subprocess.Popen(
        [*COMMAND, "-c", f"print('begun')\n{source}"],
        cwd=here,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"begun\n"
            yield process
        finally:
            process.kill()


# ---------------------------------------------------------------------------------------- the end

STATUSES = {
    "pass": (0, ""),
    "raise SystemExit": (0, ""),
    "import sys; sys.exit(None)": (0, ""),
    "import sys; sys.exit(3)": (3, ""),
    "import sys; sys.exit(-1)": (255, ""),
    "import sys; sys.exit(True)": (1, ""),
    "import sys; sys.exit('no more')": (1, "no more\n"),
    "import machine; machine.soft_reset()": (0, ""),
    "raise KeyboardInterrupt": (130, "KeyboardInterrupt: \n"),
    "1 / 0": (1, "ZeroDivisionError: divide by zero\n"),
    "def f(:": (1, "SyntaxError: invalid syntax\n"),
    "import machine; machine.reset()": (1, "has reset its board"),
}


@pytest.mark.parametrize("source", STATUSES)
def test_status(run: Run, source: str) -> None:
    status, said = STATUSES[source]
    done = run("-c", source)
    assert (done.returncode, done.stdout) == (status, b"")
    assert done.stderr.decode().endswith(said) or said in done.stderr.decode()
    assert bool(said) == bool(done.stderr)


def test_a_traceback_has_the_lines_of_the_script_and_no_others(run: Run, here: Path) -> None:
    (here / "script.py").write_text("def f():\n    1 / 0\n\nprint('before')\nf()\n")
    done = run("script.py")
    assert (done.returncode, done.stdout) == (1, b"before\n")
    assert done.stderr.decode() == (
        "Traceback (most recent call last):\n"
        '  File "script.py", line 5, in <module>\n'
        '  File "script.py", line 2, in f\n'
        "ZeroDivisionError: divide by zero\n"
    )


def test_what_cannot_be_run(run: Run) -> None:
    done = run("gone.py")
    assert done.returncode == 1
    assert b"gone.py cannot be read" in done.stderr
    assert run("-m").returncode == 2


# ------------------------------------------------------------------------------------- the streams


def test_arguments_name_and_path(run: Run, here: Path) -> None:
    (here / "lib" / "script.py").write_text(
        "import sys, far\nprint(__name__, __file__, sys.argv, far.NAME)\nprint(sys.path)\n"
    )
    done = run("lib/script.py", "-a", "--", "--help", MICROPYPATH=str(here))
    assert done.stderr == b""
    said, path = done.stdout.decode().splitlines()
    assert said == ("__main__ lib/script.py ['lib/script.py', '-a', '--', '--help'] far with near")
    assert path == f"[{str(here / 'lib')!r}, {str(here)!r}]"


PATHS = {
    "": "no module named 'machine'",
    "lib": "no module named 'machine'",
    f"lib{os.pathsep}.frozen": "far with near",
    f".frozen{os.pathsep}lib": "far with near",
    f"gone{os.pathsep}.frozen{os.pathsep}{{here}}/lib": "far with near",
}


@pytest.mark.parametrize("path", PATHS)
def test_frozen_modules_where_the_path_names_them(run: Run, here: Path, path: str) -> None:
    source = "import machine, far\nprint(far.NAME)\n"
    done = run("-c", source, MICROPYPATH=path.format(here=here))
    assert PATHS[path] in (done.stdout + done.stderr).decode()


def test_order_of_the_path(run: Run, here: Path) -> None:
    (here / "lib" / "machine.py").write_text("NAME = 'mine'\n")
    (here / "lib" / "near.py").write_text("NAME = 'the second'\n")
    source = "import machine, near\nprint(hasattr(machine, 'NAME'), near.NAME)"
    for path, found in ((".frozen:lib", "False"), ("lib:.frozen", "True")):
        path = path.replace(":", os.pathsep)
        assert run("-c", source, MICROPYPATH=path).stdout.decode() == f"{found} near\n"


def test_modules_and_programs_from_standard_input(run: Run, here: Path) -> None:
    assert run("-m", "package").stdout == b"main of package\n"
    (here / "near.py").write_text("import sys\nprint(__name__, sys.argv)")
    assert run("-m", "near", "x").stdout == b"__main__ ['near.py', 'x']\n"
    for words in ((), ("-",)):
        done = run(*words, given=b"print(6 * 7)\n1/0\n")
        assert (done.returncode, done.stdout) == (1, b"42\n")
        assert b'File "<stdin>", line 2, in <module>' in done.stderr


def test_standard_input_is_the_programs(run: Run) -> None:
    source = (
        "import sys, select\n"
        "print(input('name? '))\n"
        "print(repr(sys.stdin.readline()))\n"
        "print(sys.stdin.buffer.read(3))\n"
        "poller = select.poll(); poller.register(sys.stdin, 1)\n"
        "print(len(poller.poll(0)))\n"
        "print([line for line in sys.stdin], repr(sys.stdin.read()))\n"
        "print(len(poller.poll(0)))\n"
        "try: input()\n"
        "except EOFError: print('over')\n"
    )
    done = run("-c", source, given=b"bob\nsecond\n\x03\x04\x00rest\nlast")
    assert done.stderr == b""
    assert done.stdout.decode() == (
        "name? bob\n'second\\n'\nb'\\x03\\x04\\x00'\n1\n['rest\\n', 'last'] ''\n1\nover\n"
    )


def test_a_large_file_through_a_program(run: Run) -> None:
    data = os.urandom(300_000)
    source = (
        "import sys\nwhile data := sys.stdin.buffer.read(4096): sys.stdout.buffer.write(data)\n"
    )
    assert run("-c", source, given=data).stdout == data


@posix
def test_input_that_is_not_asked_for_is_left_to_the_next(here: Path) -> None:
    (here / "in").write_bytes(b"one\n" + b"x" * 200_000)
    source = "import time\ns = 0\nfor i in range(300000): s += i\ntime.sleep_ms(20)\nprint(s)"
    with (here / "in").open("rb") as given:
        subprocess.run([*COMMAND, "-c", source], cwd=here, stdin=given, check=True, timeout=60)
        assert given.read(4) == b"one\n"


def test_errors_and_output_stay_in_order(here: Path) -> None:
    source = (
        "import sys\nfor i in range(3):\n"
        "    print('out', i)\n    print('err', i, file=sys.stderr)\n1/0\n"
    )
    done = subprocess.run(
        [*COMMAND, "-c", source],
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        text=True,
    )
    lines = done.stdout.splitlines()
    assert lines[:6] == [f"{what} {i}" for i in range(3) for what in ("out", "err")]
    assert lines[-1] == "ZeroDivisionError: divide by zero"


def test_files_of_the_computer(run: Run, here: Path) -> None:
    source = (
        "import os\n"
        f"assert os.getcwd() == {str(here)!r}\n"
        "with open('made', 'w') as f: f.write('x' * 10000)\n"
        "os.rename('made', 'kept'); os.mkdir('d'); print(sorted(os.listdir()))\n"
        f"print(os.stat({str(here / 'kept')!r})[6], os.statvfs('/')[3] > 0)\n"
        "os.chdir('d'); print(open('../kept').read(3), os.getenv('A_NAME'), os.getenv('B', 1))\n"
    )
    done = run("-c", source, A_NAME="value")
    assert done.stderr == b""
    assert done.stdout.decode() == (
        "['d', 'kept', 'lib', 'near.py', 'package']\n10000 True\nxxx value 1\n"
    )


# -------------------------------------------------------------------------------------- the signals


@posix
@pytest.mark.parametrize(
    "source", ["while True: pass", "import time; time.sleep(100)", "input()"], ids=range(3)
)
def test_ctrl_c(here: Path, source: str) -> None:
    with started(here, source) as process:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.endswith(b"KeyboardInterrupt: \n")
    assert b'File "<stdin>", line 2, in <module>' in errors


@posix
def test_ctrl_c_can_be_handled(here: Path) -> None:
    source = "try:\n    while True: pass\nexcept KeyboardInterrupt: print('handled')\n"
    with started(here, source) as process:
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (0, b"handled\n", b"")


@posix
def test_other_signals_end_it(here: Path) -> None:
    with started(here, "while True: pass") as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM


@posix
def test_nobody_reads(here: Path) -> None:
    with started(here, "while True: print('x')") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(30) == 141


@posix
def test_in_a_terminal(here: Path) -> None:
    (here / "script.py").write_text("print('hello', input('name? '))\nwhile True: pass\n")
    with Person("virtual", "run", "script.py", folder=here) as person:
        person.sees(r"name\? ")
        person.types("bob\r")
        person.sees("hello bob\r\n")
        person.types("\x03")
        assert person.status() == 130
        assert "KeyboardInterrupt" in person.rest()


@posix
def test_the_prompt_in_a_terminal(here: Path) -> None:
    with Person("virtual", "run", folder=here) as person:
        person.sees(">>> ")
        person.types("import near, machine; near.NAME\r")
        person.sees(r"'near'\s+>>> ")
        person.types("\x04")
        assert person.status() == 0
