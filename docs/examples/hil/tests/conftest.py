# SPDX-License-Identifier: Apache-2.0
import pytest


@pytest.fixture
def incubator(device, wiring):
    """The firmware's Incubator, with the wires of this board: a proxy of it."""
    device("from incubator import Incubator")
    return device.proxy("Incubator")(**wiring)


@pytest.fixture
def air(device):
    """The air around the sensor; only a bench lets a test choose its temperature."""
    air = device.board.parts["air"]
    yield air
    air.temperature = 21.0  # a reset of the board does not open the window
