# SPDX-License-Identifier: Apache-2.0
"""What resets a board and switches its power from outside: commands and Python of the rig."""

from __future__ import annotations

import contextlib
import importlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from belay.errors import ConnectionFailedError
from belay.transports.boardtables import Command, EntryPoint

if TYPE_CHECKING:
    from belay.testing.slots import Slot

__all__ = ["PowerSwitch", "reset_hook"]

_PATIENCE = 60.0
"""Seconds that a command may take."""

_OFF = 0.5
"""Seconds without power in a cycle that is made of off and on: a supply's capacitors are empty."""


class PowerSwitch:
    """A board's power, as its table says it is switched.

    Args:
        slot: the board.

    Raises:
        ConnectionFailedError: from every method: the hook failed; the message says how.
    """

    def __init__(self, slot: Slot) -> None:
        self._slot = slot

    @property
    def there(self) -> bool:
        """Whether the table says how; for a recording, whoever recorded it knew how."""
        return self._slot.table.power is not None or self._slot.replayed

    def on(self) -> None:
        """Give it power."""
        self._do("on")

    def off(self) -> None:
        """Take its power."""
        self._do("off")

    def cycle(self) -> None:
        """Take its power, and give it again."""
        power = self._slot.table.power
        if self._slot.replayed:
            return
        if isinstance(power, Mapping) and "cycle" not in power:
            self._do("off")
            time.sleep(_OFF)
            self._do("on")
        else:
            self._do("cycle")

    def _do(self, what: str) -> None:
        power, name = self._slot.table.power, f"power.{what} of {self._slot.name}"
        if self._slot.replayed:
            return  # a recording needs none
        if isinstance(power, Mapping):
            if what not in power:
                raise ConnectionFailedError(f"there is no {name}; there are: {', '.join(power)}")
            _run(power[what], name)
        elif isinstance(power, EntryPoint):
            switch = _loaded(power, name)
            if isinstance(switch, type):
                switch = switch()
            _called(getattr(switch, what), name)
        else:
            raise ConnectionFailedError(f"there is no {name}: its table has no power = …")


def reset_hook(slot: Slot) -> Callable[[], None] | None:
    """What resets a board from outside; None where its table does not say."""
    hook = slot.table.reset
    return None if hook is None else lambda: _run(hook, f"reset of {slot.name}")


def _run(hook: Command | EntryPoint, name: str) -> None:
    if isinstance(hook, EntryPoint):
        _called(_loaded(hook, name), name)
        return
    command = shlex.join(hook.argv)
    try:
        process = subprocess.Popen(
            hook.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise ConnectionFailedError(f"{name}: {command}: {error}") from error
    with process:
        try:
            out, err = process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            _kill(process)
            raise ConnectionFailedError(
                f"{name}: {command} has not ended within {_PATIENCE:g} s, and was killed"
            ) from None
        except BaseException:
            _kill(process)
            raise
    if process.returncode:
        said = (err or out).strip()[-500:]
        raise ConnectionFailedError(
            f"{name}: {command} ended with status {process.returncode}: {said}"
        )


def _kill(process: subprocess.Popen[str]) -> None:
    """End a program with all that it has started: that would hold its pipes."""
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _loaded(hook: EntryPoint, name: str) -> Any:
    try:
        found: Any = importlib.import_module(hook.module)
        for part in hook.attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ConnectionFailedError(f"{name}: {hook} cannot be loaded: {error}") from error
    return found


def _called(function: Any, name: str) -> None:
    try:
        function()
    except Exception as error:
        raise ConnectionFailedError(f"{name} failed: {type(error).__name__}: {error}") from error
