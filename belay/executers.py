# SPDX-License-Identifier: Apache-2.0
"""Decorators that move a function to the board: ``device.task`` and its like."""

from __future__ import annotations

import contextlib
import functools
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, ParamSpec, Protocol

from belay import errors
from belay.session.requests import Operation
from belay.source.capture import Captured, capture
from belay.source.lint import LINTED_VERSION, lint
from belay.source.minify import minify

if TYPE_CHECKING:
    from belay.device import Device
    from belay.session.session import Session

__all__ = [
    "ActionDecorator",
    "Definition",
    "Executer",
    "Made",
    "again",
    "check_name",
    "define",
    "text_of_call",
    "warn_of_host_names",
]

P = ParamSpec("P")
_OWNER = "_belay_device"
_OF_CLASSES = ("autoinit", "implementation")

Definition = tuple[Captured, str | None]
"""A function that is to be put on the board, and what is sent of it."""


class ActionDecorator(Protocol):
    """What ``device.setup(…)``, ``device.thread(…)`` and ``device.teardown(…)`` return."""

    def __call__(self, function: Callable[P, Any], /) -> Callable[P, None]:
        """Decorate."""


class Made(NamedTuple):
    """What an executer makes of a function.

    Attributes:
        call: replaces it on the host.
        definition: is to be sent before.
        at_end: runs when the Device is closed; holds no reference to it.
        body: what a call runs in the board's global scope, if it does.
    """

    call: Callable[..., Any]
    definition: Definition | None = None
    at_end: Callable[[Session], None] | None = None
    body: str = ""


class Executer:
    """The functions of one kind on one board: a decorator, and the decorated as its attributes.

    Args:
        device: the board.
    """

    _kind: ClassVar[str]
    _options: ClassVar[type]

    def __init__(self, device: Device) -> None:
        self._device = device

    def __getattr__(self, name: str) -> Callable[..., Any]:
        functions: dict[str, Callable[..., Any]] = self._device._executers[self._kind]
        if name in functions:
            return functions[name]
        there = ", ".join(functions) or "none yet"
        raise AttributeError(f"no {self._kind} is called {name!r}; there are: {there}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._device._executers[self._kind]]

    @classmethod
    def _read_options(cls, options: Mapping[str, Any]) -> Any:
        """The options of this kind, from keywords.

        Raises:
            TypeError: there is no such option.
        """
        known = [field.name for field in fields(cls._options)]
        for name in options:
            if name not in known:
                where = " here (in class bodies there is)" * (name in _OF_CLASSES)
                raise TypeError(
                    f"{cls._kind} has no option {name!r}{where}; there are: {', '.join(known)}"
                )
        return cls._options(**options)

    def _decorate(self, function: Callable[..., Any] | None, options: dict[str, Any]) -> Any:
        checked = self._read_options(options)
        if function is None:
            return functools.partial(self._send, options=checked)
        return self._send(function, checked)

    def _send(self, function: Callable[..., Any], options: Any) -> Callable[..., Any]:
        made = self._make(function, options)
        if made.definition is not None:
            warn_of_host_names(define(self._device, [made.definition]))
        self._publish(made, options)
        return made.call

    def _make(self, function: Callable[..., Any], options: Any) -> Made:
        """Do all of it but what needs the board."""
        while isinstance(function, staticmethod):
            function = function.__func__
        check_name(getattr(function, "__name__", ""))
        made = self._convert(function, options)
        functools.update_wrapper(made.call, function)
        setattr(made.call, _OWNER, self._device)
        return made

    def _convert(self, function: Callable[..., Any], options: Any) -> Made:
        raise NotImplementedError

    def _publish(self, made: Made, options: Any) -> None:
        """Offer the function as an attribute, and have it run at the end if it is to."""
        if options.register:
            name = made.call.__name__
            functions = self._device._executers[self._kind]
            functions.pop(name, None)  # defined again: it is the newest
            functions[name] = made.call
            if made.at_end is not None:
                self._device._farewell.add(name, made.at_end)

    def _captured(self, function: Callable[..., Any], options: Any) -> Definition:
        captured = capture(function, self._is_on_board)
        return captured, self._text(captured, options)

    def _text(self, captured: Captured, options: Any) -> str:
        """What is sent of a source; the same, line by line.

        Raises:
            SourceError: boards cannot compile it.
        """
        check_source(captured, self._device.implementation.version)
        return minify(captured.text) if options.minify else captured.text

    def _is_on_board(self, name: str, value: object) -> bool:
        """Whether a host variable is a task of this board, which knows it by the same name."""
        owner = getattr(value, _OWNER, None)
        return owner is self._device and getattr(value, "__name__", "") == name


def define(device: Device, definitions: list[Definition]) -> list[tuple[Captured, list[str]]]:
    """Put functions on the board, in as few frames as their sizes allow.

    Returns:
        Those that use names of the host program which the board lacks, and these names.

    Raises:
        PyboardException: the board cannot compile one; those before it are there.
    """
    together = {captured.name for captured, _ in definitions}
    answers = device._define_all(definitions) if definitions else []
    found = [
        (captured, [name for name in answer if name not in together])
        for (captured, _), answer in zip(definitions, answers, strict=True)
    ]
    return [(captured, missing) for captured, missing in found if missing]


def warn_of_host_names(lacking: list[tuple[Captured, list[str]]]) -> None:
    """Tell of what :func:`define` has found, once, where the program decorates."""
    for captured, missing in lacking:
        from belay.source.hostnames import host_name_warning

        _warn(host_name_warning(captured, missing))


def _warn(text: str) -> None:
    """Warn with the program's line, not with one in here."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("belay."):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, errors.SourceWarning, stacklevel=level)


def check_name(name: str) -> None:
    """Refuse the names that belay keeps for itself.

    Raises:
        SpecialFunctionNameError: it is one of them.
    """
    special = name.startswith("__") and name.endswith("__") and len(name) > 4
    if special or name == "__b" or name.startswith(("_belay", "__belay")):
        raise errors.SpecialFunctionNameError(
            f"{name!r}: names that begin with _belay or __belay, and those between double "
            "underscores, are not free to use; rename it"
        )


def check_source(captured: Captured, version: tuple[int, ...]) -> None:
    """Refuse what boards cannot compile, before anything is sent.

    Args:
        captured: the source.
        version: of the board's Python; a newer one than the rules know judges for itself.

    Raises:
        SourceError: says where, and what to write in its place.
    """
    if version[:2] > LINTED_VERSION:
        return
    findings = lint(captured.text, first_line=captured.first_line)
    if findings:
        first = findings[0]
        text = f"{captured.filename}:{first.line}: {captured.name}() cannot run on a board:"
        raise errors.SourceError("\n  ".join([text, *map(str, findings)]))


def again(
    operation: Operation,
    lenient: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
) -> Callable[[Device], None]:
    """What does it again on a board that was connected again."""

    def replay(device: Device) -> None:
        with lenient():
            device._repeat(operation)

    return replay


def text_of_call(name: str, args: tuple[Any, ...], keywords: dict[str, Any]) -> str:
    """What tells a call from others in the history; short also for long arguments."""
    text = f"{name}{args!r}{keywords!r}"
    return text if len(text) < 200 else f"{name} {hash(text)}"
