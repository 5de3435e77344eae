# SPDX-License-Identifier: Apache-2.0
"""The class of Device classes: overloads, mixins in any order, and the register of subclasses."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any, ClassVar

from belay.overloads import ClassBody

__all__ = ["DeviceMeta"]

_ROOT = "_belay_root"


class DeviceMeta(ABCMeta):
    """Metaclass of :class:`belay.Device`, and of the mixins that bring executers to it.

    ::

        class Led(metaclass=DeviceMeta):
            @Device.task
            def led(state):
                ...

        class Robot(Device, Led):
            ...

    The order of the bases does not matter: Device comes last before ``object``, so what a mixin
    defines wins over what Device has.

    Classes are found again by their name, in any case: ``Device["robot"]``,
    ``Device.get("robot")``, ``"robot" in Device``, ``Device.keys()``, ``.values()``, ``.items()``,
    ``len(Device)``. Each class knows the ones derived from it. A class that is defined once more
    takes the place of the older one. ``Device.clear()`` forgets them.

    Class keywords: ``skip=True`` keeps a class out of the register, ``name="..."`` is its name in
    it.
    """

    _registered: ClassVar[dict[str, DeviceMeta]] = {}

    @classmethod
    def __prepare__(cls, classname: str, bases: tuple[type, ...], /, **options: Any) -> ClassBody:
        return ClassBody()

    def __new__(
        mcs,
        classname: str,
        bases: tuple[type, ...],
        body: dict[str, Any],
        /,
        *,
        skip: bool = False,
        name: str | None = None,
        root: bool = False,
        **options: Any,
    ) -> DeviceMeta:
        """Make a class; ``root=True`` is Device itself."""
        body = {**body, _ROOT: True} if root else dict(body)
        cls = super().__new__(mcs, classname, bases, body, **options)
        if not root and not skip and any(map(_is_root, cls.__mro__)):
            key = (classname if name is None else name).lower()
            mcs._registered.pop(key, None)
            mcs._registered[key] = cls
        return cls

    def __init__(
        cls, classname: str, bases: tuple[type, ...], body: dict[str, Any], /, **options: Any
    ) -> None:
        super().__init__(classname, bases, body)

    def mro(cls) -> list[type]:
        """The order in which attributes are looked up: Device, and what it derives from, last."""
        order = super().mro()
        root = next(filter(_is_root, order), cls)
        if root is cls:
            return order
        return [one for one in order if one not in root.__mro__] + list(root.__mro__)

    # ------------------------------------------------------------------------ the register

    def _subclasses(cls) -> dict[str, Any]:
        return {
            name: one
            for name, one in cls._registered.items()
            if one is not cls and cls in one.__mro__
        }

    def keys(cls) -> KeysView[str]:
        """Names of the registered classes that derive from this one."""
        return cls._subclasses().keys()

    def values(cls) -> ValuesView[Any]:
        """The registered classes that derive from this one."""
        return cls._subclasses().values()

    def items(cls) -> ItemsView[str, Any]:
        """Names and classes of those that derive from this one."""
        return cls._subclasses().items()

    def get(cls, name: str, default: Any = None) -> Any:
        """The class of that name, in any case; ``default`` where there is none."""
        return cls._subclasses().get(name.lower(), default)

    def clear(cls) -> None:
        """Forget the classes that derive from this one; the classes themselves stay."""
        for name in cls._subclasses():
            del cls._registered[name]

    def __getitem__(cls, name: str) -> Any:
        found = cls.get(name)
        if found is None:
            known = ", ".join(cls) or "none"
            raise KeyError(f"no subclass of {cls.__name__} is called {name!r}; there are: {known}")
        return found

    def __contains__(cls, name: object) -> bool:
        return isinstance(name, str) and cls.get(name) is not None

    def __iter__(cls) -> Iterator[str]:
        return iter(cls._subclasses())

    def __len__(cls) -> int:
        return len(cls._subclasses())

    def __bool__(cls) -> bool:
        return True  # a class without subclasses is still there


def _is_root(cls: type) -> bool:
    """Whether a class is Device itself."""
    return _ROOT in vars(cls)
