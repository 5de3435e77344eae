# SPDX-License-Identifier: Apache-2.0
"""The moment at which something happened on a board."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any, SupportsIndex

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11 on

__all__ = ["BoardTime"]


class BoardTime(datetime):
    """A moment in local time, aware of its zone, that also goes with naive local times.

    Belay 0.30 gave naive datetimes of the local zone. Between such a one and a ``BoardTime``,
    differences and comparisons (``==`` too) take the naive one as local time instead of raising.
    The hash is that of the equal naive local time, so that either finds the other in a dict.
    ``replace(tzinfo=None)`` gives a plain naive datetime.

    Attributes:
        uncertainty: seconds by which it may be off, either way.
    """

    uncertainty: float = 0.0

    def __new__(cls, *args: Any, uncertainty: float = 0.0, **fields: Any) -> Self:
        """Make one as a ``datetime`` is made; without ``tzinfo`` it is local time."""
        return cls.of(datetime(*args, **fields), uncertainty)

    @classmethod
    def of(cls, moment: datetime, uncertainty: float = 0.0) -> Self:
        """The same moment as another datetime; a naive one is local time."""
        if moment.tzinfo is None:
            moment = moment.astimezone()
        made = super().__new__(
            cls, *moment.timetuple()[:6], moment.microsecond, moment.tzinfo, fold=moment.fold
        )
        made.uncertainty = uncertainty
        return made

    @classmethod
    def fromtimestamp(
        cls, timestamp: float, tz: tzinfo | None = None, *, uncertainty: float = 0.0
    ) -> Self:
        """The moment so many seconds after 1970, in the local zone unless ``tz`` is given."""
        return cls.of(datetime.fromtimestamp(timestamp, timezone.utc).astimezone(tz), uncertainty)

    def plain(self) -> datetime:
        """The same as an ordinary aware ``datetime``."""
        return datetime(*self.timetuple()[:6], self.microsecond, self.tzinfo, fold=self.fold)

    def astimezone(self, tz: tzinfo | None = None) -> Self:
        """The same moment in another zone; None is the local one."""
        return self.of(self.plain().astimezone(tz), self.uncertainty)

    def replace(self, *args: Any, **fields: Any) -> Any:
        """A copy with other fields, as uncertain as this one."""
        changed = self.plain().replace(*args, **fields)
        return changed if changed.tzinfo is None else self.of(changed, self.uncertainty)

    def _aware(self, other: datetime) -> datetime:
        """Any other datetime as an aware and ordinary one."""
        if isinstance(other, BoardTime):
            return other.plain()
        if other.tzinfo is not None:
            return other
        try:
            return other.astimezone()
        except (OverflowError, ValueError, OSError):  # datetime.min, say: no zone knows it
            return other.replace(tzinfo=self.tzinfo)

    # ---------------------------------------------------------------------------- operators

    # Python asks these first, also where the other datetime stands on the left: this is a
    # subclass of its class.

    def __add__(self, other: timedelta) -> Self:
        if not isinstance(other, timedelta):
            return NotImplemented
        return self.of(self.plain() + other, self.uncertainty)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, timedelta):
            return self.of(self.plain() - other, self.uncertainty)
        if isinstance(other, datetime):
            return self.plain() - self._aware(other)
        return NotImplemented

    def __rsub__(self, other: Any) -> Any:
        return self._aware(other) - self.plain() if isinstance(other, datetime) else NotImplemented

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, datetime):
            return NotImplemented
        return self.plain() == self._aware(other)

    def __ne__(self, other: object) -> bool:
        return not self == other  # datetime's own would take a naive one for another moment

    def __lt__(self, other: Any) -> bool:
        return self.plain() < self._aware(other) if isinstance(other, datetime) else NotImplemented

    def __le__(self, other: Any) -> bool:
        return self.plain() <= self._aware(other) if isinstance(other, datetime) else NotImplemented

    def __gt__(self, other: Any) -> bool:
        return self.plain() > self._aware(other) if isinstance(other, datetime) else NotImplemented

    def __ge__(self, other: Any) -> bool:
        return self.plain() >= self._aware(other) if isinstance(other, datetime) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.plain().astimezone().replace(tzinfo=None))

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        return type(self).of, (self.plain(), self.uncertainty)
