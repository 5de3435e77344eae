# SPDX-License-Identifier: Apache-2.0
"""``python -m benchmarks``: measure, print a table, keep the numbers as JSON."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.boards import ONE_MS, UART, UNSHAPED
from benchmarks.peers import BARE, MPREMOTE, OLD_BELAY, OURS

RESULTS = Path(__file__).resolve().parent / "results"
LINKS = [(UNSHAPED, 0.6), (ONE_MS, 0.55), (UART, 0.55)]
AGAINST_BARE = 1.4


class Table:
    """Rows of what, ours, the peers', the target, and whether it was reached."""

    HEAD = ("what", "ours", "Belay 0.30.1", "mpremote 1.29", "bare raw REPL", "reach", "")

    def __init__(self) -> None:
        self.rows: list[tuple[str, ...]] = []

    def add(
        self,
        what: str,
        ours: float,
        show: Callable[[float], str],
        *,
        belay: float | None = None,
        mpremote: float | None = None,
        bare: float | None = None,
        reach: str = "",
        reached: bool | None = None,
    ) -> None:
        """Add one row; `show` formats every number of it."""
        others = ("-" if number is None else show(number) for number in (belay, mpremote, bare))
        mark = "" if reached is None else ("yes" if reached else "NO")
        self.rows.append((what, show(ours), *others, reach, mark))

    def __str__(self) -> str:
        rows = [self.HEAD, *self.rows]
        widths = [max(len(row[n]) for row in rows) for n in range(len(self.HEAD))]
        lines = [
            "  ".join(
                cell.ljust(width) if number in (0, 5) else cell.rjust(width)
                for number, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def milliseconds(value: float) -> str:
    return f"{value:.2f} ms"


def plain(value: float) -> str:
    return f"{value:g}" if value == int(value) else f"{value:.1f}"


def ratio(value: float) -> str:
    return f"{value:.2f} x"


def add_connecting(table: Table, found: dict[str, dict[str, float]]) -> None:
    old, other = found[OLD_BELAY.name], found[MPREMOTE.name]
    for label, most in (("no reset", 3), ("reset", 4)):
        ours = found[f"{OURS.name}, {label}"]
        table.add(
            f"connect, {label}: round trips",
            ours["trips"],
            plain,
            belay=old["trips"],
            mpremote=other["trips"],
            reach=f"<= {most}",
            reached=ours["trips"] <= most,
        )
        table.add(
            f"connect, {label}: time",
            ours["ms"],
            milliseconds,
            belay=old["ms"],
            mpremote=other["ms"],
        )


def add_wire(table: Table, found: dict[str, dict[str, float]]) -> None:
    for key, most in (("trips", 1), ("bytes beyond", 48)):
        ours = found[OURS.name][key]
        table.add(
            f"area(3, 4): {'round trips' if key == 'trips' else 'bytes beyond text and result'}",
            ours,
            plain,
            belay=found[OLD_BELAY.name][key],
            mpremote=found[MPREMOTE.name][key],
            reach=f"<= {most}",
            reached=ours <= most,
        )


def add_calls(table: Table, link: str, reach: float, found: dict[str, dict[str, float]]) -> None:
    ms = {name: numbers["ms"] for name, numbers in found.items()}
    ours, old, bare = ms[OURS.name], ms[OLD_BELAY.name], ms[BARE.name]
    table.add(
        f"f(7), {link}",
        ours,
        milliseconds,
        belay=old,
        mpremote=ms[MPREMOTE.name],
        bare=bare,
    )
    table.add(
        "    ours / Belay's",
        ours / old,
        ratio,
        reach=f"<= {reach} x",
        reached=ours / old <= reach,
    )
    table.add(
        "    ours / bare",
        ours / bare,
        ratio,
        reach=f"<= {AGAINST_BARE} x",
        reached=ours / bare <= AGAINST_BARE,
    )


def add_jobs(table: Table, found: dict[str, dict[str, dict[str, float]]]) -> None:
    for job, (what, most) in measure.JOBS.items():
        ours, old = found[job][OURS.name], found[job][OLD_BELAY.name]
        table.add(
            f"{what}: round trips",
            ours["trips"],
            plain,
            belay=old["trips"],
            reach=f"<= {most}",
            reached=ours["trips"] <= most,
        )
        table.add(f"{what}: time", ours["ms"], milliseconds, belay=old["ms"])


def add_cpu(table: Table, found: dict[str, float]) -> None:
    ours, old = found[OURS.name], found[OLD_BELAY.name]
    table.add("host CPU per call", ours, milliseconds, belay=old, bare=found[BARE.name])
    table.add("    ours / Belay's", ours / old, ratio, reach="<= 0.6 x", reached=ours / old <= 0.6)


def add_import(table: Table, found: dict[str, float]) -> None:
    ours = found[OURS.name]
    table.add(
        "import belay, over a bare interpreter",
        ours,
        milliseconds,
        belay=found[OLD_BELAY.name],
        reach="<= 60 ms",
        reached=ours <= 60,
    )


def run(rounds: int, times: int) -> tuple[Table, dict[str, Any]]:
    """Measure everything.

    Args:
        rounds: calls of each peer over each link.
        times: repetitions of what is slower than a call.
    """
    table, numbers = Table(), dict[str, Any](machine=measure.about_this_machine())

    def step(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        print(f"measuring {name} ...", file=sys.stderr)
        numbers[name] = found = function(*arguments)
        return found

    add_connecting(table, step("connecting", measure.connecting, times))
    add_wire(table, step("bytes of a call", measure.calls_on_the_wire))
    for link, reach in LINKS:
        found = step(f"f(7), {link.name}", measure.alternating_calls, link, rounds)
        add_calls(table, link.name, reach, found)
    add_jobs(table, step("objects and streams", measure.objects_and_streams, times))
    add_cpu(table, step("host CPU", measure.batch_cpu, UNSHAPED, rounds))
    add_import(table, step("import belay", measure.importing, times))
    return table, numbers


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100 calls instead of 1,000")
    options = parser.parse_args()
    table, numbers = run(100, 5) if options.quick else run(1000, 15)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / time.strftime("%Y-%m-%d-%H%M%S.json")
    path.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    print(table)
    print(f"\nThe numbers: benchmarks/results/{path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
