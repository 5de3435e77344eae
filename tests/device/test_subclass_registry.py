# SPDX-License-Identifier: Apache-2.0
"""Subclasses are found by name, and mixins may stand anywhere among the bases."""

# ruff: noqa: F821, N805
# Functions of the board use its names, and take no self.

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import pytest

from belay import Device, DeviceMeta


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    """The register as it was, for other tests."""
    before = dict(DeviceMeta._registered)
    DeviceMeta._registered.clear()
    yield
    DeviceMeta._registered.clear()
    DeviceMeta._registered.update(before)


def test_the_register() -> None:
    assert bool(Device)
    assert len(Device) == 0

    class Robot(Device):
        pass

    class FastRobot(Robot):
        pass

    class Abstract(Device, skip=True):
        pass

    class Concrete(Abstract, name="Other Name"):
        pass

    class Mixin(metaclass=DeviceMeta):
        pass

    assert list(Device) == ["robot", "fastrobot", "other name"]
    assert list(Device.keys()) == list(Device)
    assert list(Device.values()) == [Robot, FastRobot, Concrete]
    assert dict(Device.items())["fastrobot"] is FastRobot
    assert Device["robot"] is Device["Robot"] is Device.get("ROBOT") is Robot
    assert Device["other name"] is Concrete
    assert list(Robot.items()) == [("fastrobot", FastRobot)]
    assert list(Abstract) == ["other name"]
    assert len(Device) == 3
    assert "robot" in Device
    assert "robot" not in Robot
    assert "abstract" not in Device
    assert "mixin" not in Device
    assert Robot not in Device
    assert Device.get("none") is None
    assert Device.get("none", 5) == 5
    with pytest.raises(KeyError, match="Robot is called 'robot'; there are: fastrobot"):
        Robot["robot"]
    Robot.clear()
    assert list(Device) == ["robot", "other name"]
    Device.clear()
    assert list(Device) == []
    with pytest.raises(KeyError, match="none"):
        Device["robot"]


def test_a_class_that_is_defined_again_takes_the_place() -> None:
    made = []
    for _ in range(2):

        class Again(Device):
            pass

        made.append(Again)
    assert list(Device.values()) == [made[1]]


def test_keywords_of_classes() -> None:
    seen: dict[str, Any] = {}

    class Base(Device):
        def __init_subclass__(cls, **options: Any) -> None:
            seen.update(options)

    class Derived(Base, name="d", flavour="sweet"):
        pass

    assert seen == {"flavour": "sweet"}
    assert Device["d"] is Derived
    with pytest.raises(TypeError):

        class Wrong(Device, unknown=1):
            pass


class Led(metaclass=DeviceMeta):
    colour = "red"

    def __init__(self, *args: Any, **options: Any) -> None:
        self.made_by = "Led"
        super().__init__(*args, **options)

    @Device.task
    def led():
        return "led"

    @Device.setup(autoinit=True)
    def setup_led():
        order.append("led")


class Motor(metaclass=DeviceMeta):
    colour = "blue"

    @Device.task
    def motor(x):
        return -x

    @Device.setup(autoinit=True)
    def setup_motor():
        order.append("motor")

    def interrupt(self) -> str:
        return "the mixin's"


class Plain:
    plain = True


ORDERS = [
    (Led, Motor, Device),
    (Device, Led, Motor),
    (Led, Device, Motor),
    (Plain, Device, Led, Motor),
]


@pytest.mark.parametrize("bases", ORDERS, ids=lambda bases: "-".join(b.__name__ for b in bases))
def test_mixins_in_any_order(bases: tuple[type, ...]) -> None:
    cls = DeviceMeta("Robot", bases, {}, skip=True)
    root = cls.__mro__.index(Device)
    assert cls.__mro__[root:] == Device.__mro__
    assert cls.__mro__[1:root] == tuple(base for base in bases if base is not Device)


def test_what_mixins_bring() -> None:
    class Start(metaclass=DeviceMeta):
        def __pre_autoinit__(self) -> None:
            self("order = []")

    class Robot(Device, Led, Motor, Start, skip=True):
        pass

    class Special(Robot, Plain, skip=True):
        colour = "green"

    with Special("virtual:") as device:
        assert device.made_by == "Led"
        assert (device.led(), device.motor(3)) == ("led", -3)
        assert device.interrupt() == "the mixin's"
        assert (device.colour, device.plain) == ("green", True)
        assert device("order") == ["led", "motor"]
        assert isinstance(device, Led)
    assert Special.__mro__[:7] == (Special, Robot, Led, Motor, Start, Plain, Device)


def test_abstract_classes() -> None:
    class Drives(ABC):
        @abstractmethod
        def drive(self) -> str: ...

    class Unfinished(Device, Drives, skip=True):
        pass

    class Finished(Unfinished, skip=True):
        @Device.task
        def drive():
            return "driven"

    with pytest.raises(TypeError, match="abstract"):
        Unfinished("virtual:")
    with Finished("virtual:") as device:
        assert device.drive() == "driven"
