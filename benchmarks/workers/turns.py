# SPDX-License-Identifier: Apache-2.0
"""What every worker does: take an order from stdin, do it, answer with times as one JSON line.

Runs in the environment of each peer, so it needs nothing but the standard library.
"""

from __future__ import annotations

import json
import sys
import time

EXPECTED = {
    "call": 42,
    "area": {"area": 12, "unit": b"mm2"},
    "method": 42,
    "items": list(range(100)),
    "ten": list(range(10)),
    "thousand": list(range(1000)),
    "hundred": list(range(0, 200, 2)),
}


def serve(orders):
    """Answer orders until stdin ends.

    `orders` maps a name to a function without arguments, or to two: the first one prepares
    something, and its time does not count.
    """
    answers = sys.stdout
    sys.stdout = sys.stderr  # what a peer prints is not an answer
    for line in sys.stdin:
        name, count = line.split()
        order = orders[name]
        prepare, function = order if isinstance(order, tuple) else (None, order)
        times = []
        cpu = 0
        for _ in range(int(count)):
            if prepare is not None:
                prepare()
            cpu_before = time.process_time_ns()
            before = time.perf_counter_ns()
            result = function()
            times.append(time.perf_counter_ns() - before)
            cpu += time.process_time_ns() - cpu_before
            if name in EXPECTED and result != EXPECTED[name]:
                raise SystemExit(f"{name} gave {result!r}")
        print(json.dumps({"ns": times, "cpu_ns": cpu}), file=answers, flush=True)
