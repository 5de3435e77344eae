# SPDX-License-Identifier: Apache-2.0
"""The result of a call that has not been made yet."""

from __future__ import annotations

import logging
from typing import Any, NoReturn

from belay import errors

__all__ = ["DONE", "FAILED", "NOT_RUN", "WAITING", "Pending"]

_logger = logging.getLogger("belay")

WAITING, DONE, FAILED, NOT_RUN = range(4)
"""What became of the call."""


class Pending:
    """The result of a call inside a batch; :meth:`result` has it once the batch has run."""

    __slots__ = ("__weakref__", "_error", "_name", "_seen", "_state", "_value")

    def __init__(self, name: str) -> None:
        self._name = name
        self._state = WAITING
        self._value: Any = None
        self._error: BaseException | None = None
        self._seen = False

    @property
    def done(self) -> bool:
        """Whether the batch has run, or will not run any more."""
        return self._state != WAITING

    def result(self) -> Any:
        """What the call returned.

        Raises:
            BatchError: the batch has not run yet, or this call was not reached because one in
                front of it failed; the message names that one.
            PyboardException: the call itself raised on the board.
        """
        if self._state == WAITING:
            raise errors.BatchError(f"{self._name} has no result before the end of the batch")
        self._seen = True
        if self._error is not None:
            raise self._error
        return self._value

    def exception(self) -> BaseException | None:
        """What :meth:`result` would raise; None if it would not."""
        if self._state == WAITING:
            raise errors.BatchError(f"{self._name} has no result before the end of the batch")
        self._seen = True
        return self._error

    def __del__(self) -> None:
        if getattr(self, "_state", None) == FAILED and not self._seen:
            _logger.error("nobody asked for the result of %s: %s", self._name, self._error)

    def __repr__(self) -> str:
        if self._state == DONE:
            return f"<Pending {self._name}: {self._value!r}>"
        state = ("waits for the end of the batch", "", "failed", "was not run")[self._state]
        return f"<Pending {self._name} {state}>"

    def __belay_reference__(self) -> NoReturn:
        raise errors.BatchError(
            f"{self._name} is not known before the end of the batch; give its .result() to a call "
            "after it"
        )

    # ---------------------------------------------------------------------------- misuse

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(f"'Pending' object has no attribute {name!r}")
        raise AttributeError(
            f"{self._name} is a Pending, not its result: .{name} of it is known after the batch, "
            f"as .result().{name}"
        )

    def _refuse(self, *args: Any, **keywords: Any) -> Any:
        raise errors.BatchError(
            f"{self._name} is not known before the end of the batch; afterwards .result() has it"
        )

    __bool__ = __len__ = __iter__ = __int__ = __float__ = __index__ = __contains__ = _refuse
    __getitem__ = __setitem__ = __delitem__ = __call__ = __enter__ = __exit__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __add__ = __sub__ = __mul__ = __truediv__ = __floordiv__ = __mod__ = __pow__ = _refuse
    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = __rpow__ = _refuse
    __and__ = __or__ = __xor__ = __neg__ = __abs__ = __round__ = _refuse
