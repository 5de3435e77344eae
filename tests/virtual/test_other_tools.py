# SPDX-License-Identifier: Apache-2.0
"""rshell, and the part of Thonny that talks to boards, drive a board that ``belay virtual`` serves.

Both as their authors publish them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.virtual.toolenvironments import python_with

RSHELL, THONNY = "0.0.36", "5.0.1"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a pseudo terminal")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    link = tmp_path_factory.mktemp("board") / "port"
    command = [sys.executable, "-m", "belay", "virtual", "--pty", str(link)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "ready at" in process.stderr.readline()
        yield str(link)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_rshell(port: str, tmp_path: Path) -> None:
    python = python_with(f"rshell-{RSHELL}", f"rshell=={RSHELL}")

    data = bytes(range(256)) * 4
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "data.bin").write_bytes(data)
    (tmp_path / "folder" / "main.py").write_text("print('hello from main')\n")
    (tmp_path / "script").write_text(
        "rsync folder /pyboard\nls /pyboard\ncp /pyboard/data.bin back.bin\n"
        "cat /pyboard/main.py\nrepl ~ print(6 * 7) ~\nrm /pyboard/data.bin\nls /pyboard\n"
    )
    program = "import sys; from rshell.command_line import main; sys.exit(main())"
    command = [python, "-c", program, "--quiet", "--nocolor", "-p", port, "-f", "script"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "back.bin").read_bytes() == data
    before, after = done.stdout.split("print('hello from main')\n")
    assert "data.bin" in before
    assert "42" in after
    assert after.split()[-1] == "main.py"


DRIVER = """
import json, sys
from thonny import common

for line in sys.stdin:  # to Thonny's process, which has no other way to write its messages
    kind, name, values = json.loads(line)
    values = {k: v.encode() if k == "content_bytes" else v for k, v in values.items()}
    print(common.serialize_message(getattr(common, kind)(name, **values)), flush=True)
"""

READER = """
import json, sys
from thonny import common

for line in sys.stdin:
    if line.startswith(common.MESSAGE_MARKER):
        print(json.dumps(vars(common.parse_message(line)), default=repr), flush=True)
"""


class Thonny:
    """Thonny's process for boards, as its window starts it."""

    def __init__(self, port: str, folder: Path) -> None:
        python = python_with(
            f"thonny-{THONNY}", f"thonny=={THONNY}", "pyserial", dependencies=False
        )
        options = {
            "port": port,
            "clean": True,
            "interrupt_on_connect": True,
            "local_rtc": False,
            "sync_time": True,
        }
        program = "thonny.plugins.micropython.bare_metal_backend"
        environment = {**os.environ, "THONNY_USER_DIR": str(folder)}
        pipe = subprocess.PIPE
        self.writer = subprocess.Popen([python, "-c", DRIVER], stdin=pipe, stdout=pipe, text=True)
        self.process = subprocess.Popen(
            [python, "-u", "-m", program, repr(options)],
            stdin=self.writer.stdout,
            stdout=pipe,
            env=environment,
        )
        self.reader = subprocess.Popen(
            [python, "-c", READER], stdin=self.process.stdout, stdout=pipe, text=True
        )
        for handed_on in (self.writer.stdout, self.process.stdout):
            assert handed_on is not None
            handed_on.close()

    def until(self, event: str) -> tuple[str, dict[str, Any]]:
        """All output up to an event, and the event."""
        output = ""
        assert self.reader.stdout is not None
        for line in self.reader.stdout:
            message = json.loads(line)
            if message["event_type"] == "ProgramOutput":
                output += message["data"]
            if message["event_type"] == event:
                return output.replace("\r\n", "\n"), message
        raise AssertionError(f"Thonny ended without {event}, after {output!r}")

    def asks(self, event: str, kind: str, name: str, **values: Any) -> tuple[str, dict[str, Any]]:
        """Give a command and wait for its answer."""
        assert self.writer.stdin is not None
        self.writer.stdin.write(json.dumps([kind, name, values]) + "\n")
        self.writer.stdin.flush()
        return self.until(event)

    def close(self) -> None:
        for process in (self.process, self.writer, self.reader):
            process.kill()
            process.wait()
        for stream in (self.writer.stdin, self.reader.stdout):
            assert stream is not None
            stream.close()


def test_thonny(port: str, tmp_path: Path) -> None:
    thonny = Thonny(port, tmp_path)
    try:
        _, ready = thonny.until("ToplevelResponse")
        assert ready["welcome_text"].startswith("MicroPython v1.27")
        output, _ = thonny.asks(
            "ToplevelResponse", "ToplevelCommand", "execute_source", source="print(6 * 7)\n"
        )
        assert output == "42\n"
        script = "import machine\nled = machine.Pin(25)\nprint(led)\n1/0\n"
        output, _ = thonny.asks(
            "ToplevelResponse", "ToplevelCommand", "Run",
            argv=["-c", "x"], args=["x.py"], source=script, script_path="x.py", expected_cwd="/",
        )  # fmt: skip
        assert "MPY: soft reboot\nPin(GPIO25, mode=IN)\nTraceback" in output
        assert output.endswith("line 4, in <module>\nZeroDivisionError: divide by zero\n")
        _, found = thonny.asks(
            "get_globals_response", "InlineCommand", "get_globals", module_name="__main__"
        )
        assert {"machine", "led"} <= set(found["globals"])
        thonny.asks(
            "write_file_response", "InlineCommand", "write_file",
            path="/t.txt", content_bytes="from Thonny", editor_id=1,
            make_shebang_scripts_executable=False, id=1,
        )  # fmt: skip
        output, _ = thonny.asks(
            "ToplevelResponse", "ToplevelCommand", "execute_source",
            source="print(open('/t.txt').read())\n",
        )  # fmt: skip
        assert output == "from Thonny\n"
        _, found = thonny.asks("get_fs_info_response", "InlineCommand", "get_fs_info", path="/")
        assert found["used"] + found["free"] == found["total"] == 4 << 20
        assert found["used"] % 4096 == 0 < found["used"]
    finally:
        thonny.close()
