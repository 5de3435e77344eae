# SPDX-License-Identifier: Apache-2.0
"""Which view shows an object: by the name of its type on the board."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from belay.proxies import kind_in, operation
from belay.proxy_operations import LEARN
from belay_jupyter.views.base import View
from belay_jupyter.views.special import ADCView, PinView, PWMView
from belay_jupyter.views.tree import TreeView

if TYPE_CHECKING:
    from belay.proxies import ProxyObject

__all__ = ["Factory", "register", "view"]

Factory = Callable[..., View]

_factories: dict[str, Factory] = {"Pin": PinView, "PWM": PWMView, "ADC": ADCView}


def register(type_name: str, factory: Factory) -> None:
    """See :func:`belay_jupyter.register_view`."""
    if not callable(factory):
        raise TypeError(f"a view is made by a class or a function, not by {factory!r}")
    _factories[type_name] = factory


def view(proxy: ProxyObject, every: float | None = None) -> View:
    """See :func:`belay_jupyter.view`."""
    from belay.proxies import ProxyObject

    if not isinstance(proxy, ProxyObject):
        raise TypeError(f"{proxy!r:.80} is no proxy: it is here, not on a board")
    name = _type_of(proxy)
    found = _factories.get(name) or _factories.get(name.rpartition(".")[2]) or TreeView
    return found(proxy, every)


def _type_of(proxy: ProxyObject) -> str:
    """The name of the object's type, such as ``machine.Pin``; asked for where it is not known."""
    if proxy._belay_kind is None:
        proxy._belay_check()
        device = proxy._belay_device
        description, _ = device._perform(operation(LEARN, proxy._belay_operand, "__class__"))
        proxy._belay_kind = kind_in(device._session, description)
    return "" if proxy._belay_kind is None else proxy._belay_kind.name
