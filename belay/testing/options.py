# SPDX-License-Identifier: Apache-2.0
"""Command line and ini options of the plugin. pytest loads this always: it must be cheap."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import pytest

__all__ = [
    "RESETS",
    "SIMULATED",
    "Settings",
    "add_options",
    "check_paths",
    "settings_of",
    "speaks_of_belay",
]

SIMULATED = ("auto", "only", "never")
RESETS = ("never", "module", "function")

_INI = {
    "device": "address or name of the board that tests use, or 'all'; one a line",
    "device_sim": "may the virtual board serve: auto, only or never (default: auto)",
    "device_reset": "when a board is soft-reset: never, module or function (default: function)",
    "device_wait": "seconds to wait for a board that another process uses (default: 300)",
    "device_connect_timeout": "seconds that a board may take to answer (default: 10)",
    "device_log_dir": "folder for one log file a test",
    "device_unittest": "folders whose unittest files run on the board, one a line",
    "device_sync": "folders put on a board before each test, FOLDER or FOLDER:/WHERE, one a line",
}

_OPTIONS: dict[str, dict[str, Any]] = {
    "device": {
        "action": "append",
        "default": [],
        "metavar": "ADDRESS|NAME|all",
        "help": "the board that tests use: an address, a name that is configured, or all boards. "
        "Can be given several times.",
    },
    "device-sim": {
        "choices": SIMULATED,
        "help": "the virtual board: auto takes it where no other board is there, only uses nothing "
        "else, never leaves it out.",
    },
    "device-reset": {
        "choices": RESETS,
        "help": "when a board is soft-reset: before each test (function, the default), before the "
        "first of each module, or never.",
    },
    "device-log-dir": {
        "metavar": "DIR",
        "help": "write one file a test: what the board printed, its facts, the end of the "
        "exchange.",
    },
    "device-measurements": {
        "metavar": "FILE",
        "help": "write what record_measurement was given, as JSON.",
    },
    "device-record": {
        "metavar": "DIR",
        "help": "record what is said to the boards of each test, there.",
    },
    "device-replay": {
        "metavar": "DIR",
        "help": "use no boards, but what --device-record wrote there.",
    },
}

_LISTS = ("device", "device_unittest", "device_sync")

_FILES = ("pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg")
_SPEAKS = re.compile(rb"tool\.belay\b|\bbelay_device")


class Settings(NamedTuple):
    """What the command line and the ini file say.

    Attributes:
        devices: addresses and names; empty where none was given.
        sim: may the virtual board serve: ``auto``, ``only`` or ``never``.
        reset: when a board is soft-reset: ``never``, ``module`` or ``function``.
        wait: seconds to wait for a board that another process uses.
        connect_timeout: seconds that a board may take to answer.
        log_dir: folder for one log file a test; None for none.
        measurements: the file that takes what ``record_measurement`` was given; None for none.
        unittests: folders whose ``unittest`` files run on the board.
        root: the folder of the project, whose ``pyproject.toml`` has the boards.
        syncs: folders that the board has before each test, and where on it.
        record: the folder in which each test is recorded; None for none.
        replay: the folder of recordings that are played in the place of boards; None for none.
    """

    devices: tuple[str, ...]
    sim: Literal["auto", "only", "never"]
    reset: Literal["never", "module", "function"]
    wait: float
    connect_timeout: float
    log_dir: Path | None
    measurements: Path | None
    unittests: tuple[Path, ...]
    root: Path
    syncs: tuple[tuple[Path, str], ...]
    record: Path | None = None
    replay: Path | None = None


def speaks_of_belay(folder: Path) -> bool:
    """Whether the project of a folder has to do with boards.

    In all others, ``--device`` may be an option of their own: pytest then refuses to start if we
    have it, too.
    """
    if os.environ.get("BELAY_DEVICE"):
        return True
    for place in (folder, *folder.parents):
        found = [place / name for name in _FILES if (place / name).is_file()]
        if found:
            return any(_SPEAKS.search(file.read_bytes()) for file in found)
    return False


def add_options(parser: pytest.Parser) -> None:
    """Add our options and ini keys; in projects without boards only by their long names."""
    group = parser.getgroup("belay", "boards (belay)")
    short = speaks_of_belay(Path.cwd())

    def names(name: str) -> tuple[str, ...]:
        long = name.replace("--", "--belay-", 1)
        return (name, long) if short else (long,)

    for name, rest in _OPTIONS.items():
        group.addoption(*names(f"--{name}"), dest=f"belay_{name.replace('-', '_')}", **rest)
    for name, text in _INI.items():
        kind: Literal["linelist", "string"]
        kind = "linelist" if name in _LISTS else "string"
        parser.addini(f"belay_{name}", text, kind, default=[] if kind == "linelist" else "")


_SETTINGS = pytest.StashKey[Settings]()


def settings_of(config: pytest.Config) -> Settings:
    """What was asked for.

    Raises:
        pytest.UsageError: an ini key has a value that is not understood.
    """
    if _SETTINGS not in config.stash:
        config.stash[_SETTINGS] = _settings(config)
    return config.stash[_SETTINGS]


def _settings(config: pytest.Config) -> Settings:
    given: list[str] = config.getoption("belay_device")
    folder = config.getoption("belay_device_log_dir") or config.getini("belay_device_log_dir")
    measurements = config.getoption("belay_device_measurements")
    return Settings(
        devices=tuple(given or config.getini("belay_device")),
        sim=cast("Literal['auto', 'only', 'never']", _choice(config, "device_sim", SIMULATED)),
        reset=cast(
            "Literal['never', 'module', 'function']", _choice(config, "device_reset", RESETS)
        ),
        wait=_seconds(config, "device_wait", 300.0),
        connect_timeout=_seconds(config, "device_connect_timeout", 10.0),
        log_dir=Path(config.invocation_params.dir, folder) if folder else None,
        measurements=(Path(config.invocation_params.dir, measurements) if measurements else None),
        record=_folder(config, "belay_device_record"),
        replay=_folder(config, "belay_device_replay"),
        unittests=tuple(
            Path(config.rootpath, folder) for folder in config.getini("belay_device_unittest")
        ),
        root=config.rootpath,
        syncs=_syncs(config),
    )


def _folder(config: pytest.Config, option: str) -> Path | None:
    given = config.getoption(option)
    return Path(config.invocation_params.dir, given) if given else None


def check_paths(settings: Settings) -> None:
    """Make the folders that are written to, and look for those that are read.

    Raises:
        pytest.UsageError: says which one is wrong, and why.
    """
    for option, folder in (
        ("--device-log-dir", settings.log_dir),
        ("--device-record", settings.record),
        ("--device-measurements", settings.measurements and settings.measurements.parent),
    ):
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise pytest.UsageError(
                f"{option}: there cannot be a folder {folder}: {error}"
            ) from None
    if settings.replay is not None and not settings.replay.is_dir():
        raise pytest.UsageError(
            f"--device-replay: there is no folder {settings.replay}. --device-record writes one"
        )
    if settings.replay is not None and settings.record is not None:
        raise pytest.UsageError("--device-record and --device-replay: one of them")
    if settings.measurements is not None and settings.measurements.is_dir():
        raise pytest.UsageError(f"--device-measurements: {settings.measurements} is a folder")
    for key, folders in (
        ("belay_device_unittest", settings.unittests),
        ("belay_device_sync", tuple(folder for folder, _ in settings.syncs)),
    ):
        for folder in folders:
            if not folder.is_dir():
                raise pytest.UsageError(f"{key}: there is no folder {folder}")


def _syncs(config: pytest.Config) -> tuple[tuple[Path, str], ...]:
    found: dict[str, Path] = {}
    for line in config.getini("belay_device_sync"):
        folder, colon, where = line.rpartition(":/")
        where = f"/{where.strip('/')}" if colon else "/"
        if where in found:
            raise pytest.UsageError(
                f"belay_device_sync: {line!r} would replace {found[where].name} in {where} of the "
                "board; two folders cannot be one. Name another place, FOLDER:/WHERE"
            )
        found[where] = Path(config.rootpath, folder if colon else line)
    return tuple((folder, where) for where, folder in found.items())


def _choice(config: pytest.Config, name: str, choices: tuple[str, ...]) -> str:
    value: str = config.getoption(f"belay_{name}") or config.getini(f"belay_{name}")
    if not value:
        return "auto" if choices is SIMULATED else "function"
    if value not in choices:
        known = ", ".join(choices)
        raise pytest.UsageError(f"belay_{name} = {value!r} is none of {known}")
    return value


def _seconds(config: pytest.Config, name: str, usual: float) -> float:
    value: str = config.getini(f"belay_{name}")
    try:
        return float(value) if value else usual
    except ValueError:
        raise pytest.UsageError(f"belay_{name} = {value!r} is no number of seconds") from None
