# SPDX-License-Identifier: Apache-2.0
"""Drive MicroPython and CircuitPython boards from Python.

    import belay

    with belay.Device("virtual:") as device:

        @device.task
        def area(w, h):
            return w * h

        print(area(3, 4))

``import belay`` is cheap: what a program does not use is not loaded. The names below arrive when
they are first asked for (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from belay.errors import (
    AddressError,
    AuthenticationError,
    BatchError,
    BelayException,
    BoardBusyError,
    BoardFileError,
    BoardMemoryError,
    BoardResetError,
    BoardSilentError,
    CallTimeoutError,
    CassetteError,
    ConnectionFailedError,
    ConnectionLost,
    DeviceClosedError,
    DeviceNotFoundError,
    DownloadError,
    FeatureUnavailableError,
    ForeignBelayError,
    InsufficientSpecifierError,
    IntegrityError,
    LockError,
    MaxHistoryLengthError,
    NoMatchingExecuterError,
    NoSpaceError,
    NotBelayResponseError,
    NotPythonBoardError,
    PackageError,
    PackageNotFoundError,
    PortBusyError,
    PortNotFoundError,
    ProjectError,
    PyboardError,
    PyboardException,
    ReadOnlyError,
    ReplayError,
    ResolutionError,
    SourceError,
    SourceWarning,
    SpecialFunctionNameError,
    StaleProxyError,
    SyncError,
    TransferError,
    UnsafePathError,
    UnsupportedValueError,
)

if TYPE_CHECKING:
    from belay.aio import AsyncDevice
    from belay.boardtime import BoardTime
    from belay.device import Device
    from belay.events import EventStream
    from belay.generators import BoardGenerator
    from belay.pending import Pending
    from belay.proxies import ProxyObject
    from belay.recording import Recording
    from belay.registry import DeviceMeta
    from belay.sentinels import NO_RESULT, UNPARSABLE_RESULT
    from belay.session.facts import Implementation
    from belay.source.minify import minify
    from belay.transports.usb import UsbSpecifier, list_devices

__version__ = "0.1.0.dev0"

__all__ = [
    "NO_RESULT",
    "UNPARSABLE_RESULT",
    "AddressError",
    "AsyncDevice",
    "AuthenticationError",
    "BatchError",
    "BelayException",
    "BoardBusyError",
    "BoardFileError",
    "BoardGenerator",
    "BoardMemoryError",
    "BoardResetError",
    "BoardSilentError",
    "BoardTime",
    "CallTimeoutError",
    "CassetteError",
    "ConnectionFailedError",
    "ConnectionLost",
    "Device",
    "DeviceClosedError",
    "DeviceMeta",
    "DeviceNotFoundError",
    "DownloadError",
    "EventStream",
    "FeatureUnavailableError",
    "ForeignBelayError",
    "Implementation",
    "InsufficientSpecifierError",
    "IntegrityError",
    "LockError",
    "MaxHistoryLengthError",
    "NoMatchingExecuterError",
    "NoSpaceError",
    "NotBelayResponseError",
    "NotPythonBoardError",
    "PackageError",
    "PackageNotFoundError",
    "Pending",
    "PortBusyError",
    "PortNotFoundError",
    "ProjectError",
    "ProxyObject",
    "PyboardError",
    "PyboardException",
    "ReadOnlyError",
    "Recording",
    "ReplayError",
    "ResolutionError",
    "SourceError",
    "SourceWarning",
    "SpecialFunctionNameError",
    "StaleProxyError",
    "SyncError",
    "TransferError",
    "UnsafePathError",
    "UnsupportedValueError",
    "UsbSpecifier",
    "__version__",
    "list_devices",
    "minify",
]

_LAZY = {
    "Pending": "belay.pending",
    "BoardGenerator": "belay.generators",
    "AsyncDevice": "belay.aio",
    "BoardTime": "belay.boardtime",
    "Device": "belay.device",
    "DeviceMeta": "belay.registry",
    "EventStream": "belay.events",
    "Implementation": "belay.session.facts",
    "NO_RESULT": "belay.sentinels",
    "ProxyObject": "belay.proxies",
    "Recording": "belay.recording",
    "UNPARSABLE_RESULT": "belay.sentinels",
    "UsbSpecifier": "belay.transports.usb",
    "minify": "belay.source.minify",
    "list_devices": "belay.transports.usb",
}

_MODULES = {"exceptions", "proxy_object"}
"""Modules that ``import belay`` alone brings in Belay 0.30."""


def __getattr__(name: str) -> object:
    module = _LAZY.get(name)
    if module is None:
        if name in _MODULES:
            return import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
