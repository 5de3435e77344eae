# SPDX-License-Identifier: Apache-2.0
"""I2C: who is on the bus, and the registers of a device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from belay_jupyter import polling
from belay_jupyter.views.base import View, table
from belay_jupyter.views.registers import Register, RegisterMap
from belay_jupyter.views.registertable import RegisterTable
from belay_jupyter.views.spi import bytes_of

if TYPE_CHECKING:
    from belay.proxies import ProxyObject

__all__ = ["I2CView"]

_CELL = 34
"""Pixels that one address of the grid is wide."""

_USUAL = range(0x08, 0x78)
"""Addresses of devices; the others have other meanings, and are not asked."""


class I2CView(View):
    """A grid of addresses; those that answered can be chosen.

    Below it any register of the chosen device can be read and written; where its registers are
    described, they are a table, and their fields controls.

    Args:
        proxy: the bus.
        every: seconds between two looks at the registers; or at who answers, where no device is
            chosen whose registers are described.
        address: of the device to choose.
        registers: what :func:`belay_jupyter.registers` has made, for the chosen device whatever its
            address is; or such ones by address.
    """

    def __init__(
        self,
        proxy: ProxyObject,
        every: float | None = None,
        *,
        address: int | None = None,
        registers: RegisterMap | Mapping[int, RegisterMap] | None = None,
    ) -> None:
        if address is not None and not 0 <= address < 128:
            raise ValueError(f"address={address!r}: it is a number from 0 to 127")
        by_address = dict(registers) if isinstance(registers, Mapping) else {}
        others = [one for one in by_address.values() if not isinstance(one, RegisterMap)]
        if others or not isinstance(registers, (RegisterMap, Mapping, type(None))):
            raise TypeError("registers= is what belay_jupyter.registers(…) makes of a description")
        self._maps = by_address
        self._map = registers if isinstance(registers, RegisterMap) else None
        self.address = address
        self.found: list[int] = []
        self._scanning = True
        self.table: RegisterTable | None = None
        super().__init__(proxy, every)

    def build(self) -> list[Any]:
        """The grid, a row for any register, and the place of the table."""
        self._buttons: dict[int, Any] = {}
        columns = f"36px repeat(16, {_CELL}px)"
        self._grid = widgets.GridBox(
            [], layout={"grid_template_columns": columns, "grid_gap": "2px"}
        )
        self._heading = widgets.HTML()
        narrow = {"description_width": "initial"}
        self._register = widgets.Text(
            "0x00", description="register", layout={"width": "130px"}, style=narrow
        )
        self._length = widgets.BoundedIntText(
            1, min=1, max=256, description="bytes", layout={"width": "110px"}, style=narrow
        )
        self._data = widgets.Text(placeholder="00 00", layout={"width": "140px"})
        read = widgets.Button(description="Read", layout={"width": "auto"})
        write = widgets.Button(description="Write", layout={"width": "auto"})
        read.on_click(lambda _: self._read_any())
        write.on_click(lambda _: self._write_any())
        self._any = widgets.HBox([self._register, self._length, read, self._data, write])
        self._table = widgets.VBox([])
        self._choose(self.address)
        return [self._grid, self._heading, self._any, self._table]

    def refresh(self) -> bool:
        """See who answers, and look at the registers; one message."""
        self._scanning = True
        return super().refresh()

    def question(self) -> polling.Question:
        """Who answers, if that is wanted, and the registers; those that can be read."""
        wanted = [(one.address, one.size) for one in self._readable()]
        scan = self._scanning or not wanted
        return self.on_board("buses", "look_i2c", scan, self.address or 0, wanted, self._bits())

    def shown(self, value: Any) -> None:
        """Who answered, and what the registers hold."""
        found, values = value
        if found is not None:
            self._scanning = False
            if found != self.found or not self._grid.children:
                self.found = found
                self._grid.children = list(self._cells())
        if self.table is not None and len(values) == len(list(self._readable())):
            rest = iter(values)
            every = self.table.registers.registers
            self.table.show([None if one.access == "wo" else next(rest) for one in every])

    def static(self) -> str:
        """The grid, and the registers."""
        rows = (
            [f"<b>{row:02x}</b>", *(self._mark(address) for address in range(row, row + 16))]
            for row in range(0, 128, 16)
        )
        grid = table(rows, ("", *(f"{column:x}" for column in range(16))))
        return grid if self.table is None else f"{grid}{self._heading.value}{self.table.static()}"

    # ---------------------------------------------------------------------------- the grid

    def _mark(self, address: int) -> str:
        if address in self.found:
            return f"<b>{address:02x}</b>"
        return "--" if address in _USUAL else ""

    def _cells(self) -> Iterator[Any]:
        """The grid, row by row; addresses beside each other where nobody answers are one widget."""
        flat = {"margin": "0"}
        yield widgets.HTML(layout=flat)
        yield _cells_of([f"{column:x}" for column in range(16)])
        self._buttons = {}
        for row in range(0, 128, 16):
            yield widgets.HTML(f"<b>{row:02x}</b>", layout=flat)
            for answered, run in groupby(range(row, row + 16), lambda one: one in self.found):
                if answered:
                    yield from map(self._button, run)
                else:
                    yield _cells_of([self._mark(address) for address in run])

    def _button(self, address: int) -> Any:
        button = widgets.Button(
            description=f"{address:02x}",
            tooltip=f"choose the device 0x{address:02x}",
            button_style="success" if address == self.address else "info",
            layout={"width": f"{_CELL}px", "height": "24px", "margin": "0", "padding": "0"},
        )
        button.on_click(lambda _: self._clicked(address))
        self._buttons[address] = button
        return button

    def _clicked(self, address: int) -> None:
        self._choose(address)
        if self.table is not None:
            super().refresh()

    def _choose(self, address: int | None) -> None:
        self.address = address
        for one, button in self._buttons.items():
            button.button_style = "success" if one == address else "info"
        self._any.layout.display = "none" if address is None else None
        described = None if address is None else self._maps.get(address, self._map)
        text = "Choose an address that answered." if address is None else f"Device 0x{address:02x}"
        self._heading.value = f"<b>{text}</b>"
        self.table = None
        if described is not None:
            self.table = RegisterTable(described, self._write, self.tell)
        self._table.children = [] if self.table is None else [self.table.widget]

    # ---------------------------------------------------------------------------- registers

    def _readable(self) -> Iterator[Register]:
        if self.table is not None:
            yield from (one for one in self.table.registers.registers if one.access != "wo")

    def _bits(self) -> int:
        return 8 if self.table is None else self.table.registers.address_bits

    def _write(self, register: Register, mask: int, value: int) -> None:
        """Change bits of a register, on the board; where it cannot be read, the others are 0."""
        whole = (1 << register.width) - 1
        mask = whole if register.access == "wo" else mask
        place = self.address, register.address, register.size, self._bits()
        order = register.byteorder
        self.do(self.on_board("buses", "write_i2c", *place, order, mask, value))

    def _read_any(self) -> None:
        place = self._place()
        if place is None:
            return
        wanted = [(place, self._length.value)]
        look = self.on_board("buses", "look_i2c", False, self.address, wanted, self._bits())
        answer = self._ask(look)
        if answer is not None and answer.value is not None:
            (data,) = answer.value[1]
            if isinstance(data, str):
                self.tell(data)
            else:
                self._data.value = data.hex(" ")

    def _write_any(self) -> None:
        place = self._place()
        try:
            data = bytes_of(self._data.value)
        except ValueError as error:
            self.tell(str(error))
            return
        if place is None:
            return
        size = len(data)
        how = size, self._bits(), "big", (1 << 8 * size) - 1, int.from_bytes(data, "big")
        self.do(self.on_board("buses", "write_i2c", self.address, place, *how))

    def _place(self) -> int | None:
        """The register that is named in the row for any."""
        most = (1 << self._bits()) - 1
        try:
            place = int(self._register.value, 0)
        except ValueError:
            place = -1
        if not 0 <= place <= most:
            self.tell(f"register {self._register.value!r}: a number from 0 to {most:#x}")
            return None
        return place


def _cells_of(texts: list[str]) -> Any:
    cells = "".join(f"<span>{text}</span>" for text in texts)
    return widgets.HTML(
        f'<div style="display: grid; grid-template-columns: repeat({len(texts)}, {_CELL}px); '
        f'column-gap: 2px; text-align: center; opacity: 0.6">{cells}</div>',
        # Not grid_column: the front end sets grid-area behind it, which is the same and more.
        layout={"grid_area": f"auto / span {len(texts)}", "margin": "0"},
    )
