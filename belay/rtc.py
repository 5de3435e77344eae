# SPDX-License-Identifier: Apache-2.0
"""What a board's calendar shows; ``Device.set_rtc`` sets it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from belay import errors

if TYPE_CHECKING:
    from belay.device import Device

__all__ = ["RtcReading", "read_rtc"]

_MICROPYTHON = """\
def __belay_rtc():
 from machine import RTC
 from time import sleep_ms,ticks_ms
 r=RTC().datetime
 t=ticks_ms()
 a=r()
 while r()[6]==a[6] and (ticks_ms()-t)&0x1FFFFFFF<1500:sleep_ms(1)
 a=r()
 return a[0],a[1],a[2],a[4],a[5],a[6]
"""

_CIRCUITPYTHON = """\
def __belay_rtc():
 from rtc import RTC
 from supervisor import ticks_ms
 r=RTC()
 t=ticks_ms()
 a=r.datetime[5]
 while r.datetime[5]==a and (ticks_ms()-t)&0x1FFFFFFF<1500:pass
 return tuple(r.datetime)[:6]
"""
"""Waits for the beginning of a second, a second at most: fractions mean something else on every
port. A calendar that stands still is read as well."""


class RtcReading(NamedTuple):
    """What a calendar showed.

    Attributes:
        time: that, at the beginning of one of its seconds.
        ahead: seconds by which that is ahead of the host's local time then; negative behind it.
    """

    time: datetime
    ahead: float


def read_rtc(device: Device, *, timeout: float | None = None) -> RtcReading:
    """Read the board's calendar, and how far it is from the host's.

    Takes up to a second. How well ``ahead`` is known is how well the board's clock is:
    ``device.clock.uncertainty`` seconds, and a few milliseconds for the calendar itself.

    Args:
        device: the way to it.
        timeout: seconds after which it is not waited for any longer.

    Raises:
        FeatureUnavailableError: the board has no calendar.
    """
    circuit = device.implementation.name == "circuitpython"
    device(_CIRCUITPYTHON if circuit else _MICROPYTHON, record=False, timeout=timeout)
    try:
        if device._session.agent:
            shown, then = device("__belay_rtc()", return_time=True, timeout=timeout)
        else:  # its answers do not tell the time, so the way here counts as none
            shown, then = device("__belay_rtc()", timeout=timeout), datetime.now()
        shown = datetime(*shown)
    except errors.PyboardException as error:
        if error.type not in ("ImportError", "AttributeError"):
            raise
        name = device.implementation.platform
        raise errors.FeatureUnavailableError(
            f"this board ({name}) has no calendar (RTC)"
        ) from error
    except (TypeError, ValueError) as error:
        raise errors.FeatureUnavailableError(
            f"this board's calendar shows no date: {shown}"
        ) from error
    finally:
        device("del __belay_rtc", record=False, timeout=timeout)
    host = datetime.fromtimestamp(then.timestamp())
    return RtcReading(shown, (shown - host).total_seconds())
