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

from benchmarks import files, measure, views
from benchmarks.boards import ONE_MS, UART, UART_1_MS, UART_8_MS, UNSHAPED
from benchmarks.peers import BARE, MPREMOTE, OLD_BELAY, OURS
from benchmarks.table import Table, milliseconds, plain, ratio

RESULTS = Path(__file__).resolve().parent / "results"
LINKS = [(UNSHAPED, 0.6), (ONE_MS, 0.55), (UART, 0.55)]
AGAINST_BARE = 1.4
KILOBYTES_A_SECOND = 20
"""Of source, at 115200 baud and 8 ms each way."""

Numbers = dict[str, Any]


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


def add_file_counts(table: Table, found: files.Numbers) -> None:
    for name, job in files.JOBS.items():
        by_peer = _by_column(found[name], "trips")
        ours = by_peer.pop("ours")
        table.add(
            f"{job.what}: round trips",
            ours,
            plain,
            reach=f"<= {job.trips}",
            reached=ours <= job.trips,
            **by_peer,
        )
    for name, job in files.JOBS.items():
        if job.wire is not None:
            by_peer = {
                column: wire / files.SIZE
                for column, wire in _by_column(found[name], "wire").items()
            }
            ours = by_peer.pop("ours")
            table.add(
                f"{job.what}: bytes on the wire",
                ours,
                ratio,
                reach=f"<= {job.wire} x",
                reached=ours <= job.wire,
                **by_peer,
            )


def add_file_times(table: Table, link: str, found: files.Numbers) -> None:
    for name, job in files.JOBS.items():
        by_peer = _by_column(found[name], "ms")
        ours = by_peer.pop("ours")
        table.add(f"{link}: {job.what}", ours, milliseconds, **by_peer)
        times = {column: ms / ours for column, ms in by_peer.items()}
        table.add("    times ours", 1, ratio, **times)
    if link == UART_8_MS.name:
        speeds = {
            column: files.SIZE / ms for column, ms in _by_column(found["source"], "ms").items()
        }
        ours = speeds.pop("ours")
        table.add(
            f"{link}: source, KB/s",
            ours,
            plain,
            reach=f">= {KILOBYTES_A_SECOND}",
            reached=ours >= KILOBYTES_A_SECOND,
            **speeds,
        )


def add_views(table: Table, found: views.Numbers) -> None:
    """A row for each kind of view, and for each thing that can be done with it."""
    for order, numbers in found.items():
        verb, _, name = order.partition(" ")
        doing = f"click ({views.CLICKS[name]})" if verb == "click" else verb
        trips, most = numbers["trips"], views.FIRST.get(order, 1)
        ms, wire = round(numbers["ms"], 1), round(numbers["wire"])
        what = f"{views.SHOWN[name]}: {doing}"
        reached = trips <= most
        table.add(what, trips, plain, ms=ms, wire=wire, reach=f"<= {most}", reached=reached)


def _by_column(found: dict[str, dict[str, float]], key: str) -> dict[str, float]:
    columns = dict(zip(("ours", "belay", "mpremote", "mpytool"), files.PEERS, strict=True))
    return {column: found[peer.name][key] for column, peer in columns.items() if peer.name in found}


def run_calls(numbers: Numbers, rounds: int, times: int) -> Table:
    """Measure connections, calls, objects and streams.

    Args:
        numbers: gets what was measured.
        rounds: calls of each peer over each link.
        times: repetitions of what is slower than a call.
    """
    table = Table(belay="Belay 0.30.1", mpremote="mpremote 1.29", bare="bare raw REPL")

    def step(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        return _step(numbers, name, function, *arguments)

    add_connecting(table, step("connecting", measure.connecting, times))
    add_wire(table, step("bytes of a call", measure.calls_on_the_wire))
    for link, reach in LINKS:
        found = step(f"f(7), {link.name}", measure.alternating_calls, link, rounds)
        add_calls(table, link.name, reach, found)
    add_jobs(table, step("objects and streams", measure.objects_and_streams, times))
    add_cpu(table, step("host CPU", measure.batch_cpu, UNSHAPED, rounds))
    add_import(table, step("import belay", measure.importing, times))
    return table


def run_files(numbers: Numbers, repeats: int, *, slow: bool) -> Table:
    """Measure syncs and copies of files.

    Args:
        numbers: gets what was measured.
        repeats: times that each job is done over a quick link.
        slow: at 115200 baud, too, which takes minutes.
    """
    table = Table(belay="Belay 0.30.1", mpremote="mpremote 1.29", mpytool="mpytool 2.6")
    add_file_counts(table, _step(numbers, "files: round trips", files.counts))
    for link in (UNSHAPED, UART_1_MS, UART_8_MS) if slow else (UNSHAPED,):
        found = _step(
            numbers, f"files, {link.name}", files.times, link, 1 if link.rate else repeats
        )
        add_file_times(table, link.name, found)
    return table


def run_views(numbers: Numbers, times: int) -> Table:
    """Measure views of objects, and plots.

    Args:
        numbers: gets what was measured.
        times: that each is done.
    """
    table = Table(ms="ms", wire="bytes, both ways")
    add_views(table, _step(numbers, "views", views.costs, times))
    rate = _step(numbers, "plots: samples", views.samples, max(3, times // 5))["per second"]
    table.add("plot: samples of 3 channels a second", rate, plain)
    return table


def _step(numbers: Numbers, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    print(f"measuring {name} ...", file=sys.stderr)
    numbers[name] = found = function(*arguments)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of all, and no slow lines")
    parser.add_argument("--only", choices=("calls", "files", "views"), help="one of the tables")
    options = parser.parse_args()
    numbers: Numbers = {"machine": measure.about_this_machine()}
    tables = []
    if options.only in (None, "calls"):
        tables.append(run_calls(numbers, *((100, 5) if options.quick else (1000, 15))))
    if options.only in (None, "files"):
        tables.append(run_files(numbers, 3 if options.quick else 5, slow=not options.quick))
    if options.only in (None, "views"):
        tables.append(run_views(numbers, 5 if options.quick else 25))
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / time.strftime("%Y-%m-%d-%H%M%S.json")
    path.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    print(*tables, sep="\n\n")
    print(f"\nThe numbers: benchmarks/results/{path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
