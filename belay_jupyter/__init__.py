# SPDX-License-Identifier: Apache-2.0
"""MicroPython boards in a notebook.

    %load_ext belay_jupyter
    %belay_connect virtual:

and then, in a cell of its own::

    %%device
    from machine import Pin
    led = Pin(25, Pin.OUT)
    led.value()

Loading is cheap: ``belay`` and everything below it are imported when they are first used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from belay.device import Device
    from belay.proxies import ProxyObject
    from belay_jupyter.boards import Board, Boards
    from belay_jupyter.consoles.shown import Console
    from belay_jupyter.magics import BelayMagics
    from belay_jupyter.panels.shown import Dashboard
    from belay_jupyter.plots.figure import LivePlot
    from belay_jupyter.views.base import View
    from belay_jupyter.views.registers import RegisterMap

__all__ = [
    "console",
    "dashboard",
    "get_device",
    "load_ipython_extension",
    "plot",
    "register_view",
    "registers",
    "unload_ipython_extension",
    "view",
]

_loaded: BelayMagics | None = None


def load_ipython_extension(shell: InteractiveShell) -> None:
    """What ``%load_ext belay_jupyter`` calls. Doing it twice is harmless.

    Raises:
        ImportError: the package ``belay`` is not, or not wholly, ours; with the commands that
            repair it.
    """
    global _loaded
    # First of all, and before anything imports belay: is it the one that belongs here?
    from belay_jupyter.installation import check_installation

    try:
        check_installation()
    except ImportError as error:
        message = str(error)
        # What IPython shows in place of a traceback through our own code.
        error._render_traceback_ = lambda: [message]  # type: ignore[attr-defined]
        raise
    from belay_jupyter.magics import BelayMagics

    if _loaded is not None:
        if _loaded.shell is shell:
            return
        _loaded.unload()
    _loaded = BelayMagics(shell)
    _loaded.load()


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """What ``%unload_ext belay_jupyter`` calls: boards are closed, and all that was added goes."""
    global _loaded
    if _loaded is not None:
        _loaded.unload()
        _loaded = None


def get_device(name: str = "") -> Device:
    """A board that ``%belay_connect`` connected, for Python cells: tasks, ``device("…")``.

    Args:
        name: which one; empty for the one that was connected last.

    Raises:
        belay_jupyter.boards.NotConnectedError: there is none; the message says what to type.
    """
    from belay_jupyter.boards import NotConnectedError

    if _loaded is None:
        raise NotConnectedError("no board is connected; type: %load_ext belay_jupyter")
    return _loaded.boards.get(name).device


def plot(
    *sources: Any,
    labels: Sequence[str] = (),
    every: float = 0.1,
    seconds: float | None = None,
    window: float = 10.0,
    keep: int | None = 1_000_000,
    sequence: str | int | None = None,
    title: str = "",
    height: int = 300,
) -> LivePlot:
    """A plot that grows while boards measure; the last value of a cell shows it.

    A sample is a number, a tuple or list of numbers, or a dict of numbers by name. Several sources,
    also of several boards, share one figure and one clock: times are the host's, in seconds since
    the plot was made, of the moment at which the board emitted (as exactly as its clock is known),
    was asked, or, for generators, when the item arrived (``return_time=True``: when it was made).

    Args:
        sources: ``device.events(topic)``; a generator of a task, or any other iterator; proxies
            (a Pin's value, an ADC's reading) and expressions in quotes, which are asked for while
            the board is idle; functions that return samples; lists of these, and dicts, whose
            keys are names.
        labels: names of the channels, or of the sources where there are several.
        every: seconds between two values of what has to be asked for.
        seconds: end after so long; None goes on until :meth:`stop`.
        window: seconds that are seen at once.
        keep: most samples of a source that are kept, the newest; None keeps all.
        sequence: the channel, by name or place, that counts the samples: what is missing is then
            counted as lost.
        title: above the plot.
        height: of it, in pixels.

    Raises:
        TypeError: something cannot be plotted.
        ValueError: a number makes no sense.
    """
    from belay_jupyter.plots.figure import make

    wishes = {"labels": labels, "every": every, "seconds": seconds, "window": window, "keep": keep}
    wishes |= {"sequence": sequence, "title": title, "height": height}
    return make(sources, get_device, **wishes)  # type: ignore[arg-type]


def view(proxy: ProxyObject, every: float | None = None, **options: Any) -> View:
    """An object of a board to look into and to touch; the last value of a cell shows it.

    A Pin is a switch, a PWM has sliders, an ADC a gauge, an I2C bus a grid of addresses;
    docs/widgets.md lists them. Anything else is a tree of members that open one level, and one
    message, at a time; methods are buttons. A click on a board that is busy does nothing, and says
    so; when the board is closed or reset, the view goes grey.

    Args:
        proxy: the object.
        every: seconds between two looks at it, while the board is idle; None: with its button.
        options: of the view: ``address=`` and ``registers=`` for I2C, ``select=`` for SPI,
            ``width=``, ``height=``, ``format=`` and ``buffer=`` for framebuffers.

    Raises:
        TypeError: it is no proxy; or there is no such option.
        ValueError: an option makes no sense.
    """
    from belay_jupyter.views.registry import view as made

    return made(proxy, every, **options)


def registers(
    source: Mapping[str, Any] | str | os.PathLike[str],
    *,
    width: int = 8,
    byteorder: str | None = None,
    address_bits: int = 8,
    peripheral: str | None = None,
) -> RegisterMap:
    """The registers of a device on I2C, for ``view(bus, address=…, registers=…)``.

    A description is a dict. A register is its address, or a dict of ``address``, ``width``,
    ``byteorder``, ``access`` (``rw``, ``ro``, ``wo``), ``description`` and ``fields``. A field is
    its bits (``7`` or ``"7:4"``), or these and the names of its values (``("1:0", {0: "sleep"})``,
    ``("1:0", ["sleep", "on"])``), or a dict of ``bits``, ``values``, ``access``, ``description``::

        belay_jupyter.registers({
            "id": {"address": 0xD0, "access": "ro"},
            "ctrl_meas": {"address": 0xF4, "fields": {"osrs_t": "7:5", "osrs_p": "4:2",
                          "mode": ("1:0", {0: "sleep", 1: "forced", 3: "normal"})}},
        })

    Args:
        source: a description; or the path of a CMSIS-SVD file, or its text.
        width: of registers that do not say it, in bits.
        byteorder: ``big`` (the high byte first, which a description means by default) or
            ``little`` (which SVD means).
        address_bits: of the registers' addresses.
        peripheral: which one of an SVD file with several.

    Raises:
        ValueError: the description makes no sense; the message says where.
        OSError: the file cannot be read.
    """
    from belay_jupyter.views.registers import described

    options: dict[str, Any] = {"width": width, "byteorder": byteorder}
    return described(source, address_bits=address_bits, peripheral=peripheral, **options)


def register_view(type_name: str, factory: Callable[..., View]) -> None:
    """Have objects of a type shown by a view of your own.

    Args:
        type_name: as the board calls the type, with its module or without: ``"BME280"``.
        factory: called with a proxy and ``every``, and the options that :func:`view` was given; as
            a rule a class derived from :class:`belay_jupyter.views.base.View`.
    """
    from belay_jupyter.views.registry import register

    register(type_name, factory)


def dashboard(*devices: Device | str, every: float = 1.0) -> Dashboard:
    """Boards to look after; the last value of a cell shows it.

    For each board: its link, firmware, heap and flash over time, files, globals, what it has
    printed outside of cells, and buttons for interrupt and resets. It costs two messages, and one
    for each poll, which is made while the board is idle and a page shows the dashboard.

    Args:
        devices: boards, or names that ``%belay_connect`` gave them; none: the current one.
        every: seconds between two polls.

    Raises:
        belay_jupyter.boards.NotConnectedError: there is no such board.
        ValueError: ``every`` is no time.
    """
    from belay_jupyter.panels.shown import Dashboard

    return Dashboard([_board(device) for device in devices or ("",)], every)


def console(device: Device | str = "") -> Console:
    """The board's own prompt as a terminal; the last value of a cell shows it.

    Cells work on while it is open: the prompt has the board while something is typed or runs there,
    and gives it back at an empty prompt.

    Args:
        device: a board, or the name that ``%belay_connect`` gave it; empty: the current one.

    Raises:
        belay_jupyter.boards.NotConnectedError: there is no such board.
        FeatureUnavailableError: the board has no room for belay's agent.
    """
    from belay_jupyter.consoles.shown import Console

    return Console(*_board(device))


def _board(device: Device | str) -> tuple[Board, Boards | None]:
    """A board of the notebook, or one that a program has connected."""
    from belay_jupyter.boards import Board, NotConnectedError

    if isinstance(device, str):
        if _loaded is None:
            raise NotConnectedError("no board is connected; type: %load_ext belay_jupyter")
        return _loaded.boards.get(device), _loaded.boards
    for board in _loaded.boards if _loaded is not None else ():
        if board.device is device and _loaded is not None:
            return board, _loaded.boards
    lone: Any = None
    return Board(device.address, device, lone), None
