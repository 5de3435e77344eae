# SPDX-License-Identifier: Apache-2.0
"""What needs no board: imported from firmware/, run here."""

import pytest
from bme280 import celsius
from thermostat import Thermostat


def test_the_data_sheets_example():
    assert celsius(519888, 27504, 26435, -1000) == pytest.approx(25.08, abs=0.005)


@pytest.mark.parametrize(
    ("temperature", "power"),
    [(20.0, 1.0), (36.0, 0.2), (37.0, 0.0), (40.0, 0.0), (45.0, 0.0), (None, 0.0)],
)
def test_power(temperature, power):
    assert Thermostat(37.0).power(temperature, 1.0) == pytest.approx(power)


def test_what_is_lost_to_the_room_is_made_up_for():
    thermostat, temperature = Thermostat(37.0), 21.0
    for _ in range(1200):
        power = thermostat.power(temperature, 1.0)
        temperature += 0.2 * power - 0.004 * (temperature - 21.0)
    assert temperature == pytest.approx(37.0, abs=0.1)
