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

__all__ = ["Factory", "register", "view", "view_now"]

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


def _made(proxy: ProxyObject, every: float | None, options: dict[str, Any], *, wait: bool) -> View:
    if proxy._belay_kind is None or proxy._belay_device.closed:
        _learn(proxy, wait=wait)
    kind = proxy._belay_kind
    found = _found(kind.name) if kind is not None else None
    seen = None
    if found is None and kind is not None and kind.bases is None:
        # What it is derived from; and, for most things are nothing special, what there is to see.
        questions = [polling.Question(what, proxy) for what in (polling.KIN, polling.MEMBERS)]
        answers = polling.ask(proxy._belay_device, questions, wait=wait)
        if answers is None:
            raise BoardIsBusy("busy: the board runs something else")
        bases, seen = answers
        if not bases.error:
            kind.bases = bases.value[1:]
    if found is None and kind is not None:
        found = next(filter(None, map(_found, kind.bases or ())), None)
    if found is not None:
        return found(proxy, every, **options)
    return TreeView(proxy, every, seen=seen, **options)


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
