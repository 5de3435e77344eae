# SPDX-License-Identifier: Apache-2.0
"""The firmware on its board, driven and measured from here."""

import time

import pytest


@pytest.mark.requires("bench")
@pytest.mark.parametrize("degrees", [-5.0, 21.0, 36.9, 60.0])
def test_the_sensor_is_right(incubator, air, record_measurement, degrees):
    air.temperature = degrees
    temperature, _ = incubator.step(1.0)
    record_measurement("sensor.error", temperature - degrees, "°C", low=-0.5, high=0.5)


@pytest.mark.requires("bench", "heater")
def test_a_cold_start(device, incubator, air, board, record_measurement):
    """The room is simulated: what the heater does, its next temperature shows."""
    degrees, reached = 21.0, None
    heater = device.board.pins[board.wiring.heater]
    for second in range(0, 600, 5):
        air.temperature = degrees
        incubator.step(5.0)
        assert device.board.parts["lamp"].lit == (degrees < 36.0) or abs(degrees - 36) < 0.5
        power = heater.state["pwm"]["duty_u16"] / 65535
        degrees += 5 * (0.2 * power - 0.004 * (degrees - 21.0))
        if reached is None and degrees > 36.5:
            reached = second
    record_measurement("warm.after", reached, "s", high=300)
    record_measurement("warm.end", degrees, "°C", low=36.5, high=37.5)


@pytest.mark.requires("bench")
def test_no_heat_without_a_sensor(device, board, incubator, air):
    air.temperature = 10.0
    assert incubator.step(1.0)[1] > 0
    incubator.sensor._address = 0x40  # nobody lives there
    assert incubator.step(1.0) == (None, 0.0)
    assert device.board.pins[board.wiring.heater].state["pwm"]["duty_u16"] == 0


@pytest.mark.requires(min_free_ram=50_000)
def test_a_hundred_steps_leak_nothing(device, incubator):
    device("import gc")
    incubator.step(1.0)
    before = device("gc.collect() or gc.mem_alloc()")
    for _ in range(100):
        incubator.step(1.0)
    assert device("gc.collect() or gc.mem_alloc()") < before + 2000


def test_what_it_tells(incubator, device_log):
    incubator.run(0.01, 3)
    found = device_log.wait_for(r"(-?\d+\.\d) C, heater (\d+) %")
    assert -20 < float(found[1]) < 60
    assert len(device_log.lines) == 3


def test_power_loss(device, power, wiring):
    """The heater is off when the power comes back, and the firmware is still there."""
    power.cycle()
    device("from machine import Pin")
    assert device(f"Pin({wiring['heater']}, Pin.IN).value()") == 0
    assert device.files.exists("/incubator.py")


@pytest.mark.hardware
@pytest.mark.requires("heater")
def test_it_really_heats(incubator, record_measurement):
    before, _ = incubator.step(1.0)
    incubator.heater.duty_u16(65535)
    try:
        time.sleep(30)
        after = incubator.sensor.temperature()
    finally:
        incubator.heater.duty_u16(0)
    record_measurement("heating", (after - before) * 2, "°C/min", low=1.0)
