# SPDX-License-Identifier: Apache-2.0
"""Cells on a board, without a notebook around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

import belay
from belay.transports import open_transport
from belay_jupyter.boards import Board, Boards
from belay_jupyter.cells import CellSource
from belay_jupyter.running import CellResult, CellWish, run_cell
from tests.links.counting import CountingLink
from tests.session.boards import pretend

FREE = "import gc\ngc.collect()\ngc.mem_free()"


class Cells:
    """A board that runs cells."""

    def __init__(self, device: belay.Device) -> None:
        self.device = device
        unprepared = SimpleNamespace(prepare=lambda board, error: None)
        self._board = Board("board", device, cast(Boards, unprepared))
        self._number = 0

    def run(self, text: str, **wish: Any) -> CellResult:
        self._number += 1
        source = CellSource(f"<cell {self._number}>", 1, f"Cell In[{self._number}]", text)
        return run_cell(self._board, source, CellWish(**wish))

    def free(self) -> int:
        """Bytes of heap; asked twice, since the first answer counts what asking leaves behind."""
        return [cast(int, self.run(FREE).value) for _ in range(2)][1]


@pytest.fixture
def connect() -> Iterator[Callable[..., Cells]]:
    made: list[belay.Device] = []

    def connected(address: Any = "virtual:", **options: Any) -> Cells:
        made.append(belay.Device(address, startup="", reset=False, **options))
        return Cells(made[-1])

    yield connected
    for device in made:
        device.close()


@pytest.fixture(scope="module")
def cells() -> Iterator[Cells]:
    with belay.Device("virtual:", startup="", reset=False) as device:
        yield Cells(device)


def test_a_cell_is_one_round_trip_whatever_is_wanted_of_it(
    connect: Callable[..., Cells], monkeypatch: pytest.MonkeyPatch
) -> None:
    link = CountingLink(open_transport("virtual:"))
    cells = connect(link)
    monkeypatch.setattr(cells.device._lines, "source", iter(["typed\n"]).__next__)
    wishes: list[tuple[str, dict[str, Any], Any]] = [
        ("import sys\nsys.stdin.readline()", {"measured": True}, "typed\n"),  # all extensions
        ("x + 1", {"inputs": {"x": 3}, "outputs": ["x"]}, 4),
        ("print(x)\nx", {"measured": True}, 3),
        ("[x]", {}, [3]),
    ]
    for text, wish, value in wishes:
        link.reset()
        result = cells.run(text, **wish)
        assert result.value == value
        assert link.round_trips == 1 + (value == "typed\n")
        assert (result.cost is not None) == wish.get("measured", False)
    link.reset()
    made = cells.run("object()").value
    assert repr(made) == "<ProxyObject object at virtual:, handle 1>"
    assert link.round_trips == 1


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("[1, 'a', (2.5, {3: [None, b'x']}), {4}, range(3)]", False),
        ("{}.keys()", False),
        ("__import__('array').array('i', [1])", False),
        ("[[]] * 3", False),
        ("[1, object()]", True),
        ("{'a': [object()]}", True),
        ("{object(): 1}", True),
        ("(len,)", True),
        ("x = []\nx.append(x)\nx", True),
        ("(i for i in 'ab')", True),
        ("x = y = []\nfor i in range(200): y.append([]); y = y[0]\nx", True),
    ],
)
def test_what_stays_on_the_board(cells: Cells, text: str, stays: bool) -> None:
    assert isinstance(cells.run(text).value, belay.ProxyObject) == stays
    assert isinstance(cells.run(text, proxy=True).value, belay.ProxyObject)


def test_a_cell_costs_the_board_what_the_bare_statements_cost(
    connect: Callable[..., Cells],
) -> None:
    """Its text is not kept there. Bounds leave room for the blocks that a heap is made of."""
    text = "\n".join(
        f"def f{i}(x):\n    # what a comment says stays at home\n    y = x * {i} + 1\n"
        f"    for k in range(y):\n        y += k * 3\n    return [y, x, {i}]\n"
        for i in range(50)
    )
    cells = connect()
    before = cells.free()
    cells.run(text)
    as_a_cell = before - cells.free()
    bare = connect()
    before = bare.free()
    bare.device(text, minify=False, record=False)
    as_statements = before - bare.free()
    assert abs(as_a_cell - as_statements) <= 256
    assert as_a_cell < len(text)

    before = cells.free()
    for number in range(100):  # nothing of these can run later: no name of a source stays
        cells.run(f"x = {number}")
    assert before - cells.free() <= 256
    for number in range(100):
        cells.run(f"def g(): return {number}")
    assert before - cells.free() <= 100 * 32


def test_after_a_reset_of_the_board_all_is_there_again(connect: Callable[..., Cells]) -> None:
    cells = connect()
    assert cells.run("1", measured=True).value == 1
    with pytest.raises(belay.errors.BoardResetError):
        cells.run("import machine\nmachine.soft_reset()")
    assert cells.run("'stdin', 2", measured=True).value == ("stdin", 2)


def test_a_board_without_room_for_the_agent(
    connect: Callable[..., Cells],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pretend(monkeypatch, free=9 * 1024)
    cells = connect()
    result = cells.run("y = x + [1]\nprint('ran')\ny", inputs={"x": [1.5]}, outputs=["y"])
    assert (result.value, result.outputs) == ([1.5, 1], {"y": [1.5, 1]})
    assert cells.run("object()").value is None
    out, err = capsys.readouterr()
    assert out == "ran\n"
    assert "The cell ran; its last value stays on the board" in err
