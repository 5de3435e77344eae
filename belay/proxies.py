# SPDX-License-Identifier: Apache-2.0
"""Objects that stay on the board, and their stand-ins here."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from belay import errors
from belay.batch import Batch, collecting_for, refuse
from belay.places import Place, place_of_caller, shown
from belay.proxy_operations import (
    CALL,
    GET,
    ITERATE,
    LEARN,
    METHOD,
    NEXT,
    SET,
    SLICE,
    STATEMENTS,
    Operators,
)
from belay.session.requests import Operation
from belay.wire.values import Reference

if TYPE_CHECKING:
    from belay.device import Device
    from belay.session.session import Session

__all__ = [
    "ProxyMethod",
    "ProxyObject",
    "get_proxy_object_target_name",
    "make_proxy_from_result",
    "operation",
]


def operation(*operands: Any) -> Operation:
    """An operation of belay/onboard/proxies.py."""
    return Operation(b"p", operands, "proxies")


# ----------------------------------------------------------------------------- what is known


class Kind:
    """What the host knows about a type, module or class of the board.

    Attributes:
        name: how it is called, such as ``machine.Pin`` or ``module machine``.
        methods: names that are callable on every object of it.
        bases: names of the types that it is derived from, once somebody has asked for them.
    """

    __slots__ = ("bases", "methods", "name")

    def __init__(self, name: str, methods: list[str]) -> None:
        self.bases: list[str] | None = None
        self.name = name
        self.methods = set(methods)


_kinds: weakref.WeakKeyDictionary[Session, tuple[int, dict[int, Kind]]] = (
    weakref.WeakKeyDictionary()
)
"""Of each board, since it last lost its memory: its kinds by their numbers."""


def kind_in(session: Session, description: tuple[Any, ...]) -> Kind | None:
    """The kind in a description; None where the answer that named it was lost."""
    generation, known = _kinds.get(session, (None, {}))
    if generation != session.generation:
        known = {}
        _kinds[session] = (session.generation, known)
    if len(description) == 2:
        return known.get(description[1])
    _, number, name, methods = description
    kind = known[number] = Kind(name, methods)
    return kind


# ----------------------------------------------------------------------------- names of the host

_TOOLS = (
    "_repr_",
    "_ipython_",
    "_belay_",
    "_pytest",
    "__a",  # asynchronous protocols; numpy's and pyarrow's
    "__cuda_array",
    "__dataclass",
    "__dataframe",
    "__dlpack",
    "__getstate",
    "__getnewargs",
    "__get_pydantic",
    "__html",
    "__pt_",
    "__pydantic",
    "__reduce",
    "__rich",
    "__torch",
)
_TOOLS_TOO = {
    "__buffer__", "__copy__", "__deepcopy__", "__fspath__", "__isabstractmethod__",
    "__length_hint__", "__objclass__", "__origin__", "__orig_class__", "__set_name__",
    "__setstate__", "__signature__", "__slots__", "__text_signature__", "__tracebackhide__",
    "__weakref__", "__wrapped__",
}  # fmt: skip
"""Names that only tools of the host look for, so no board is asked about them."""


def _is_of_host(name: str) -> bool:
    return name[:1] == "_" and (name.startswith(_TOOLS) or name in _TOOLS_TOO)


# ----------------------------------------------------------------------------- the proxy


class ProxyObject(Operators):
    """Stands for an object that stays on the board.

    Whatever is done with it is done there: attributes, items, calls, operators, ``len``, ``in``,
    truth, iteration, ``with``, ``del``, ``str``, ``dir``. A result of type int, float, complex,
    str, bool, bytes or None comes back as itself; any other stays on the board too, and a proxy
    of it is returned. Each operation is one round trip; ``repr`` is none.

    What a subclass defines here wins over attributes of the board's object.

    Args:
        device: the board.
        name: an expression that names the object in the board's ``__main__``; or a handle.
        delete: let go of the object, or of the global of that name, when this proxy goes. It
            happens with the next request.

    Raises:
        StaleProxyError: by everything, once the board has lost its memory.
    """

    __slots__ = (
        "__weakref__",
        "_belay_delete",
        "_belay_device",
        "_belay_generation",
        "_belay_kind",
        "_belay_place",
        "_belay_target",
    )

    _belay_delete: bool
    _belay_device: Device
    _belay_generation: int
    _belay_kind: Kind | None
    _belay_place: Place
    _belay_target: int | str

    def __init__(self, device: Device, name: str | int, delete: bool = True) -> None:
        if not isinstance(name, int):
            name = name.strip()
            delete = delete and name.isidentifier()
        self._belay_device = device
        self._belay_generation = device._session.generation
        self._belay_kind = None
        self._belay_place = place_of_caller()
        self._belay_target = name
        self._belay_delete = delete

    def __del__(self) -> None:
        # No I/O here: it may run on any thread, at any moment, in the middle of another call.
        with contextlib.suppress(AttributeError):  # its __init__ failed
            if self._belay_delete:
                release = self._belay_device._session.release
                release(self._belay_target, generation=self._belay_generation)

    @property
    def _belay_target_name(self) -> str:
        """What names the object in code for the board."""
        target = self._belay_target
        return f"__import__('belay').H[{target}]" if isinstance(target, int) else target

    def _belay_check(self) -> None:
        """Refuse, without asking the board, what a reset has taken."""
        generation = self._belay_device._session.generation
        if self._belay_generation == generation:
            return
        if isinstance(self._belay_target, int):
            raise errors.StaleProxyError(
                f"the board has lost its memory since {self!r} was made "
                f"({shown(self._belay_place)}), and the object with it; make it anew"
            )
        # A name may be there again, and mean something else.
        self._belay_generation = generation
        self._belay_kind = None

    def __belay_reference__(self) -> Reference:
        """How it stands in arguments."""
        self._belay_check()
        _check_board(self)
        return Reference(self._belay_target)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError(f"{self!r} cannot be copied or pickled: the object is on the board")

    # ---------------------------------------------------------------------------- operations

    @property
    def _belay_operand(self) -> Any:
        """How it stands in its own operations: a name is looked up when they are carried out."""
        return self if isinstance(self._belay_target, int) else self._belay_target

    def _belay_request(self, then: Callable[[Any], Any], kind: int, *operands: Any) -> Any:
        self._belay_check()
        wanted = operation(kind, self._belay_operand, *operands)
        try:
            return self._belay_device._perform(wanted, then=then)
        except errors.PyboardException as error:
            if error.type == "StopIteration":  # of send, say: what a generator here would raise
                raise StopIteration(*error.value_args) from None
            raise errors.as_builtin(error).with_traceback(None) from None

    def _belay_operate(self, kind: int, *operands: Any) -> Any:
        return self._belay_request(self._belay_received, kind, *operands)

    def _belay_now(self, what: str, kind: int, *operands: Any) -> Any:
        refuse(self._belay_device, what)
        return self._belay_request(self._belay_received, kind, *operands)

    def _belay_received(self, answer: Any) -> Any:
        """The result of an operation: a value, this object once more, or another one."""
        if type(answer) is not tuple:
            return answer
        return make_proxy_from_result(self._belay_device, answer) if answer else self

    # ---------------------------------------------------------------------------- attributes

    def __getattr__(self, name: str) -> Any:
        if _is_of_host(name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self._belay_check()
        kind = self._belay_kind
        if kind is not None and name in kind.methods:
            return ProxyMethod(self, name)
        batch: Batch | None = self._belay_device._batch_here()
        if batch is not None:
            return batch.attribute(self, name)
        code = LEARN if kind is None else GET
        return self._belay_request(lambda answer: self._belay_got(name, answer), code, name)

    def _belay_got(self, name: str, answer: Any) -> Any:
        """An attribute. ``()`` says that it is a method; in a list, what the board's object is."""
        if type(answer) is list:
            description, answer = answer
            self._belay_kind = kind_in(self._belay_device._session, description)
        if answer != ():
            return self._belay_received(answer)
        if self._belay_kind is not None:
            self._belay_kind.methods.add(name)
        return ProxyMethod(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if _is_of_host(name) or _has_here(self, name):
            object.__setattr__(self, name, value)
        else:
            self._belay_operate(SET, name, value)

    def __delattr__(self, name: str) -> None:
        if _is_of_host(name) or _has_here(self, name):
            object.__delattr__(self, name)
        else:
            self._belay_operate(STATEMENTS, "delattr(a,b)", name)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Call the object on the board."""
        return self._belay_operate(CALL, keywords, *args)

    # ---------------------------------------------------------------------------- iteration

    def __iter__(self) -> _Items:
        return _Items(self, "iteration", 0)

    def __reversed__(self) -> _Items:
        return _Items(self, "reversed(…)", 1)

    def __next__(self) -> Any:
        refuse(self._belay_device, "next(…)")
        # 0 is no handle: the iterator belongs to this proxy, also at its end.
        answer = self._belay_request(_as_it_is, NEXT, 1, 0)
        for item in _unpacked(self._belay_device, answer):
            return item
        raise StopIteration

    # ---------------------------------------------------------------------------- display

    def __repr__(self) -> str:
        # Local: a debugger, a log or a notebook that shows it must not talk to the board.
        kind = f" {self._belay_kind.name}" if self._belay_kind is not None else ""
        target = self._belay_target
        where = f"handle {target}" if isinstance(target, int) else target
        address = self._belay_device._session.transport.address
        return f"<{type(self).__name__}{kind} at {address}, {where}>"


class ProxyMethod(ProxyObject):
    """A method of an object on the board, or a function of a module there.

    Made without asking the board: calling it is one round trip in all. Anything else that is done
    with it is done with the bound method on the board.
    """

    __slots__ = ("_belay_name", "_belay_owner")

    _belay_name: str
    _belay_owner: ProxyObject

    def __init__(self, owner: ProxyObject, name: str) -> None:
        self._belay_device = owner._belay_device
        self._belay_generation = owner._belay_generation
        self._belay_kind = None
        self._belay_place = owner._belay_place
        self._belay_delete = False
        self._belay_name = name
        self._belay_owner = owner

    @property
    def _belay_target_name(self) -> str:
        return f"{self._belay_owner._belay_target_name}.{self._belay_name}"

    @property
    def _belay_operand(self) -> Any:
        return self._belay_target_name

    def _belay_check(self) -> None:
        self._belay_owner._belay_check()

    def __belay_reference__(self) -> Reference:
        """How it stands in arguments."""
        self._belay_check()
        _check_board(self)
        return Reference(self._belay_target_name)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Call the method on the board."""
        return self._belay_owner._belay_operate(METHOD, self._belay_name, keywords, *args)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._belay_name} of {self._belay_owner!r}>"


def _check_board(proxy: ProxyObject) -> None:
    """Refuse a proxy in an argument for another board.

    Raises:
        UnsupportedValueError: the arguments are not written for the proxy's board.
    """
    session = proxy._belay_device._session
    if session._owner != threading.get_ident() and collecting_for() is not session:
        raise errors.UnsupportedValueError(
            f"{proxy!r} stands for an object on another board and means nothing to this one",
            type_name=type(proxy).__name__,
        )


def _has_here(proxy: ProxyObject, name: str) -> bool:
    """Whether the host's object has an attribute; a subclass may have defined it."""
    if any(name in vars(one) for one in type(proxy).__mro__):
        return True
    try:
        return name in object.__getattribute__(proxy, "__dict__")
    except AttributeError:
        return False


def _as_it_is(answer: Any) -> Any:
    return answer


class _Items:
    """Items of an object on the board: of a container in slices, of anything else one by one."""

    __slots__ = ("_device", "_items", "_iterator", "_size")

    def __init__(self, proxy: ProxyObject, what: str, backwards: int) -> None:
        self._device = proxy._belay_device
        refuse(self._device, what)
        answer = proxy._belay_request(_as_it_is, ITERATE, backwards)
        self._iterator: ProxyObject | None = None
        if answer[0] is not None:
            self._iterator = ProxyObject(self._device, answer[0])
        self._size = SLICE if answer[1] else 1
        self._items = _unpacked(self._device, answer)

    def __iter__(self) -> _Items:
        return self

    def __next__(self) -> Any:
        if not self._items and self._iterator is not None:
            refuse(self._device, "iteration")
            iterator = self._iterator
            handle = iterator._belay_target
            answer = iterator._belay_request(_as_it_is, NEXT, self._size, handle)
            if answer[0] is None:  # at its end the board has let go of it
                iterator._belay_delete = False
                self._iterator = None
            self._items = _unpacked(self._device, answer)
        if not self._items:
            raise StopIteration
        return self._items.pop()


def _unpacked(device: Device, answer: tuple[Any, ...]) -> list[Any]:
    """The items of a slice, last one first; those that cannot travel as proxies."""
    _, items, described = answer
    for index, description in described:
        items[index] = make_proxy_from_result(device, description)
    items.reverse()
    return list(items)


# ----------------------------------------------------------------------------- for the Device


def make_proxy_from_result(device: Device, answer: Any, delete: bool = True) -> Any:
    """What an operation of the extension answered: a value as it is, a description as a proxy."""
    if type(answer) is not tuple:
        return answer
    proxy = ProxyObject(device, answer[0], delete)
    proxy._belay_kind = kind_in(device._session, answer)
    return proxy


def get_proxy_object_target_name(proxy: ProxyObject) -> str:
    """Text that names the proxy's object in code for the board, such as ``device("…")``.

    It is valid while the proxy is there.
    """
    return proxy._belay_target_name
