# SPDX-License-Identifier: Apache-2.0
"""A run of tests, as one process of it sees it: its boards, who has them, what they gave."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

from belay import errors
from belay.testing.evidence import add_evidence, write_log
from belay.testing.measurements import measurement
from belay.testing.options import settings_of
from belay.testing.requirements import Requirements, requirements_of
from belay.testing.shelf import Shelf
from belay.testing.slots import checked_slots

if TYPE_CHECKING:
    from belay.device import Device
    from belay.testing.held import HeldBoard

__all__ = ["Run"]

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_BOARDS = pytest.StashKey[list["HeldBoard"]]()
_MEASURED = pytest.StashKey[list[dict[str, Any]]]()
_OUTCOMES = pytest.StashKey[list[tuple[str, str, str]]]()


class Run:
    """All that lasts longer than a test.

    Args:
        config: pytest's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._settings = settings_of(config)
        self._shelf: Shelf | None = None
        self._notes = ""

    @property
    def shelf(self) -> Shelf:
        """The boards."""
        if self._shelf is None:
            worker = getattr(self._config, "workerinput", None)
            notes = worker.get("belay_notes", "") if worker else ""
            self._shelf = Shelf(
                checked_slots(self._settings),
                self._settings,
                shared=worker is not None,
                notes=Path(notes) if notes else None,
            )
        return self._shelf

    def make_notes(self) -> str:
        """A folder for the workers of xdist; it is gone when the run is over."""
        if not self._notes:
            self._notes = tempfile.mkdtemp(prefix="belay-run-")
        return self._notes

    def close(self) -> None:
        """The run is over."""
        if self._shelf is not None:
            self._shelf.close()
        if self._notes:
            shutil.rmtree(self._notes, ignore_errors=True)

    # ---------------------------------------------------------------------------- boards

    def first(self, item: pytest.Item, board: str) -> HeldBoard:
        """The board of a test; skips it where none fits."""
        if {"devices", "device_factory"} & set(getattr(item, "fixturenames", ())):
            self.shelf.take_many()
        mine = self.shelf.held_by(item.nodeid)
        return mine[0] if mine else self._take(item, requirements_of(item, board))

    def several(self, item: pytest.Item, board: str, count: int) -> tuple[Device, ...]:
        """So many boards for a test."""
        self.shelf.take_many()
        mine = self.shelf.held_by(item.nodeid)
        wanted = requirements_of(item, board)
        if len(mine) < count and self._settings.replay is None:
            self._refuse_too_many(wanted, count)
        while len(mine) < count:
            mine.append(self._take(item, wanted))
        return tuple(held.device for held in mine[:count] if held.device is not None)

    def another(
        self, item: pytest.Item, names: tuple[str, ...], board: str, limits: dict[str, Any]
    ) -> Device:
        """One more board for a test."""
        self.shelf.take_many()
        chosen = (board,) if board else ()
        hardware = requirements_of(item).hardware
        device = self._take(item, Requirements(names, limits, hardware, chosen)).device
        assert device is not None
        return device

    def _take(self, item: pytest.Item, wanted: Requirements) -> HeldBoard:
        held = self.shelf.take(item.nodeid, _module(item), wanted)
        item.stash.setdefault(_BOARDS, []).append(held)
        known = dict(item.user_properties)
        item.user_properties += [
            (name, value) for name, value in held.properties if known.get(name) != value
        ]
        return held

    def _refuse_too_many(self, wanted: Requirements, count: int) -> None:
        """More than there are would be waited for in vain."""
        fitting = [slot for slot in self.shelf.slots if not wanted.rules_out(slot)]
        if not any(slot.private for slot in fitting) and len(fitting) < count:
            names = ", ".join(slot.name for slot in fitting) or "none"
            pytest.skip(f"needs {count} boards; there are {len(fitting)}: {names}")

    def give_back(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """A test is over; what the ends of its Devices have raised is raised.

        Raises:
            Exception: the first that one of them has raised.
        """
        if self._shelf is None:
            return
        same_module = nextitem is not None and _module(nextitem) == _module(item)
        stays = self._settings.reset == "module" and same_module
        failures = self._shelf.give_back(item.nodeid, stays=stays)
        if any(outcome == "failed" for _, outcome, _ in item.stash.get(_OUTCOMES, [])):
            # A test that has failed has not asked for all that was recorded.
            failures = [one for one in failures if not isinstance(one, errors.ReplayError)]
        if failures:
            raise failures[0]

    # ---------------------------------------------------------------------------- reports

    def shorten(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Leave our own frames out of the traceback of a test, where others are left."""
        excinfo = call.excinfo
        whole = item.config.getoption("fulltrace")
        if excinfo is None or whole or not item.stash.get(_BOARDS, []):
            return
        theirs = _without_ours(excinfo.tb)
        if theirs is not None:
            error = excinfo.value.with_traceback(theirs)
            call.excinfo = pytest.ExceptionInfo.from_exception(error)

    def report(
        self, item: pytest.Item, report: pytest.TestReport, error: BaseException | None
    ) -> None:
        """Add to a report what is known of the boards of its test."""
        boards = item.stash.get(_BOARDS, [])
        if report.failed and boards:
            with contextlib.suppress(errors.BelayException):
                add_evidence(report, boards, error)
        outcomes = item.stash.setdefault(_OUTCOMES, [])
        said = "" if report.passed else report.longreprtext
        outcomes.append((report.when, report.outcome, said))
        if report.when != "teardown":
            return
        if boards and self._settings.log_dir is not None:
            try:
                write_log(self._settings.log_dir, item.nodeid, boards, outcomes)
            except OSError as error:  # the disk is full, say: no reason to end the run
                report.sections.append(("device log", f"its file could not be written: {error}"))
        if records := item.stash.get(_MEASURED, []):
            report.belay_measurements = records  # type: ignore[attr-defined]

    def record(
        self,
        item: pytest.Item,
        name: str,
        value: float,
        unit: str,
        low: float | None,
        high: float | None,
    ) -> None:
        """Keep what was measured.

        Raises:
            AssertionError: it is out of its limits.
        """
        __tracebackhide__ = True
        found = measurement(name, value, unit, low, high)
        boards = item.stash.get(_BOARDS, [])
        record = {
            "test": item.nodeid,
            "board": boards[0].slot.name if boards else "",
            **found._asdict(),
            "passed": found.passed,
        }
        item.stash.setdefault(_MEASURED, []).append(record)
        item.user_properties.append((f"measurement.{name}", str(found)))
        if not found.passed:
            raise AssertionError(f"{name} = {value:.10g} {unit}".rstrip() + f", not {found.limits}")


def _module(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _without_ours(traceback: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of belay; None where no other is left."""
    frames = []
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(_OURS):
            frames.append(traceback)
        traceback = traceback.tb_next
    for part in reversed(frames):
        traceback = TracebackType(traceback, part.tb_frame, part.tb_lasti, part.tb_lineno)
    return traceback
