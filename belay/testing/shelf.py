# SPDX-License-Identifier: Apache-2.0
"""Which board a test gets: one process at a time holds a board, and a bad one is put aside."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from belay import errors
from belay.testing.held import HeldBoard, Quarantined
from belay.testing.requirements import Requirements, describe
from belay.testing.slots import Slot
from belay.testing.tapes import Tapes

if TYPE_CHECKING:
    from filelock import BaseFileLock

    from belay.testing.options import Settings

__all__ = ["Shelf"]

_Reasons = dict[tuple[str, str], str]
"""Why boards, by name and address, are not what a test wants."""

_LOOK = 0.02
"""Seconds between two looks at boards that other processes hold."""


class Shelf:
    """The boards of a run, as one process sees them.

    Args:
        slots: which they are, the preferred ones first.
        settings: what was asked for.
        shared: other processes of the same run use them too: each is put back after a test.
        notes: a folder that the processes of this run share, for what they tell each other.
    """

    def __init__(
        self, slots: list[Slot], settings: Settings, *, shared: bool, notes: Path | None
    ) -> None:
        self.slots = slots
        self.shared = shared
        self._settings = settings
        self._notes = notes
        self._held: list[HeldBoard] = []
        self._bad: dict[str, str] = {}
        self._several: BaseFileLock | None = None
        folder = settings.record or settings.replay
        self._tapes = None if folder is None else Tapes(folder, slots)

    def held_by(self, test: str) -> list[HeldBoard]:
        """The boards that a test has, in the order in which it got them."""
        return [held for held in self._held if held.user == test]

    # ---------------------------------------------------------------------------- taking

    def take(
        self, test: str, module: str, wanted: Requirements, *, reset: bool | None = None
    ) -> HeldBoard:
        """Lend a board to a test, ready to be used. Ends in pytest's skip or failure otherwise.

        Args:
            test: its id.
            module: the module it stands in, for the policy of resets.
            wanted: what it asks.
            reset: whether to soft-reset the board first; None: as the settings say.
        """
        if self._settings.replay is not None:
            return self._replayed(test, wanted)
        if self._tapes is None:
            return self._taken(test, module, wanted, reset)
        try:
            return self._taken(test, module, wanted, reset)
        except pytest.skip.Exception as skipped:
            self._tapes.was_skipped(test, str(skipped))
            raise

    def _replayed(self, test: str, wanted: Requirements) -> HeldBoard:
        """The recording of a test's next board, in its place."""
        assert self._tapes is not None
        if why := self._tapes.skipped(test):
            pytest.skip(f"when it was recorded: {why}")
        number = len(self.held_by(test)) + 1
        slot = self._tapes.played(test, number)
        if slot is None:
            which = "it" if number == 1 else f"board number {number} of it"
            pytest.fail(
                f"there is no recording of {which} in {self._tapes}; --device-record makes one",
                pytrace=False,
            )
        held = HeldBoard(slot, None, self._settings.connect_timeout)
        held.user = test
        self._held.append(held)
        held.begin(reset=self._settings.reset != "never")
        if unmet := wanted.unmet(held):
            pytest.skip(f"{describe(held)} {unmet}")
        self._sync(held)
        return held

    def _taken(self, test: str, module: str, wanted: Requirements, reset: bool | None) -> HeldBoard:
        end = time.monotonic() + self._settings.wait
        reasons: _Reasons = {}
        waited = False
        while True:
            busy: list[str] = []
            for slot in self._fitting(wanted, reasons):
                held = self._lock(slot, test)
                if held is None:
                    busy.append(slot.name)
                    continue
                if news := self._bad_news(slot):  # since it was looked at
                    self._forget(held)
                    reasons[slot.name, slot.address] = news
                    continue
                if self._ready(held, test, module, wanted, reasons, reset):
                    return held
            if not busy:
                self._nothing_fits(wanted, reasons)
            if time.monotonic() > end:
                pytest.fail(
                    f"{', '.join(busy)}: used by another process for {self._settings.wait:g} s "
                    "(ini key belay_device_wait)",
                    pytrace=False,
                )
            if not waited:
                waited = True
                self._put_back_idle()  # somebody may wait for these, and hold what is wanted here
            time.sleep(_LOOK)

    def take_many(self) -> None:
        """Before a test takes its first of several boards: one such test at a time does so.

        Two of them could otherwise wait for each other's boards for ever.
        """
        if self._several is None:
            self._several = _file_lock("several")
            self._several.acquire(timeout=self._settings.wait)

    def _fitting(self, wanted: Requirements, reasons: _Reasons) -> Iterator[Slot]:
        """The boards that may be what is wanted; those that are open come first."""
        open_ones = [held.slot for held in self._held if held.user is None]
        rest = [slot for slot in self.slots if slot not in open_ones]
        for slot in [*open_ones, *rest]:
            reason = slot.absent or slot.problem or wanted.rules_out(slot) or self._bad_news(slot)
            if reason:
                reasons[slot.name, slot.address] = reason
            elif (slot.name, slot.address) not in reasons:
                yield slot
        if self._settings.sim == "auto" and not wanted.hardware:
            yield from self._stand_ins(wanted)

    def _stand_ins(self, wanted: Requirements) -> Iterator[Slot]:
        """The virtual board in place of configured ones of which none is there."""
        candidates = [slot for slot in self.slots if not wanted.rules_out(slot)]
        if candidates and all(slot.absent or slot.problem for slot in candidates):
            for slot in candidates:
                if not slot.named:
                    stand_in = slot.simulated()
                    self.slots.append(stand_in)
                    yield stand_in

    def _lock(self, slot: Slot, test: str) -> HeldBoard | None:
        """The board, held by this process; None where another one or this test has it."""
        mine = [held for held in self._held if held.slot is slot]
        for held in mine:
            if held.user is None:
                held.user = test
                return held
        if mine and not slot.private:
            return None
        lock = None if slot.private else _file_lock(slot.key)
        if lock is not None:
            from filelock import Timeout

            try:
                lock.acquire(timeout=0)
            except Timeout:
                return None
        held = HeldBoard(slot, lock, self._settings.connect_timeout)
        held.user = test
        self._held.append(held)
        return held

    def _ready(
        self,
        held: HeldBoard,
        test: str,
        module: str,
        wanted: Requirements,
        reasons: _Reasons,
        reset: bool | None,
    ) -> bool:
        """Connect a board that is held; False where it is not the right one after all."""
        slot = held.slot
        try:
            if held.known and self._tapes is None and (unmet := wanted.unmet(held)):
                reasons[slot.name, slot.address] = f"{describe(held)} {unmet}"
                held.user = None
                return False
            if self._tapes is not None:
                held.tape = self._tapes.to_record(test, len(self.held_by(test)), slot.name)
            held.begin(reset=self._to_reset(held, module) if reset is None else reset)
        except Quarantined as bad:
            self._quarantine(slot, test, str(bad))  # before others get its lock
            self._forget(held)
            failure = str(bad)
        except (errors.PortNotFoundError, errors.DeviceNotFoundError) as error:
            self._forget(held)
            if not slot.named:
                slot.absent = f"is not there: {_first_line(error)}"
                reasons[slot.name, slot.address] = slot.absent
                return False
            failure = _named(slot, error)
        except (errors.PortBusyError, errors.AuthenticationError) as error:
            self._forget(held)
            failure = _named(slot, error)
        except BaseException:
            self._forget(held)
            raise
        else:
            failure = ""
        if failure:  # outside of the handlers, whose exceptions would say it all again
            pytest.fail(failure, pytrace=False)
        if unmet := wanted.unmet(held):
            reasons[slot.name, slot.address] = f"{describe(held)} {unmet}"
            held.end()
            held.drop_tape()
            if self.shared:
                self._forget(held)
            return False
        held.module = module
        self._sync(held)
        return True

    def _sync(self, held: HeldBoard) -> None:
        """Put the project's firmware on a board, where the settings say so."""
        assert held.device is not None
        for folder, where in self._settings.syncs:
            try:
                held.device.sync(folder, where)
                continue
            except (errors.BelayException, OSError, SyntaxError) as error:
                failure = f"{held.slot.name}: {folder} cannot be put on it: {error}"
            self._forget(held)
            pytest.fail(failure, pytrace=False)

    def _to_reset(self, held: HeldBoard, module: str) -> bool:
        policy = self._settings.reset
        if self._settings.record is not None:  # any choice of tests is to be played
            return policy != "never"
        return policy == "function" or (policy == "module" and held.module != module)

    def _nothing_fits(self, wanted: Requirements, reasons: _Reasons) -> None:
        """Skip the test, with what each board said."""
        if not self.slots:
            pytest.skip(
                "no board but virtual ones, which --device-sim=never rules out: name one with "
                "--device, or in [tool.belay.boards]"
            )
        names = [slot.name for slot in self.slots]
        if wanted.boards and not set(wanted.boards) & set(names):
            near = [found for name in wanted.boards for found in get_close_matches(name, names)]
            pytest.skip(
                f"no board {' or '.join(wanted.boards)} in this run, which has {', '.join(names)}"
                + (f"; is {near[0]} meant?" if near else "")
            )
        told = "; ".join(
            reason if reason.startswith(f"{name}:") else f"{name} {reason}"
            for (name, _), reason in reasons.items()
        )
        pytest.skip(f"no board fits: {told}")

    # ---------------------------------------------------------------------------- giving back

    def give_back(self, test: str, *, stays: bool) -> list[Exception]:
        """A test is over.

        Args:
            test: its id.
            stays: the next test of this process may want the same boards.

        Returns:
            What the ends of its Devices have raised.
        """
        failures: list[Exception] = []
        for held in self.held_by(test):
            try:
                held.end()
            except Exception as error:
                failures.append(error)
            if held.slot.replayed or (self.shared and not stays and not held.slot.private):
                self._forget(held)
        if self._several is not None:
            self._several.release()
            self._several = None
        return failures

    def close(self) -> None:
        """The run is over: put everything back."""
        for held in list(self._held):
            self._forget(held)

    def _put_back_idle(self) -> None:
        for held in [held for held in self._held if held.user is None and held.lock is not None]:
            self._forget(held)

    def _forget(self, held: HeldBoard) -> None:
        self._held.remove(held)
        held.put_back()

    # ---------------------------------------------------------------------------- bad boards

    def _quarantine(self, slot: Slot, test: str, reason: str) -> None:
        news = f"is in quarantine since {test}: {reason.splitlines()[-1].strip()}"
        self._bad[slot.key] = news
        if self._notes is not None:
            with contextlib.suppress(OSError):
                Path(self._notes, slot.key).write_text(news, encoding="utf-8")

    def _bad_news(self, slot: Slot) -> str:
        """Why a board is in quarantine; empty where it is not."""
        key = slot.key
        if key not in self._bad and self._notes is not None:
            with contextlib.suppress(OSError):
                self._bad[key] = Path(self._notes, key).read_text(encoding="utf-8")
        return self._bad.get(key, "")


def _named(slot: Slot, error: Exception) -> str:
    said = str(error)
    return said if said.startswith(slot.name) else f"{slot.name}: {said}"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


def _file_lock(name: str) -> BaseFileLock:
    """A lock between the processes of this user."""
    import platformdirs
    from filelock import FileLock

    folder = Path(platformdirs.user_cache_dir("belay", appauthor=False), "boards")
    os.makedirs(folder, exist_ok=True)
    return FileLock(folder / f"{name}.lock")
