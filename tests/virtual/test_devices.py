# SPDX-License-Identifier: Apache-2.0
"""The parts on the buses by themselves, with a clock that stands where the test puts it."""

from __future__ import annotations

import itertools
import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belay.virtual.devices.air import Weather, room
from belay.virtual.devices.bme280 import Bme280, Trimming
from belay.virtual.devices.eeprom import Eeprom
from belay.virtual.i2c import Bus

CALM = Weather(21.5, 98_765.0, 33.0)


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Lab:
    """A sensor on a bus, powered long enough to be ready."""

    def __init__(self, weather: Weather = CALM, seed: int = 1) -> None:
        self.clock, self.bus = Clock(), Bus()
        self.sensor = Bme280(lambda seconds: weather, self.clock, seed)
        self.bus.attach(self.sensor)
        self.clock.seconds = 1.0

    def set(self, **registers: int) -> None:
        names = {"hum": 0xF2, "meas": 0xF4, "config": 0xF5, "reset": 0xE0}
        for name, value in registers.items():
            assert self.bus.transfer(0x76, bytes([names[name], value]), -1, True) == 2

    def get(self, register: int, count: int = 1) -> bytes:
        data = self.bus.transfer(0x76, bytes([register]), count, True)
        assert isinstance(data, bytes)
        return data

    @property
    def measuring(self) -> bool:
        return self.get(0xF3) == b"\x08"

    def raw(self) -> tuple[int, int, int]:
        """Pressure, temperature, humidity."""
        d = self.get(0xF7, 8)
        p, t = int.from_bytes(d[0:3], "big"), int.from_bytes(d[3:6], "big")
        assert p & 15 == t & 15 == 0
        return p >> 4, t >> 4, int.from_bytes(d[6:8], "big")

    def weather(self) -> Weather:
        """What the trimming says that the raw numbers mean."""
        p, t, h = self.raw()
        trimming = self.sensor.trimming
        fine = trimming.fine(t)
        return Weather(fine / 5120, trimming.pressure(p, fine), trimming.humidity(h, fine))


def test_formulas_against_the_example_of_the_data_sheet() -> None:
    # BST-BMP280-DS001, 3.12; the default trimming is the one of this example.
    fine = Trimming().fine(519_888)
    assert math.isclose(fine, 128_422, abs_tol=1)
    assert math.isclose(Trimming().pressure(415_148, fine), 100_653.27, abs_tol=0.02)


@settings(max_examples=60, deadline=None)
@given(st.floats(-40, 85), st.floats(30_000, 110_000), st.floats(0, 100), st.integers(0, 10**6))
def test_any_weather_comes_back_from_any_chip(t: float, p: float, h: float, seed: int) -> None:
    lab = Lab(Weather(t, p, h), seed)
    lab.set(hum=5, meas=0xB5)
    lab.clock.seconds += 0.2
    seen = lab.weather()
    assert abs(seen.temperature - t) < 0.02
    assert abs(seen.pressure - p) < 15
    assert abs(seen.humidity - h) < 0.3


@pytest.mark.parametrize(("hum", "meas", "ms"), [(0, 0x21, 3.0), (1, 0x25, 8.0), (5, 0xB5, 98.0)])
def test_a_forced_conversion_takes_time_and_ends_in_sleep(hum: int, meas: int, ms: float) -> None:
    lab = Lab()
    lab.set(hum=hum, meas=meas)
    assert lab.measuring
    lab.clock.seconds += (ms - 0.01) / 1000
    assert lab.measuring
    assert lab.raw() == (0x80000, 0x80000, 0x8000)
    assert lab.get(0xF4)[0] & 3
    lab.clock.seconds += 0.02 / 1000
    assert not lab.measuring
    assert lab.get(0xF4)[0] & 3 == 0
    p, t, h = lab.raw()
    assert t != 0x80000
    assert (p != 0x80000) is bool(meas & 0x1C)
    assert (h != 0x8000) is bool(hum)
    before = lab.raw()
    lab.clock.seconds += 1000
    assert lab.raw() == before


def test_oversampling_of_humidity_waits_for_the_other_settings() -> None:
    lab = Lab()
    lab.set(meas=0x25, hum=1)
    lab.clock.seconds += 1
    assert lab.raw()[2] == 0x8000
    lab.set(meas=0x25)
    lab.clock.seconds += 1
    assert lab.raw()[2] != 0x8000


def test_normal_mode_measures_again_and_again_until_it_is_told_to_sleep() -> None:
    lab = Lab()
    lab.set(hum=1, config=0x80, meas=0x27)  # 8 ms, then 500 ms of standby
    lab.clock.seconds += 0.01
    seen = set()
    for _ in range(20):
        lab.clock.seconds += 0.508
        assert not lab.measuring
        seen.add(lab.raw())
    assert len(seen) == 20
    lab.clock.seconds += 0.499
    assert lab.measuring  # the next one has begun
    lab.set(meas=0x24)
    assert lab.measuring  # and is not cut short
    lab.clock.seconds += 0.009
    last = lab.raw()
    lab.clock.seconds += 100
    assert (lab.raw(), lab.get(0xF4)) == (last, b"\x24")


def test_a_long_silence_in_normal_mode_costs_little() -> None:
    lab = Lab()
    lab.set(hum=1, config=0x10, meas=0x27)
    calls = itertools.count()
    lab.sensor.air = lambda seconds: (next(calls), CALM)[1]
    lab.clock.seconds += 1e6
    assert abs(lab.weather().temperature - CALM.temperature) < 0.05
    assert next(calls) < 200


def test_settings_of_a_running_conversion_are_those_of_its_begin() -> None:
    lab = Lab()
    lab.set(hum=1, meas=0x25)
    lab.set(meas=0xB5, hum=0)  # waits for its turn
    lab.set(meas=0x24)  # a second one is too many
    lab.clock.seconds += 0.0085
    assert lab.measuring
    assert lab.raw()[2] != 0x8000
    lab.clock.seconds += 1
    assert not lab.measuring


@pytest.mark.parametrize(("oversampling", "bits"), [(1, 16), (2, 17), (3, 18), (4, 19), (5, 20)])
def test_oversampling_is_resolution(oversampling: int, bits: int) -> None:
    lab, low = Lab(), 0
    for _ in range(40):
        lab.set(meas=oversampling << 5 | oversampling << 2 | 1)
        lab.clock.seconds += 0.2
        low |= lab.raw()[0] | lab.raw()[1]
    assert low & -low == 1 << (20 - bits)


def test_oversampling_and_the_filter_make_it_quiet() -> None:
    def spread(config: int, meas: int) -> float:
        lab, values = Lab(), []
        lab.set(config=config)
        for _ in range(150):
            lab.set(meas=meas)
            lab.clock.seconds += 0.2
            values.append(lab.weather().pressure)
        return statistics.stdev(values[50:])

    assert spread(0, 0x25) > 2 * spread(0, 0x35) > 2 * spread(0x10, 0x35) > 0


def test_the_filter_follows_slowly() -> None:
    lab = Lab()
    lab.set(config=0x08)  # one part in four
    steps = []
    for temperature in (20.0, 30.0, 30.0):
        lab.sensor.air = lambda seconds, t=temperature: Weather(t, 1e5, 50)  # type: ignore[misc]
        lab.set(meas=0xA1)
        lab.clock.seconds += 0.2
        steps.append(lab.weather().temperature)
    assert steps == pytest.approx([20.0, 22.5, 24.375], abs=0.05)
    lab.set(config=0x04)  # a new filter starts with what comes
    lab.set(meas=0xA1)
    lab.clock.seconds += 0.2
    assert lab.weather().temperature == pytest.approx(30, abs=0.05)


def test_trimming_is_there_once_it_was_copied() -> None:
    lab = Lab()
    trimming = lab.get(0x88, 26) + lab.get(0xE1, 7)
    assert 0 not in {*lab.get(0x88, 2)}
    lab.set(meas=0x27)
    lab.set(reset=0xB6)
    assert lab.get(0xF3) == b"\x01"
    assert (lab.get(0xF4), lab.get(0x88, 26)) == (b"\0", bytes(26))
    lab.clock.seconds += 0.003
    assert (lab.get(0xF3), lab.get(0x88, 26) + lab.get(0xE1, 7)) == (b"\0", trimming)


def test_a_burst_is_of_one_moment() -> None:
    lab = Lab()
    lab.set(meas=0x25)
    lab.bus.transfer(0x76, b"\xf3", 0, False)
    first = lab.bus.read(1)
    lab.clock.seconds += 1
    assert (first, lab.bus.read(1)[0] & 3) == (b"\x08", 1)  # the mode of then
    lab.bus.stop()
    assert lab.get(0xF3, 2)[1] & 3 == 0


def test_a_room_drifts_slowly_and_stays_a_room() -> None:
    air = room(3)
    weathers = [air(seconds) for seconds in range(4000)]
    assert weathers == [room(3)(seconds) for seconds in range(4000)]
    assert weathers[0] != room(4)(0)
    for values, middle, reach, speed in zip(
        zip(*weathers, strict=True), (22, 101_325, 45), (1, 80, 3), (0.04, 3, 0.1), strict=True
    ):
        assert all(abs(value - middle) <= reach for value in values)
        assert 0 < max(abs(b - a) for a, b in itertools.pairwise(values)) < speed


# ---- the EEPROM, and the bus itself


def test_an_eeprom_writes_what_a_stop_ends() -> None:
    clock, bus = Clock(), Bus()
    bus.attach(Eeprom(clock))
    assert bus.transfer(0x50, b"\x10ab", -1, False) == 3
    assert bus.transfer(0x50, b"\x10", 2, True) == b"\xff\xff"  # a repeated start: lost
    assert bus.transfer(0x50, b"\x10ab", -1, True) == 3
    assert bus.transfer(0x50, b"\x10", 2, True) == -1
    assert bus.scan() == b""
    clock.seconds += 0.006
    assert bus.scan() == b"\x50"
    assert bus.transfer(0x50, b"\x10", 2, True) == b"ab"


def test_a_bus_has_one_device_for_an_address() -> None:
    clock, bus = Clock(), Bus()
    chips = [Eeprom(clock, 0x50), Eeprom(clock, 0x51)]
    for chip in [*chips, *chips]:
        bus.attach(chip)
    assert bus.scan() == b"\x50\x51"
    with pytest.raises(ValueError, match="0x51"):
        bus.attach(Eeprom(clock, 0x51))


def test_bytes_without_a_listener_go_nowhere() -> None:
    bus = Bus()
    assert (bus.write(b"12"), bus.read(2)) == (0, b"\xff\xff")
    bus.attach(Eeprom(Clock()))
    bus.start()
    assert bus.write(b"\xa1\x00") == 1  # for reading: it does not listen
    assert bus.read(1) == b"\xff"
    bus.stop()
    assert (bus.write(b"\xa0"), bus.read(1)) == (0, b"\xff")
