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

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from belay.device import Device
    from belay_jupyter.magics import BelayMagics

__all__ = ["get_device", "load_ipython_extension", "unload_ipython_extension"]

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
