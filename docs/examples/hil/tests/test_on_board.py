# SPDX-License-Identifier: Apache-2.0
"""Bodies that run on the board, also on the virtual one."""

import pytest

pytestmark = pytest.mark.on_device


@pytest.mark.parametrize("duty", [0, 16384, 65535])
def test_heater_pin(wiring, duty):
    from machine import PWM, Pin

    heater = PWM(Pin(wiring["heater"]), freq=1000, duty_u16=duty)
    assert heater.freq() == 1000
    assert abs(heater.duty_u16() - duty) <= 8, "the duty that was asked for"


def test_the_sensor_answers(wiring):
    from machine import I2C, Pin

    bus = I2C(0, sda=Pin(wiring["sda"]), scl=Pin(wiring["scl"]))
    assert 0x76 in bus.scan(), "nobody at the address of the BME280"
