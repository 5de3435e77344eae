# SPDX-License-Identifier: Apache-2.0
"""What needs neither a kernel nor a board."""

from __future__ import annotations

from typing import cast

import pytest
from IPython.core.interactiveshell import InteractiveShell

from belay.transports.usb import UsbSpecifier
from belay_jupyter.auto import Auto
from belay_jupyter.boards import Boards, NotConnectedError
from belay_jupyter.cells import locate_in_line
from belay_jupyter.magics import BelayMagics
from belay_jupyter.options import split
from belay_jupyter.output import Labelled
from belay_jupyter.parallel import BoardErrors
from belay_jupyter.reports import cost_of, table
from belay_jupyter.transfer import TransferError, given_values, wanted_names


@pytest.mark.parametrize(
    ("cell", "becomes"),
    [
        ("# %%device\nx\n", "%%device\nx\n"),
        ("#%%device -t a\nx\n", "%%device -t a\nx\n"),
        ("\n\n# %%device --bg\nx\n", "%%device --bg\nx\n"),
        ("# %%devices\nx\n", "# %%devices\nx\n"),
        ("%%host\nx\n", "\nx\n"),
        ("# %%host\nx\n", "\nx\n"),
        ("x\n", "x\n"),
        ("", ""),
    ],
)
def test_marked_cells(cell: str, becomes: str) -> None:
    assert "".join(Auto().transform(cell.splitlines(keepends=True))) == becomes


RAN = "get_ipython().run_cell_magic('device', "


@pytest.mark.parametrize(
    ("cell", "becomes"),
    [
        ("x\n", "%%device \nx\n"),
        ("\n# a comment\nx\n", "%%device \n\n# a comment\nx\n"),
        ("%%device\nx\n", "%%device\nx\n"),
        ("# %%device\nx\n", "%%device\nx\n"),
        ("%%time\nx\n", "%%time\nx\n"),
        ("%%host\nx\n", "\nx\n"),
        ("%belay_list\n", "%belay_list\n"),
        ("!ls\n", "!ls\n"),
        ("led?\n", "led?\n"),
        ("?led.value\n", "?led.value\n"),
        ("\n", "\n"),
        ("%time 1\n\nx\ny\n", f"%time 1\n\n{RAN}'', 'x\\ny\\n')\n"),
    ],
)
def test_all_cells_to_the_board(cell: str, becomes: str) -> None:
    auto = Auto()
    auto.on = True
    assert "".join(auto.transform(cell.splitlines(keepends=True))) == becomes
    assert auto.goes_to_board(cell) == ("device" in becomes)


def test_where_the_part_of_the_board_begins() -> None:
    auto = Auto()
    assert auto.body_line("\n# %%device\nx") == 2
    assert auto.body_line("x") is None
    auto.on, auto.target = True, "left"
    assert auto.body_line("%time 1\nx") == 1
    assert auto.body_line("x") == 0
    assert auto.body_line("%%host\nx") is None
    assert auto.transform(["x\n"]) == ["%%device -t left\n", "x\n"]


def test_values_for_the_board() -> None:
    here = {"a": 1, "b": [2, 3]}
    assert given_values(["a", "b,c=max(b)", "'d=[i for i in b if i > a]'"], here) == {
        "a": 1,
        "b": [2, 3],
        "c": 3,
        "d": [2, 3],
    }
    for text, part in [
        ("missing", "NameError"),
        ("1", "give names"),
        ("a b", "give names"),
        ("**b", "give names"),
        ("", "give names"),
        ("c=1/0", "division by zero"),
    ]:
        with pytest.raises(TransferError, match=part):
            given_values([text], here)


def test_names_from_the_board() -> None:
    assert wanted_names(["x,y", "z", "x"]) == ["x", "y", "z"]
    for wrong in ("x.y", "class", ""):
        with pytest.raises(TransferError, match=f"-o {wrong}: give names"):
            wanted_names([wrong])


@pytest.mark.parametrize(
    ("line", "target", "code"),
    [
        ("1 + 1", "", "1 + 1"),
        ("-t left -x", "left", "-x"),
        ("--target=left 'a  b'", "left", "'a  b'"),
        ("--no-result print('-t', 1)", "", "print('-t', 1)"),
        ("-1", "", "-1"),
    ],
)
def test_options_in_front_of_code(line: str, target: str, code: str) -> None:
    options, rest = split(BelayMagics.device, line)
    assert (options.target, rest) == (target, code)


def test_the_line_of_a_line_magic() -> None:
    cell = "x = 1\n\ny = %device led.value()\n"
    assert locate_in_line("led.value()", cell) == 3
    assert locate_in_line("nowhere", cell) is None


def test_output_is_labelled_by_line() -> None:
    out = Labelled("a", 3)
    out.write("one\r\ntw")
    assert out.taken() == "[a]   one\n"
    assert out.taken() == ""
    out.write("o\n10 %\r20")
    assert out.taken() == "[a]   two\n[a]   10 %\r"
    assert out.taken(rest=True) == "[a]   20\n"
    assert out.taken(rest=True) == ""


def test_reports() -> None:
    assert table([["a", "1"], ["bcd", ""]], ("N", "V")) == "N    V\n-    -\na    1\nbcd"
    assert cost_of((900, 5000, 4000, 4500)) == (
        "900 us on the board; heap free before: 5,000 B, after: 4,500 B (500 B less), and 500 B "
        "of garbage"
    )
    assert cost_of((1_500_000, 10, 10, 10)).startswith("1.500 s on the board; ")
    assert "12.345 ms" in cost_of((12_345, 10, 10, 12))
    assert cost_of((3_661_000_000, 1, 1, 1)).startswith("1:01:01 h")


def test_errors_of_several_boards() -> None:
    one, two = ValueError("one"), ValueError("two")
    error = BoardErrors("2 of 3", {"a": one, "b": two}, {"c": 7})
    assert error.exceptions == (one, two)
    assert (str(error), error.results, error.errors["b"]) == ("2 of 3", {"c": 7}, two)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_board_without_an_address(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    devices = [
        UsbSpecifier(
            vid=1, product="Pico", serial_number=str(number), device=f"/dev/ttyACM{number}"
        )
        for number in range(count)
    ]
    monkeypatch.setattr("belay.transports.usb.list_devices", lambda: devices)
    monkeypatch.delenv("BELAY_DEVICE", raising=False)
    boards = Boards(cast(InteractiveShell, None))
    if count == 1:
        assert boards.only_one() == "/dev/ttyACM0"
        return
    with pytest.raises(NotConnectedError) as caught:
        boards.connect()
    first, *typed = str(caught.value).split("\n")
    assert first.startswith("which board? (there ")
    assert all(line.startswith("%belay_connect ") for line in typed)
    if count:
        assert typed == [
            "%belay_connect /dev/ttyACM0   # Pico, 0",
            "%belay_connect /dev/ttyACM1   # Pico, 1",
            "%belay_connect virtual:       # a MicroPython on this computer, no hardware needed",
        ]
    monkeypatch.setenv("BELAY_DEVICE", "socket://there:1")
    assert boards.known_address() == "socket://there:1"
