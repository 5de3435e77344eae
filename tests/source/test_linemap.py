# SPDX-License-Identifier: Apache-2.0
"""A board's traceback in the host's words."""

from __future__ import annotations

import linecache
import random
from pathlib import Path

import pytest

from belay.source.linemap import HERE, BoardFrame, Origin, SourceMap

SOURCE = "def area(w, h):\n    return w / h\n\narea(1, 0)\n"


def test_tags_differ_and_begin_with_the_sessions_prefix() -> None:
    sources = SourceMap("a7f3")
    tags = [sources.add(Origin("file.py", first_line=line)) for line in range(300)]
    assert len(set(tags)) == 300
    assert tags[0] == "a7f30"
    assert all(tag.startswith("a7f3") for tag in tags)
    assert sources.add(Origin("file.py", first_line=7)) == tags[7]


def test_what_is_sent_without_a_tag_of_its_own() -> None:
    here = Origin(HERE, text="a = 1\nf(a)")
    text = (
        'Traceback (most recent call last):\n  File "<belay>", line 9, in run\n'
        '  File "{}", line 2, in <module>\n  File "<string>", line 1, in <module>\nKeyError: 1\n'
    )
    for name in (HERE, "<string>", "<stdin>"):
        frames, _ = SourceMap("t").frames(text.format(name), here)
        # The second one is what the program itself evaluates.
        assert [frame.source for frame in frames] == ["f(a)", ""], name
    frames, _ = SourceMap("t").frames(text.format("other.py"), here)
    assert [frame.source for frame in frames] == ["", ""]


def test_a_file_of_the_host(tmp_path: Path) -> None:
    path = tmp_path / "area.py"
    path.write_text("import belay\n\n" + SOURCE)
    sources = SourceMap("t")
    tag = sources.add(Origin(str(path), first_line=3))
    text, frames = sources.translate(
        "Traceback (most recent call last):\n"
        '  File "<belay>", line 200, in handle\n'
        '  File "<belay>", line 100, in answer\n'
        f'  File "{tag}", line 4, in <module>\n'
        f'  File "{tag}", line 2, in area\n'
        "ZeroDivisionError: divide by zero\n"
    )
    assert frames == (
        BoardFrame(str(path), 6, "<module>", "area(1, 0)"),
        BoardFrame(str(path), 4, "area", "return w / h"),
    )
    assert text == (
        "Traceback (most recent call last):\n"
        f'  File "{path}", line 6, in <module>\n'
        "    area(1, 0)\n"
        f'  File "{path}", line 4, in area\n'
        "    return w / h\n"
        "ZeroDivisionError: divide by zero\n"
    )


def test_a_cell_is_called_by_its_label() -> None:
    sources = SourceMap("t")
    tag = sources.add(Origin("<ipython-input-3>", label="Cell In[3]", text=SOURCE))
    text, frames = sources.translate(
        f'Traceback (most recent call last):\r\n  File "{tag}", line 2, in area\r\nOSError: 5\r\n'
    )
    assert frames[0].label == "Cell In[3]"
    assert text == (
        "Traceback (most recent call last):\n"
        "  Cell In[3], line 2, in area\n"
        "    return w / h\n"
        "OSError: 5\n"
    )


def test_two_sources_that_call_each_other() -> None:
    sources = SourceMap("t")
    outer = sources.add(Origin("outer.py", 10, text="def outer():\n    inner()\n"))
    inner = sources.add(Origin("inner.py", 20, text="def inner():\n    1 / 0\n"))
    _, frames = sources.translate(
        f'Traceback (most recent call last):\n  File "{outer}", line 2, in outer\n'
        f'  File "{inner}", line 2, in inner\nZeroDivisionError: divide by zero\n'
    )
    assert [(frame.filename, frame.line, frame.source) for frame in frames] == [
        ("outer.py", 11, "inner()"),
        ("inner.py", 21, "1 / 0"),
    ]


def test_what_is_not_ours_keeps_the_boards_name() -> None:
    sources = SourceMap("t")
    text, frames = sources.translate(
        'Traceback (most recent call last):\n  File "lib/sensor.py", line 7, in read\n'
        '  File "<stdin>", line 1\nOSError: [Errno 5] EIO\n'
    )
    assert frames == (
        BoardFrame("lib/sensor.py", 7, "read"),
        BoardFrame("<stdin>", 1, "<module>"),
    )
    assert '  File "lib/sensor.py", line 7, in read\nF' not in text
    assert text.endswith("OSError: [Errno 5] EIO\n")


def test_a_syntax_error_has_one_frame() -> None:
    sources = SourceMap("t")
    tag = sources.add(Origin("<cell>", text="x = = 1"))
    text, frames = sources.translate(
        f'Traceback (most recent call last):\n  File "{tag}", line 1\nSyntaxError: invalid syntax\n'
    )
    assert frames == (BoardFrame("<cell>", 1, "<module>", "x = = 1"),)
    assert "x = = 1" in text


@pytest.mark.parametrize(
    "message",
    [
        "ValueError: one\ntwo\n  three",
        "KeyError: ",
        "ValueError: a\x0cb\u2028c",
        "SystemExit: ",
        "",
    ],
)
def test_messages_of_any_shape_stay_whole(message: str) -> None:
    sources = SourceMap("t")
    text, frames = sources.translate(
        f'Traceback (most recent call last):\n  File "x.py", line 1, in f\n{message}\n'
    )
    assert len(frames) == 1
    assert text.endswith(f"in f\n{message}\n" if message else "in f\n\n")
    assert sources.frames(message)[1] == message


def test_an_exception_without_frames() -> None:
    text, frames = SourceMap("t").translate("MemoryError: memory allocation failed\n")
    assert frames == ()
    assert text == "MemoryError: memory allocation failed\n"


def test_a_chain_keeps_the_last_message() -> None:
    # CircuitPython shows what an exception was raised from.
    text, frames = SourceMap("t").translate(
        'Traceback (most recent call last):\n  File "a.py", line 1, in f\nOSError: 1\n\n'
        "During handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "b.py", line 2, in g\nValueError: 2\n'
    )
    assert [frame.filename for frame in frames] == ["a.py", "b.py"]
    assert text.endswith("ValueError: 2\n")


def test_where_a_line_is_found() -> None:
    origin = Origin("nowhere.py", first_line=5, text="a\n\n  b\n'\u2028'\nc")
    assert [origin.line(number) for number in range(3, 11)] == [
        *["", ""],
        *["a", "", "b", "'\u2028'", "c", ""],
    ]
    assert Origin("nowhere.py").line(1) == ""
    name = "<belay test cell>"
    linecache.cache[name] = (3, None, ["from the cache\n"], name)
    try:
        assert Origin(name, text="sent").line(1) == "from the cache"
        assert Origin(name, text="sent\nmore").line(2) == "more"
    finally:
        del linecache.cache[name]


def test_random_text_never_raises() -> None:
    draw = random.Random(5)
    sources = SourceMap("t")
    tag = sources.add(Origin("file.py", 3, text="x\ny"))
    words = ["\n", "\r", "  ", f'File "{tag}", line ', '  File "', '", line ', "1", "9" * 5000]
    words += ["-1", ", in ", "<module>", "Traceback (most recent call last):", "é", "\0", "\u2028"]
    for _ in range(3000):
        sources.translate("".join(draw.choices(words, k=12)))


def test_files_of_the_board_are_shown_as_the_hosts(tmp_path: Path) -> None:
    package = tmp_path / "project" / "robot"
    package.mkdir(parents=True)
    (package / "arm.py").write_text("def lift():\n    return 1 / 0\n")
    (tmp_path / "helper.py").write_text("x = 1\n")
    (tmp_path / "main file.py").write_text("y = 2\n")
    sources = SourceMap("a")
    sources.add_folder("/lib", tmp_path / "project")
    sources.add_folder("/", tmp_path)
    sources.add_folder("/main.py", tmp_path / "main file.py")
    for name, path, line in [
        ("/lib/robot/arm.py", package / "arm.py", "return 1 / 0"),
        ("lib/robot/arm.py", package / "arm.py", "return 1 / 0"),
        ("helper.py", tmp_path / "helper.py", ""),
        ("/main.py", tmp_path / "main file.py", ""),
    ]:
        frame = sources.frames(f'  File "{name}", line 2, in f\nE: x')[0][0]
        assert (frame.filename, frame.line, frame.source) == (str(path), 2, line)
    for name in ("/lib/robot/none.py", "/libx/robot/arm.py", "../etc/passwd", "<stdin>", ""):
        assert sources.frames(f'  File "{name}", line 2, in f\nE: x')[0][0].filename == name


def test_what_is_c_on_a_real_board_has_no_frame() -> None:
    text = '  File "main.py", line 2, in f\n  File "/.board/_i2c.py", line 9, in scan\nOSError: 5'
    frames, message = SourceMap("a").frames(text)
    assert [frame.filename for frame in frames] == ["main.py"]
    assert message == "OSError: 5"
