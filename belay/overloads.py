# SPDX-License-Identifier: Apache-2.0
"""What ``@Device.task`` and its like leave in a class body, and which of it a board gets."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from belay.errors import NoMatchingExecuterError

__all__ = ["ClassBody", "Metadata", "Overloads", "fitting", "mark", "marked", "metadata_of"]

IMPLEMENTATIONS = ("micropython", "circuitpython", "")
_ATTRIBUTE = "__belay__"
_numbers = itertools.count()


@dataclass(frozen=True)
class Metadata:
    """How a function of a class body is to reach the board; its attribute ``__belay__``.

    Attributes:
        executer: ``"setup"``, ``"task"``, ``"thread"`` or ``"teardown"``.
        implementation: the boards it is for: ``"micropython"``, ``"circuitpython"``, or ``""``
            for all.
        autoinit: a setup that runs by itself when a Device is made.
        options: keywords for the executer of the instance.
        number: grows from one mark to the next, over all classes: the order of definition.
    """

    executer: str
    implementation: str = ""
    autoinit: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    number: int = field(default_factory=_numbers.__next__)


def mark(function: Callable[..., Any], metadata: Metadata) -> staticmethod[..., Any]:
    """Attach metadata to a function and make it one that takes no ``self``.

    Args:
        function: a function, or a staticmethod of one.
        metadata: what to attach.

    Raises:
        TypeError: it is no function of Python.
        ValueError: ``implementation`` is none that there is.
    """
    if metadata.implementation not in IMPLEMENTATIONS:
        raise ValueError(
            f"implementation={metadata.implementation!r}: there are 'micropython', "
            "'circuitpython', and '' for both"
        )
    while isinstance(function, staticmethod):
        function = function.__func__
    if not callable(function) or not hasattr(function, "__dict__"):
        raise TypeError(f"{function!r} is not a Python function, so it has no source to send")
    marked = staticmethod(function)
    for place in (marked, function):
        setattr(place, _ATTRIBUTE, metadata)
    return marked


def metadata_of(value: object) -> Metadata | None:
    """What :func:`mark` attached to a value of a class body; None for all others."""
    found = getattr(value, "__dict__", {}).get(_ATTRIBUTE)
    if found is None and isinstance(value, staticmethod):
        return metadata_of(value.__func__)
    return found if isinstance(found, Metadata) else None


class Overloads:
    """The functions that share one name in a class body, each for its implementation.

    Attributes:
        members: them, in the order of definition.
    """

    def __init__(self, members: tuple[Any, ...]) -> None:
        self.members = members

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self.members[-1].__get__(instance, owner)


def marked(value: object) -> tuple[Any, ...]:
    """The marked functions that an attribute of a class stands for; none for all else."""
    if isinstance(value, Overloads):
        return value.members
    return (value,) if metadata_of(value) else ()


class ClassBody(dict[str, Any]):
    """The namespace of a class statement; it keeps all of the marked functions of one name."""

    def __setitem__(self, name: str, value: Any) -> None:
        if name in self:
            before, new = marked(self[name]), marked(value)
            if bool(before) != bool(new):
                raise ValueError(
                    f"{name!r} is defined twice in this class: once as an executer, once plainly"
                )
            if before:
                self._check(name, before, new)
                value = Overloads(before + new)
        super().__setitem__(name, value)

    def _check(self, name: str, before: tuple[Any, ...], new: tuple[Any, ...]) -> None:
        taken = [_implementation(one) for one in before]
        for one in new:
            if "" in taken:
                raise ValueError(
                    f"{name!r} is defined again behind the one for every implementation, which "
                    "must be the last. Does one of them lack implementation=...?"
                )
            if _implementation(one) in taken:
                raise ValueError(
                    f"{name!r} is defined twice for implementation={_implementation(one)!r}"
                )


def _implementation(value: object) -> str:
    metadata = metadata_of(value)
    return metadata.implementation if metadata else ""


def fitting(cls: type, implementation: str) -> list[tuple[str, Callable[..., Any], Metadata]]:
    """The marked functions that a board of this implementation gets.

    For each name the first class that has it decides. Where none of its overloads fits, the next
    class is asked. Nothing is looked up on an instance, so properties are left alone.

    Args:
        cls: the class of the Device.
        implementation: ``"micropython"`` or ``"circuitpython"``.

    Returns:
        Name, function and metadata of each, in the order of definition.

    Raises:
        NoMatchingExecuterError: a name has overloads, and none fits.
    """
    found: dict[str, tuple[str, Callable[..., Any], Metadata] | None] = {}
    unfit: dict[str, type] = {}
    for owner in cls.__mro__:
        for name, value in vars(owner).items():
            members = marked(value)
            if name in found or (name in unfit and not members):
                continue
            fit = next((m for m in members if _implementation(m) in ("", implementation)), None)
            if fit is not None:
                metadata = metadata_of(fit)
                assert metadata is not None
                found[name] = (name, fit.__get__(None, owner), metadata)
                unfit.pop(name, None)
            elif members:
                unfit.setdefault(name, owner)
            else:
                found[name] = None  # a plain attribute hides the executers behind it
    if unfit:
        listed = ", ".join(f"{owner.__qualname__}.{name}" for name, owner in unfit.items())
        raise NoMatchingExecuterError(
            f"this board runs {implementation}, for which there is no {listed}; add one with "
            f"implementation={implementation!r}, or a last one without implementation"
        )
    return sorted((one for one in found.values() if one), key=lambda one: one[2].number)
