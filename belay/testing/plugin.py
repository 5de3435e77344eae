# SPDX-License-Identifier: Apache-2.0
"""The hooks and fixtures that pytest calls.

pytest loads this module at every start, also in projects that have no board: it imports nothing of
belay that costs, and every hook first asks whether a test uses a board at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from belay.testing.options import add_options, check_paths, settings_of

if TYPE_CHECKING:
    from belay.device import Device
    from belay.testing.boardfacts import Board
    from belay.testing.devicelog import DeviceLog
    from belay.testing.held import HeldBoard
    from belay.testing.power import Power
    from belay.testing.run import Run

_MARKERS = (
    "requires(*capabilities, min_free_ram=, min_free_flash=, implementation=, platform=, "
    'machine=): what the board of a test must have, such as "wifi" or "micropython>=1.24"; else '
    "it is skipped (belay)",
    "board(*names): a test runs on a board of one of these names (belay)",
    'boards(*names): a test runs once on each of these boards, or on "all" (belay)',
    "hardware: a test that uses a board never runs on the virtual one (belay)",
    "on_device: the body of a test runs on the board (belay)",
)

_RUN = pytest.StashKey["Run"]()
_SLOT = "_belay_board"


# ---------------------------------------------------------------------------- start and end


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Say what our markers are."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    path = settings_of(config).measurements
    if path is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Measured(path), "belay-measurements")


def run_of(config: pytest.Config) -> Run:
    """What this process knows of the run; made when the first test needs it."""
    if _RUN not in config.stash:
        from belay.testing.run import Run

        config.stash[_RUN] = Run(config)
    return config.stash[_RUN]


def _concerned(config: pytest.Config) -> bool:
    """Whether this run has to do with boards, before its tests are known."""
    settings = settings_of(config)
    if (
        settings.devices
        or settings.syncs
        or settings.unittests
        or settings.record
        or settings.replay
        or config.getoption("belay_device_sim")
    ):
        return True
    if os.environ.get("BELAY_DEVICE"):
        return True
    try:
        return "tool.belay.boards" in Path(config.rootpath, "pyproject.toml").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which boards there are, and which of them are real."""
    if not _concerned(config) or hasattr(config, "workerinput"):
        return []
    return _told(config)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """What is wrong with the options ends the run before it has begun."""
    config = session.config
    if hasattr(config, "workerinput"):
        return
    check_paths(settings_of(config))
    if settings_of(config).devices:
        _told(config)


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """The same as in the header, where only the tests tell that they use a board."""
    if _concerned(config):
        return []
    ours = {"_belay_held", _SLOT}
    used = any(
        ours & set(getattr(item, "fixturenames", ())) or item.get_closest_marker("on_device")
        for item in items
    )
    return _told(config) if used else []


def _told(config: pytest.Config) -> list[str]:
    from belay.testing.slots import slots_of

    settings = settings_of(config)
    try:
        slots = slots_of(settings)
    except pytest.UsageError as error:
        if settings.devices:
            raise
        return [
            f"boards: {str(error).splitlines()[0]}"
        ]  # BELAY_DEVICE is there in projects without boards, too
    if settings.replay is not None:
        return [f"boards: none; recordings in {settings.replay} are played"]
    boards = ", ".join(map(str, slots)) or "none"
    if settings.record is not None:
        boards += f", recorded in {settings.record}"
    return [f"boards: {boards}; virtual: {settings.sim}; reset: {settings.reset}"]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say which boards had to be brought back: their tests have passed, and nobody would know."""
    told = []
    reports = [report for found in terminalreporter.stats.values() for report in found]
    for report in reports:
        known = dict(getattr(report, "user_properties", ()))
        if "recovered_by" in known and report.when == "call":
            told.append(
                f"{known['board']} was brought back by {known['recovered_by']} for {report.nodeid}"
            )
    if told:
        terminalreporter.section("boards that did not answer")
        for line in told:
            terminalreporter.line(line)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give the workers of xdist a folder in which they tell each other of bad boards."""
    config = node.config
    if _concerned(config):
        node.workerinput["belay_notes"] = run_of(config).make_notes()
    else:
        node.workerinput["belay_notes"] = ""


def pytest_unconfigure(config: pytest.Config) -> None:
    """Put the boards back."""
    if _RUN in config.stash:
        config.stash[_RUN].close()


class _Measured:
    """Collects what was measured, also by the workers of xdist."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._records: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._records += getattr(report, "belay_measurements", [])

    def pytest_sessionfinish(self) -> None:
        from belay.testing.measurements import write_measurements

        write_measurements(self._path, self._records)


# ---------------------------------------------------------------------------- collection


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> Any:
    """A file of unittest that runs on the board is not imported here."""
    folders = settings_of(parent.config).unittests
    if not any(folder in module_path.parents for folder in folders):
        return None
    from belay.testing.unittests import OnBoardFile, imports_unittest

    if not imports_unittest(module_path):
        return None
    return OnBoardFile.from_parent(parent, path=module_path)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each board where the marker ``boards`` asks for it."""
    definition = metafunc.definition
    marked = definition.get_closest_marker("boards")
    on_device = definition.get_closest_marker("on_device") is not None
    if marked is None or not (_SLOT in metafunc.fixturenames or on_device):
        return
    from belay.testing.requirements import boards_of
    from belay.testing.slots import checked_slots

    names = list(boards_of(definition, "boards"))
    if names == ["any"]:
        return
    if names == ["all"]:
        names = [slot.name for slot in checked_slots(settings_of(metafunc.config))]
    if _SLOT not in metafunc.fixturenames:
        metafunc.fixturenames.append(_SLOT)
    metafunc.parametrize(_SLOT, names, ids=names, indirect=True, scope="function")


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test whose body runs on the board uses one, whether it says so or not."""
    on_device = item.get_closest_marker("on_device") is not None
    if isinstance(item, pytest.Function) and on_device and "device" not in item.fixturenames:
        item.fixturenames.append("device")


# ---------------------------------------------------------------------------- one test


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run the body of a test on the board, where it is marked so."""
    if pyfuncitem.get_closest_marker("on_device") is None:
        return None
    from belay.testing.ondevice import run_on_device

    names = pyfuncitem._fixtureinfo.argnames
    values: dict[str, Any] = pyfuncitem.funcargs
    run_on_device(values["device"], pyfuncitem, {name: values[name] for name in names})
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    """Give the boards of a test back when all its fixtures have ended."""
    try:
        return (yield)
    finally:
        if _RUN in item.config.stash:
            item.config.stash[_RUN].give_back(item, nextitem)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what is known of the boards of a test."""
    run = item.config.stash.get(_RUN, None)
    if run is None:
        return (yield)
    run.shorten(item, call)
    report = yield
    run.report(item, report, call.excinfo.value if call.excinfo is not None else None)
    return report


# ---------------------------------------------------------------------------- fixtures


@pytest.fixture
def _belay_board(request: pytest.FixtureRequest) -> str:
    """The board of this id of a test, where it runs once on each."""
    return str(getattr(request, "param", ""))


@pytest.fixture
def _belay_held(request: pytest.FixtureRequest, _belay_board: str) -> HeldBoard:
    """The first board of a test."""
    return run_of(request.config).first(request.node, _belay_board)


@pytest.fixture
def device(_belay_held: HeldBoard) -> Device:
    """A board, connected: a :class:`belay.Device` of this test's own."""
    assert _belay_held.device is not None
    return _belay_held.device


@pytest.fixture
def board(_belay_held: HeldBoard) -> Board:
    """The board of ``device``: name, facts, capabilities and wiring."""
    from belay.testing.boardfacts import Board

    return Board(_belay_held)


@pytest.fixture
def wiring(_belay_held: HeldBoard) -> dict[str, Any]:
    """The wiring table of ``device``, as a dict: it travels to the board."""
    return dict(_belay_held.slot.table.wiring)


@pytest.fixture
def device_log(_belay_held: HeldBoard) -> DeviceLog:
    """What the board of ``device`` prints in this test, with the host's times."""
    return _belay_held.log


@pytest.fixture
def power(_belay_held: HeldBoard) -> Power:
    """The power of the board of ``device``; a test is skipped where nothing switches it."""
    from belay.testing.power import power_of

    return power_of(_belay_held)


@pytest.fixture
def devices(
    request: pytest.FixtureRequest, _belay_board: str
) -> Callable[[int], tuple[Device, ...]]:
    """``devices(2)``: that many boards, ``device`` being the first where a test has both."""
    run, item = run_of(request.config), request.node
    return lambda count: run.several(item, _belay_board, count)


@pytest.fixture
def device_factory(request: pytest.FixtureRequest, _belay_board: str) -> Callable[..., Device]:
    """``device_factory("wifi", board="pico-a")``: another board that has what is asked."""
    run, item = run_of(request.config), request.node
    return lambda *names, board="", **limits: run.another(item, names, board or "", limits)


@pytest.fixture
def record_measurement(request: pytest.FixtureRequest) -> Callable[..., None]:
    """``record_measurement(name, value, unit, low, high)``: out of its limits it is a failure."""
    run, item = run_of(request.config), request.node

    def record(
        name: str,
        value: float,
        unit: str = "",
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        __tracebackhide__ = True
        run.record(item, name, value, unit, low, high)

    return record
