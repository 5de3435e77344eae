# SPDX-License-Identifier: Apache-2.0
"""Which view shows an object: by the name of its type on the board, or of one further up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from belay.output import handler
from belay.proxies import kind_in, operation
from belay.proxy_operations import LEARN
from belay_jupyter import polling
from belay_jupyter.views.base import BoardIsBusy, View
from belay_jupyter.views.containers import ContainerView
from belay_jupyter.views.framebuffer import FrameBufferView
from belay_jupyter.views.i2c import I2CView
from belay_jupyter.views.neopixel import NeoPixelView
from belay_jupyter.views.rtc import RTCView
from belay_jupyter.views.special import ADCView, PinView, PWMView
from belay_jupyter.views.spi import SPIView
from belay_jupyter.views.tree import TreeView
from belay_jupyter.views.uart import UARTView

if TYPE_CHECKING:
    from belay.proxies import ProxyObject

__all__ = ["Factory", "child_of", "first_look", "register", "view", "view_now"]

Factory = Callable[..., View]

_factories: dict[str, Factory] = {
    "ADC": ADCView,
    "FrameBuffer": FrameBufferView,
    "I2C": I2CView,
    "NeoPixel": NeoPixelView,
    "PWM": PWMView,
    "Pin": PinView,
    "RTC": RTCView,
    "SPI": SPIView,
    "SoftI2C": I2CView,
    "SoftSPI": SPIView,
    "UART": UARTView,
    "dict": ContainerView,
    "list": ContainerView,
}

_OF_MICROPYTHON = {PinView, PWMView, ADCView, I2CView, RTCView, SPIView, UARTView}
"""CircuitPython has types of some of these names, too, and they work otherwise."""


def register(type_name: str, factory: Factory) -> None:
    """See :func:`belay_jupyter.register_view`."""
    if not callable(factory):
        raise TypeError(f"a view is made by a class or a function, not by {factory!r}")
    _factories[type_name] = factory


def view(proxy: ProxyObject, every: float | None = None, **options: Any) -> View:
    """See :func:`belay_jupyter.view`."""
    from belay.proxies import ProxyObject

    if not isinstance(proxy, ProxyObject):
        raise TypeError(f"{proxy!r:.80} is no proxy: it is here, not on a board")
    return _made(proxy, every, options, wait=True)


def view_now(proxy: ProxyObject) -> View:
    """A view of an object on a board that is idle, and that still has the object.

    Raises:
        BoardIsBusy: the board runs something else, and was not asked.
        BelayException: there can be no view; the message says why.
    """
    made = _made(proxy, None, {}, wait=False)
    if not made.values:
        made.stop()
        raise BoardIsBusy(made.said)
    return made


def first_look(proxy: ProxyObject, type_name: str) -> tuple[int, tuple[Any, ...], tuple[str, ...]]:
    """What the view of a member of an object will ask first: kind, names, and what brings them.

    Args:
        proxy: the object.
        type_name: of the member.
    """
    found = _known(proxy, type_name)
    if found is None:
        return polling.MEMBERS, (), ()
    if found is ContainerView:
        return polling.RUN, ("entries",), ("panels",)
    return polling.ALIVE, (), ()  # nothing: it asks by itself


def child_of(proxy: ProxyObject, type_name: str, bases: list[str], seen: polling.Answer) -> View:
    """The view of a member.

    Args:
        proxy: the member.
        type_name: what :func:`first_look` was given.
        bases: what its type is derived from.
        seen: what the board answered to the first look.
    """
    kind = proxy._belay_kind
    if kind is not None:
        kind.bases = bases
    expected = _known(proxy, type_name)
    found = _factory(proxy)
    if found is expected and found in (None, ContainerView):
        return (found or TreeView)(proxy, seen=seen)
    return (found or TreeView)(proxy, None)


def _made(proxy: ProxyObject, every: float | None, options: dict[str, Any], *, wait: bool) -> View:
    if proxy._belay_kind is None or proxy._belay_device.closed:
        _learn(proxy, wait=wait)
    kind = proxy._belay_kind
    if kind is not None and kind.bases is None and _known(proxy, kind.name) is None:
        # What it is derived from; and, for most things are nothing special, what there is to see.
        questions = [polling.Question(what, proxy) for what in (polling.KIN, polling.MEMBERS)]
        answers = polling.ask(proxy._belay_device, questions, wait=wait)
        if answers is None:
            raise BoardIsBusy("busy: the board runs something else")
        if not answers[0].error:
            kind.bases = answers[0].value[1:]
        if _factory(proxy) is None:
            return TreeView(proxy, every, seen=answers[1], **options)
    return (_factory(proxy) or TreeView)(proxy, every, **options)


def _factory(proxy: ProxyObject) -> Factory | None:
    """What shows an object, by all that is known of its type; None: nothing special."""
    kind = proxy._belay_kind
    names = [] if kind is None else [kind.name, *(kind.bases or ())]
    return next(filter(None, (_known(proxy, name) for name in names)), None)


def _known(proxy: ProxyObject, name: str) -> Factory | None:
    """What shows objects of a type on a proxy's board."""
    factory = _found(name)
    other = proxy._belay_device._session.facts.name != "micropython"
    return None if other and factory in _OF_MICROPYTHON else factory


def _found(name: str) -> Factory | None:
    if name.startswith(("class ", "module ")):  # the class itself is no such object
        return None
    return _factories.get(name) or _factories.get(name.rpartition(".")[2])


def _learn(proxy: ProxyObject, *, wait: bool) -> None:
    """Have the host know the type of an object, such as ``machine.Pin``; one message."""
    proxy._belay_check()
    device = proxy._belay_device
    wanted = operation(LEARN, proxy._belay_operand, "__class__")
    if wait:
        answer = device._perform(wanted)
    else:
        answer = device._session.perform_if_idle(
            wanted, timeout=5, output=handler(None), taped=True
        )
        if answer is NotImplemented:
            raise BoardIsBusy("busy: the board runs something else")
    proxy._belay_kind = kind_in(device._session, answer[0])
