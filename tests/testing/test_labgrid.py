# SPDX-License-Identifier: Apache-2.0
"""Places of a labgrid laboratory that runs on this computer, with a board behind one of them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

import belay
from belay.errors import ConnectionFailedError, PortBusyError, PortNotFoundError
from belay.transports import open_transport
from tests.links.laboratory import Laboratory, laboratory
from tests.testing.rigs import rfc2217_board

pytestmark = pytest.mark.filterwarnings("ignore:set(Daemon|Name).* is deprecated")  # pyserial's


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    with rfc2217_board() as address:
        port = int(address.rpartition(":")[2])
        serial = {"host": "127.0.0.1", "port": port, "speed": 115200}
        places = {
            "pico": {"NetworkSerialPort": serial},
            "bare": {"NetworkPowerPort": {"model": "rest", "host": "pdu", "index": 1}},
        }
        with laboratory(tmp_path_factory.mktemp("lab"), places) as running:
            yield running


@pytest.fixture(autouse=True)
def _use_it(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELAY_LABGRID_CLIENT", lab.client)
    monkeypatch.setenv("LG_COORDINATOR", lab.coordinator)
    monkeypatch.setenv("LG_USERNAME", "me")


def test_a_place_is_acquired_used_and_released(lab: Laboratory) -> None:
    with belay.Device("labgrid:pico") as device:
        assert device("6 * 7") == 42
        with pytest.raises(PortBusyError, match="another program of yours has acquired it"):
            open_transport("labgrid:pico")
    lab.do("pico", "acquire", user="somebody")  # which says that it was released
    try:
        with pytest.raises(PortBusyError, match="labgrid:pico: .*acquired by .*/somebody"):
            belay.Device("labgrid:pico")
    finally:
        lab.do("pico", "release", user="somebody")


def test_a_place_without_a_serial_port_is_given_back(lab: Laboratory) -> None:
    with pytest.raises(ConnectionFailedError, match="labgrid:bare: the place has no NetworkSerial"):
        open_transport("labgrid:bare")
    assert "acquired: None" in lab.do("bare", "show", user="me")


def test_what_is_not_there(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PortNotFoundError, match=r"labgrid:roof: .* no such place; labgrid-client"):
        open_transport("labgrid:roof")
    monkeypatch.setenv("LG_COORDINATOR", "127.0.0.1:1")
    with pytest.raises(PortNotFoundError, match="no coordinator answers at 127.0.0.1:1, which LG_"):
        open_transport("labgrid:pico")
    monkeypatch.setenv("BELAY_LABGRID_CLIENT", "/nowhere/labgrid-client")
    with pytest.raises(PortNotFoundError, match="Install labgrid into an environment of its own"):
        open_transport("labgrid:pico")


def test_its_pyserial_and_ours_never_meet(lab: Laboratory) -> None:
    """Both own the folder ``serial``: the one installed last would win."""
    theirs = metadata.Distribution.discover(
        path=[
            str(path) for path in Path(lab.python).parent.parent.glob("lib/python*/site-packages")
        ]
    )
    owners = {"pyserial", "pyserial-labgrid"}

    def owns_serial(found: metadata.Distribution) -> bool:
        return any(str(file) == "serial/__init__.py" for file in found.files or ())

    assert {d.name for d in theirs if owns_serial(d)} == {"pyserial-labgrid"}
    assert {d.name for d in metadata.distributions() if owns_serial(d)} & owners == {"pyserial"}
