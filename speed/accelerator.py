"""The time of a step on an accelerator, its launches and its memory: `python -m speed.accelerator [ROW ...]`.

The rows are those of `speed.rows`, on the same noise. A launch is a kernel that the host starts; where a step's time
is no more than some microseconds a launch, it is bound by them. On `--device cpu`, operators are counted instead.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from speed.entrants.ours import round_of
from speed.rows import ROWS

UPDATES = [name for name, row in ROWS.items() if row.work == "update"]
ROUNDS = 9


def line(name: str, device: torch.device) -> str:
    """Measure a row on a device, and write it."""
    accelerated = device.type == "cuda"
    wait: Callable[[], object] = torch.cuda.synchronize if accelerated else (lambda: None)
    row = ROWS[name]
    timed = round_of(row, device)
    timed.work()  # what is done once is not counted
    if accelerated:
        torch.cuda.reset_peak_memory_stats(device)
    spent = []
    for _ in range(ROUNDS):
        wait()
        begun = time.perf_counter()
        timed.work()
        wait()
        spent.append((time.perf_counter() - begun) / timed.times)
    with profile(activities=[ProfilerActivity.CPU, *[ProfilerActivity.CUDA] * accelerated]) as recorded:
        timed.work()
        wait()
    called = "cudaLaunchKernel" if accelerated else "aten::"
    launches = sum(event.count for event in recorded.key_averages() if event.key.startswith(called)) / timed.times
    memory = f"{torch.cuda.max_memory_allocated(device) / 2**20:,.0f}" if accelerated else "-"
    return f"| {row.what} | {1e3 * float(np.median(spent)):,.2f} | {launches:,.0f} | {memory} |"


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"{', '.join(UPDATES)} (default: all)")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    arguments = parser.parse_args()
    if unknown := set(arguments.rows) - set(UPDATES):
        parser.error(f"no row {', '.join(sorted(unknown))}; there are {', '.join(UPDATES)}")
    if arguments.device == "cuda" and not torch.cuda.is_available():
        print("no accelerator is seen: nothing is measured")
        return
    device = torch.device(arguments.device)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(f"| work on {where} | ms | launches | memory, MiB |\n|---|---|---|---|")
    for name in arguments.rows or UPDATES:
        print(line(name, device), flush=True)


if __name__ == "__main__":
    main()
