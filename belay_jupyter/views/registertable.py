# SPDX-License-Identifier: Apache-2.0
"""A table of registers: their values, and the fields of bits in them, to be seen and changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from belay_jupyter.views.base import table
from belay_jupyter.views.registers import Field, Register, RegisterMap

__all__ = ["RegisterTable"]

_AT_ONCE = 40
"""Registers that are shown until there is a click for more. All are read."""

Read = bytes | str | None
"""A register as it was read; or what went wrong; or nothing, for it is only written."""


class RegisterTable:
    """Widgets for the registers of one device.

    Args:
        registers: of it.
        write: called with a register, the mask of the bits to change, and their value.
        tell: called with what is wrong with an input.

    Attributes:
        widget: all of it.
        values: what was read last, by register.
    """

    def __init__(
        self,
        registers: RegisterMap,
        write: Callable[[Register, int, int], object],
        tell: Callable[[str], object],
    ) -> None:
        self.registers = registers
        self._write, self._tell = write, tell
        self.values: Sequence[Read] = [None] * len(registers)
        self._shown: list[tuple[Any, list[tuple[Field, Any]], Any]] = []
        self._rows = widgets.VBox([])
        self._more = widgets.Button(layout={"width": "auto"})
        self._more.on_click(lambda _: self._show_more())
        self.widget = widgets.VBox([self._rows, self._more])
        self._show_more()

    def show(self, values: Sequence[Read]) -> None:
        """Show what was read; None stands for a register that cannot be."""
        self.values = values
        rows = zip(self.registers.registers, values, self._shown, strict=False)
        for register, value, (number, fields, wrong) in rows:
            wrong.value = escape(value) if isinstance(value, str) else ""
            if isinstance(value, bytes):
                whole = int.from_bytes(value, register.byteorder)
                number.value = _hex(register, whole)
                for field, control in fields:
                    _set(field, control, field.of(whole))

    def static(self) -> str:
        """The registers and their fields."""
        rows = []
        for register, value in zip(self.registers.registers, self.values, strict=True):
            shown, parts = escape(value) if isinstance(value, str) else "", ""
            if isinstance(value, bytes):
                whole = int.from_bytes(value, register.byteorder)
                shown = f"<code>{_hex(register, whole)}</code>"
                parts = ", ".join(
                    f"{escape(field.name)}: {escape(_named(field, field.of(whole)))}"
                    for field in register.fields
                )
            rows.append((escape(register.name), f"<code>{_address(register)}</code>", shown, parts))
        return table(rows, ("register", "address", "value", "fields"))

    # ---------------------------------------------------------------------------- rows

    def _show_more(self) -> None:
        first = len(self._shown)
        more = self.registers.registers[first : first + (_AT_ONCE if not first else 4 * _AT_ONCE)]
        rows = [self._row(one) for one in more]
        self._rows.children = (*self._rows.children, *rows)
        left = len(self.registers) - len(self._shown)
        self._more.description = f"{left} more registers"
        self._more.layout.display = None if left else "none"
        self.show(self.values)

    def _row(self, register: Register) -> Any:
        about = f' title="{escape(register.description)}"' if register.description else ""
        name = widgets.HTML(
            f"<b{about}>{escape(register.name)}</b> <code>{_address(register)}</code>",
            layout={"flex": "0 0 150px"},
        )
        wide = 70 + 14 * register.size
        layout = {"width": f"{wide}px", "flex": "0 0 auto"}
        number: Any
        if register.access == "ro":
            number = widgets.Label(layout=layout, style={"font_family": "monospace"})
        else:
            placeholder = "write only" if register.access == "wo" else ""
            number = widgets.Text(continuous_update=False, placeholder=placeholder, layout=layout)
            number.observe(lambda change: self._typed(register, change), "value")
        wrong = widgets.HTML(layout={"margin": "2px 0 0 8px"})
        fields = [(field, self._control(register, field)) for field in register.fields]
        self._shown.append((number, fields, wrong))
        # Several fields wrap, and stay beside their register.
        inner = widgets.HBox([one for _, one in fields], layout={"flex_flow": "row wrap"})
        return widgets.HBox(
            [name, number, inner, wrong],
            layout={"border_bottom": "1px solid var(--jp-border-color2, #ddd)"},
        )

    def _control(self, register: Register, field: Field) -> Any:
        closed = "ro" in (register.access, field.access)
        label = f"{field.name} [{field.bits}]"
        style = {"description_width": "initial"}
        common: dict[str, Any] = {"description": label, "disabled": closed, "style": style}
        if field.values:
            control: Any = widgets.Dropdown(
                options=_options(field, 0), layout={"width": "auto"}, **common
            )
        elif field.most == 1:
            common["style"] = {"description_width": "0"}
            control = widgets.Checkbox(indent=False, layout={"width": "auto"}, **common)
        else:
            wide = 7 * len(label) + 60 + 8 * len(str(field.most))
            control = widgets.BoundedIntText(
                min=0, max=field.most, layout={"width": f"{wide}px"}, **common
            )
        control.tooltip = field.description or label
        control.observe(lambda change: self._chosen(register, field, change), "value")
        return control

    def _typed(self, register: Register, change: Any) -> None:
        text = change["new"].strip()
        most = (1 << register.width) - 1
        try:
            number = int(text, 0)
        except ValueError:
            number = -1
        if 0 <= number <= most:
            self._write(register, most, number)
        elif text:
            self.show(self.values)
            self._tell(f"{register.name}: {text!r} is no number from 0 to {most:#x}, such as 0x2f")

    def _chosen(self, register: Register, field: Field, change: Any) -> None:
        if change["new"] is not None:
            self._write(register, field.mask, int(change["new"]) << field.low)


def _options(field: Field, number: int) -> list[tuple[str, int]]:
    """What a list offers; a number without a name is there when the register holds it."""
    options = [(f"{text} ({one})", one) for one, text in sorted(field.values.items())]
    return options if number in field.values else [*options, (str(number), number)]


def _set(field: Field, control: Any, number: int) -> None:
    if field.values:
        options = _options(field, number)
        if list(control.options) != options:
            control.options = options
        control.value = number
    else:
        control.value = bool(number) if field.most == 1 else number


def _named(field: Field, number: int) -> str:
    return f"{number} ({field.values[number]})" if number in field.values else str(number)


def _address(register: Register) -> str:
    return f"0x{register.address:02x}"


def _hex(register: Register, value: int) -> str:
    return f"0x{value:0{2 * register.size}x}"
