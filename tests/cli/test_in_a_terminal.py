# SPDX-License-Identifier: Apache-2.0
"""Commands with a pseudo-terminal around them: what they show, and their exit statuses.

Those that a person types into, such as ``terminal``, are in the other modules, with a Person.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from belay.cli import main
from belay.transports.virtual import close_shared

Belay = Callable[..., tuple[int, str]]

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")


@pytest.fixture
def belay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Belay]:
    """Runs a command in a terminal; gives its exit status and what it left on the screen."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: str) -> tuple[int, str]:
        master, slave = os.openpty()
        seen = bytearray()

        def read() -> None:
            try:
                while data := os.read(master, 4096):
                    seen.extend(data)
            except OSError:  # the other end is closed
                return

        reader = threading.Thread(target=read)
        reader.start()
        with monkeypatch.context() as patched:
            files = [os.fdopen(os.dup(slave), mode) for mode in ("r", "w", "w")]
            for name, file in zip(("stdin", "stdout", "stderr"), files, strict=True):
                patched.setattr(sys, name, file)
            status = main(arguments)
        for file in files:
            file.close()
        os.close(slave)
        reader.join()
        os.close(master)
        return status, _ESCAPES.sub("", seen.decode()).replace("\r", "")

    yield run
    close_shared()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which commands run."""
    (tmp_path / "src" / "lib").mkdir(parents=True)
    (tmp_path / "src" / "main.py").write_text("print('main')\n")
    (tmp_path / "src" / "lib" / "a.py").write_text("a = 1\n")
    (tmp_path / "big.bin").write_bytes(bytes(range(256)) * 400)
    editor = tmp_path / "editor.py"
    editor.write_text("import sys\nopen(sys.argv[1], 'a').write('more\\n')\n")
    monkeypatch.setenv("VISUAL", f"'{sys.executable}' '{editor}'")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("BELAY_DEVICE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


STEPS = [
    (
        "sync B src --no-minify --dry-run",
        0,
        r"^\+ /lib/\n\+ /lib/a.py .*\n\+ /main.py .*\n2 to write .*\n$",
    ),
    ("sync B src --no-minify", 0, r"2 written \(20 bytes\), 0 removed, 0 unchanged\n$"),
    ("ls B", 0, r"^    lib/\n14  main.py\n$"),
    ("ls B :nothing", 1, r"^belay: /nothing: there is no such file.*\n$"),
    ("ls -t B -t virtual:other", 0, r"\[virtual:terminal\] +14  main.py\n"),
    ("tree B", 0, r"^:/\n├── lib\n│   └── a.py\n└── main.py\n$"),
    ("cat B :lib/a.py", 0, r"^a = 1\n$"),
    ("cp B big.bin :", 0, r"/big.bin .*/102.4 kB"),
    ("cp B :big.bin copy.bin", 0, ""),
    ("cp B src :", 1, r"^belay: src is a folder; -r copies it with all that is in it\n$"),
    ("cp -r B src :", 0, ""),
    ("mkdir B :new", 0, "^$"),
    ("mv B :src/main.py :new", 0, "^$"),
    ("hash B :new/main.py", 0, r"^[0-9a-f]{64}  /new/main.py\n$"),
    ("rm B :new", 1, r"-r removes it"),
    ("rm -r B :new :src :big.bin", 0, "^$"),
    ("df -H B", 0, r"^MOUNTED AT .*\n:/  .*4\.0M"),
    ("edit B :main.py", 0, r"^:/main.py: 19 bytes written\n$"),
    ("tree -s B", 0, r"^:/\n├── lib\n│   └── \[6\] a.py\n└── \[19\] main.py\n$"),
    ("mount B src main.py", 0, r"^main\n$"),
    ("circuitpython enable-write B", 1, r"^belay: this board runs micropython"),
    ("rm", 2, r"^belay: rm: an argument is missing.*\n$"),
    ("cp B --wrong", 2, r"^belay: cp: .*--wrong"),
    ("devices", 0, r"^There is no board on USB"),
    ("select", 1, r"^belay: There is no board on USB"),
    ("info B", 0, r"^micropython v1\.[0-9.]+ - webassembly\nboard .*\n(.+\n)+modules  "),
    ("info B --json", 0, r'^\{\n  "implementation": "micropython",\n'),
    ("exec B 6*7", 0, r"^42\n$"),
    ("exec B 1/0", 1, r'^Traceback .*\n  File "<exec>", line 1.*\n    1/0\nZeroDivisionError: '),
    ("exec -t B -t virtual:other 6*7", 0, r"^\[virtual:(terminal|other)\] +42\n\["),
    ("exec --wrong", 2, r"^belay: exec: .*--wrong.*\n$"),
    ("run B main.py", 2, r"^belay: run: there is no 'main.py'.*\n$"),
    ("run B src/main.py", 0, r"^main\n$"),
    ("rtc B", 0, r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  \(.*\)\n$"),
    ("latency B -c 2", 0, r"^Statistics \(2 samples\):\n  Min: .* ms\n"),
    ("reset B", 0, r"^$"),
    ("bootloader B", 0, r"^$"),
    ("completion bash", 0, r"\ncomplete .* belay\n"),
    ("version", 0, r"^belay +[0-9.]+.*\npython "),
    ("virtual --tcp 99999", 2, r"^belay: virtual: --tcp 99999: .*\n$"),
]


def test_commands_one_after_the_other(
    here: Path, belay: Belay, monkeypatch: pytest.MonkeyPatch
) -> None:
    from belay.transports import boards, usb

    monkeypatch.setattr(usb, "list_devices", list)
    monkeypatch.setattr(boards, "list_devices", list, raising=False)
    for line, status, shows in STEPS:
        words = ["virtual:terminal" if word == "B" else word for word in line.split()]
        found, seen = belay(*words)
        assert (found, bool(re.search(shows, seen))) == (status, True), (line, seen)
    assert (here / "copy.bin").read_bytes() == (here / "big.bin").read_bytes()
