# SPDX-License-Identifier: Apache-2.0
"""A board that this process holds: its lock, its link, and the Device of the current test."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import belay
from belay import errors
from belay.boardinfo import BoardInfo, board_info
from belay.session.replaying import check_played_whole
from belay.testing.devicelog import DeviceLog
from belay.testing.hooks import PowerSwitch
from belay.testing.ladder import CONNECT, Step, in_vain, ladder
from belay.testing.slots import real
from belay.transports.base import Transport
from belay.transports.opening import Opening
from belay.transports.recording import RecordingTransport
from belay.transports.usb import device_at
from belay.transports.wrapping import TransportWrapper

if TYPE_CHECKING:
    from filelock import BaseFileLock

    from belay.testing.slots import Slot

__all__ = ["HeldBoard", "Quarantined"]

_TRANSCRIPT = 4096

_BOOTS = 10
"""Times, 1 s apart, that a board is looked for after it got its power, or was reset."""

_LOOK = 0.1
"""Seconds between two looks at a port that is to come back."""

log = logging.getLogger("belay.testing")


class Quarantined(Exception):
    """A board did not recover; nothing uses it any more in this run."""


class HeldBoard:
    """A board, opened once and lent to one test after another.

    Every test gets a Device of its own, so that its tasks, callbacks and teardowns end with it.
    The link under it stays, as long as it works.

    Args:
        slot: which one.
        lock: what keeps other processes from it; None for a board that only this process has.
        patience: seconds that it may take to answer, at each step of the ladder.

    Attributes:
        device: the Device of the current test; None between tests.
        log: what the board printed in the current test.
        user: the test that uses it, or None.
        module: the last module whose test used it.
        recovered_by: the step that brought it back for the current test; empty where none had to.
        tape: where the current test is recorded, or None.
    """

    def __init__(self, slot: Slot, lock: BaseFileLock | None, patience: float) -> None:
        self.slot = slot
        self.lock = lock
        self._patience = patience
        self.device: belay.Device | None = None
        self.log = DeviceLog()
        self.user: str | None = None
        self.module: str | None = None
        self.recovered_by = ""
        self.tape: Path | None = None
        self.serial_number = ""
        self._info: BoardInfo | None = None
        self._link: Transport | None = None
        self._broken = False
        self._greeted = 0
        self._modules: dict[str, bool] = {}
        self._recorder: RecordingTransport | None = None
        self._opening = Opening(slot.address, timeout=self._patience)
        self.power = PowerSwitch(slot)

    # ---------------------------------------------------------------------------- a test's Device

    def begin(self, *, reset: bool) -> belay.Device:
        """Make a Device for a test, by whatever steps it takes.

        :mod:`belay.testing.ladder` has them.

        Raises:
            Quarantined: none of them helped.
            PortNotFoundError, DeviceNotFoundError: there is no such board.
            PortBusyError, AuthenticationError, AddressError: that is not the board's fault.
            PyboardException: the board answered; ``boot.py`` or the start raised.
        """
        self.log = DeviceLog()
        self.recovered_by = ""
        if self.tape is not None:  # what is asked once of a board is in each recording
            self._info, self._modules = None, {}
        tried: list[str] = []
        failure: Exception | None = None
        for step in ladder(self.slot, self.power, self._opened, reset=reset):
            if in_vain(step, failure):
                continue
            try:
                if not step.prepare():
                    self.let_go()
                    continue
                self._come_up(step)
            except (errors.PortBusyError, errors.AuthenticationError):
                self.let_go()
                raise
            except (errors.ConnectionFailedError, errors.CallTimeoutError) as error:
                self.let_go()
                if step.name == CONNECT and _absent(error) and not self._expected:
                    raise
                failure = error
                tried.append(f"{step.name}: {error}")
                log.warning("%s: %s: %s", self.slot.name, step.name, error)
            else:
                assert self.device is not None
                self.slot.seen = True
                if tried:
                    self.recovered_by = step.name
                    log.warning("%s: %s: it answers again", self.slot.name, step.name)
                return self.device
        steps = "\n  ".join(tried)
        raise Quarantined(
            f"the board {self.slot.name} ({self.slot.address}) does not recover, and is left alone "
            f"for the rest of this run. Tried:\n  {steps}"
        ) from failure

    @property
    def _expected(self) -> bool:
        """Whether it is a fault that the board is not there, and not only that of a bare desk."""
        return self.slot.seen or (self.slot.named and self.power.there)

    def _come_up(self, step: Step) -> None:
        """Connect after a step; after a hard one, wait for the board's port to come back."""
        end = time.monotonic() + (_BOOTS if step.hard else 0)
        while True:
            try:
                self.device = self._connect(step.soft)
                self._learn()
                return
            except errors.ConnectionFailedError as error:
                self.let_go()
                # What it says while it boots is no prompt: messages of a loader, half a banner.
                boots = isinstance(error, (errors.ConnectionLost, errors.NotPythonBoardError))
                gone = _absent(error) or boots
                if time.monotonic() > end or not gone:
                    raise
                time.sleep(_LOOK)

    def _connect(self, reset: bool) -> belay.Device:
        device = belay.Device.__new__(belay.Device)
        device._log = self.log  # before it connects: boot.py may print
        device.__init__(  # type: ignore[misc]
            self.slot.address if self.slot.replayed else self._open,
            reset=reset,
            connect_timeout=self._patience,
            startup=None,
            record=self.tape,
        )
        return device

    def _open(self) -> Transport:
        """The link for a Device."""
        self._greeted = 0
        self._recorder = RecordingTransport(_Kept(self._opened(), self._break))
        return self._recorder

    def _opened(self) -> Transport:
        """The link, opened anew only where it has broken."""
        if self._link is None or self._broken:
            self.let_go()
            self._link = self._opening()
            self._broken = False
            usb = device_at(self._link.address.partition("?")[0])
            if usb is not None and usb.serial_number:
                self.serial_number = usb.serial_number
        return self._link

    def _break(self) -> None:
        self._broken = True

    def _learn(self) -> None:
        """Ask the board what it is, once."""
        assert self.device is not None
        if self._info is None:
            self.device._log = None  # it prints the names of the board's modules
            self._info = board_info(self.device, timeout=self._patience)
            self.device._log = self.log
            self.serial_number = self.serial_number or self._info.unique_id
        if self._recorder is not None:
            self._greeted = len(self._recorder.transcript())

    def end(self) -> None:
        """The test is over: run the Device's teardowns, and leave the board at its prompt."""
        device, self.device = self.device, None
        self.user = None
        if device is None:
            return
        try:
            if not device.closed and not device.connected:
                self._broken = True
            device.close()
            if self.slot.replayed:
                check_played_whole(device._session)
        except (errors.ConnectionFailedError, errors.DeviceClosedError):
            if self._link is not None:  # else its power was taken: nothing can be torn down
                raise

    def drop_tape(self) -> None:
        """The test does not get this board: its recording says nothing."""
        if self.tape is not None:
            self.tape.unlink(missing_ok=True)
            self.tape = None

    def connect_again(self) -> None:
        """The board has got its power: connect the Device of the test, as it was set up."""
        self.let_go()
        if self.device is not None:
            self.device.reconnect(_BOOTS)

    def let_go(self) -> None:
        """Close the link itself; the next test opens it anew."""
        link, self._link = self._link, None
        if link is not None:
            with contextlib.suppress(errors.BelayException, OSError):
                link.close()

    def put_back(self) -> None:
        """Let other processes have the board."""
        try:
            if self.device is not None:
                with contextlib.suppress(errors.BelayException):
                    self.end()
        finally:
            self.let_go()
            if self.lock is not None:
                self.lock.release()

    # ---------------------------------------------------------------------------- what is known

    @property
    def info(self) -> BoardInfo:
        """What the board said of itself when it was first connected."""
        assert self._info is not None, "begin() asks it"
        return self._info

    @property
    def known(self) -> bool:
        """Whether it was ever connected."""
        return self._info is not None

    def imports(self, module: str) -> bool:
        """Whether the board can import a module; True as long as it has not been asked."""
        if module not in self._modules:
            if self.device is None:
                return True
            try:
                self.device(f"__import__({module!r}) and None", record=False)
                self._modules[module] = True
            except errors.PyboardException:
                self._modules[module] = False
        return self._modules[module]

    @property
    def real(self) -> bool:
        """Whether this is a board of silicon, as far as its address and its answer tell."""
        address = self._recorded_at if self.slot.replayed else self.slot.address
        return real(address) and not (self.known and self.info.platform == "webassembly")

    @property
    def _recorded_at(self) -> str:
        """What a recording says of where its board was."""
        link = self.device._session.transport if self.device is not None else None
        return "" if link is None else link.board_address

    @property
    def firmware(self) -> str:
        """Implementation, version and build in one line."""
        info = self.info
        return f"{info.implementation} {info.version} on {info.platform} ({info.build})"

    @property
    def properties(self) -> list[tuple[str, str]]:
        """For the properties of a report."""
        rows = [
            ("board", self.slot.name),
            ("firmware", self.firmware),
            ("serial_number", self.serial_number),
        ]
        return [*rows, ("recovered_by", self.recovered_by)] if self.recovered_by else rows

    def facts(self) -> str:
        """The board in lines, for a report."""
        rows: list[tuple[str, Any]] = [("board", self.slot), ("address", self.slot.address)]
        if self.known:
            info = self.info
            rows += [
                ("firmware", self.firmware),
                ("machine", info.machine),
                ("serial number", self.serial_number),
                ("free heap", f"{info.heap_free} bytes"),
            ]
        if self.slot.table.capabilities:
            rows.append(("capabilities", ", ".join(self.slot.table.capabilities)))
        if self.recovered_by:
            rows.append(("recovered by", self.recovered_by))
        return "\n".join(f"{name + ':':15}{value}" for name, value in rows)

    def transcript(self) -> str:
        """The end of what went over the link in this test, once it was connected."""
        if self._recorder is None:
            return ""
        # Not the upload of our own helpers, where something followed.
        since = sum(len(exchange.data) for exchange in self._recorder.transcript()[self._greeted :])
        return self._recorder.format(min(since, _TRANSCRIPT) or _TRANSCRIPT)


class _Kept(TransportWrapper):
    """The link of one test: closing it leaves the link underneath open."""

    def __init__(self, inner: Transport, broken: Callable[[], None]) -> None:
        super().__init__(inner)
        self._report = broken
        self._closed = False

    def wait(self, timeout: float | None) -> bool:
        with self._watched():
            return super().wait(timeout)

    def read(self) -> bytes:
        with self._watched():
            return super().read()

    def write(self, data: bytes) -> None:
        with self._watched():
            super().write(data)

    def close(self) -> None:
        self._closed = True
        self.inner.wake()  # whoever waits for it

    @contextlib.contextmanager
    def _watched(self) -> Any:
        if self._closed:
            raise errors.DeviceClosedError("the test that had this link is over")
        try:
            yield
        except errors.ConnectionFailedError:
            self._report()
            raise


def _absent(error: Exception) -> bool:
    """Whether there is no such board, as far as this computer sees."""
    return isinstance(error, (errors.PortNotFoundError, errors.DeviceNotFoundError))
