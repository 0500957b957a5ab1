"""A profile of a row's time on our side: `tox -e speed -- profiled [ROW ...]`.

For each row, on one thread: the time of a round without the profiler, how many of torch's operators it calls, and the
share of the operators' time that matrix products take. Operators cost some microseconds each however small they are,
so that a row with many calls and few products is bound by their number.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from speed.entrants.ours import round_of
from speed.rows import ROWS

PRODUCTS = ("aten::mm", "aten::addmm", "aten::addmm_", "aten::bmm", "aten::baddbmm", "aten::baddbmm_")
ROUNDS = 9


def line(name: str) -> str:
    """Measure a row, and write it."""
    row = ROWS[name]
    timed = round_of(row)
    timed.work()
    spent = []
    for _ in range(ROUNDS if row.work == "update" else 1):
        begun = time.perf_counter()
        timed.work()
        spent.append((time.perf_counter() - begun) / timed.times)
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        timed.work()
    operators = [event for event in recorded.key_averages() if event.key.startswith("aten::")]
    total = sum(event.self_cpu_time_total for event in operators)
    products = sum(event.self_cpu_time_total for event in operators if event.key in PRODUCTS)
    calls = sum(event.count for event in operators) / timed.times
    milliseconds = 1e3 * float(np.median(spent))
    cells = [row.what, f"{milliseconds:,.1f}", f"{calls:,.0f}", f"{1e3 * milliseconds / calls:.1f}"]
    return f"| {' | '.join([*cells, f'{products / total:.0%}'])} |"


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"{', '.join(ROWS)} (default: all)")
    asked = parser.parse_args().rows or list(ROWS)
    if unknown := set(asked) - ROWS.keys():
        parser.error(f"no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    torch.set_num_threads(1)
    print(
        "| work | ours, ms | operators called | microseconds an operator | of which products |\n|---|---|---|---|---|"
    )
    for name in asked:
        print(line(name))


if __name__ == "__main__":
    main()
