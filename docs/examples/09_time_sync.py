# SPDX-License-Identifier: Apache-2.0
"""When did it happen? Times of the board in the time of the host.

Every answer of the board carries its clock, so the host learns offset and drift by the way.
"""

import os
import sys
from datetime import datetime, timedelta, timezone

import belay

address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BELAY_DEVICE", "virtual:")

with belay.Device(address) as device:

    @device.task(return_time=True)
    def measure():
        from machine import ADC

        return ADC(4).read_u16()

    before = datetime.now(timezone.utc)
    value, when = measure()
    after = datetime.now(timezone.utc)
    print("measured at", when.isoformat(timespec="milliseconds"), "with the value", value)
    slack = timedelta(seconds=when.uncertainty)  # how well the board's clock is known
    print("between the call and its answer:", before - slack <= when <= after + slack)

    device.sync_time()  # a few more exchanges, for a better estimate
    print(f"the clock is known to {device.clock.uncertainty * 1000:.1f} ms")

    # The board's own calendar, for what it does when no host is there.
    device.set_rtc()
    print("the board's year:", device("import time") or device("time.localtime()")[0])
