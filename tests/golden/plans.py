"""The identities of all runs that ship, in one digest a benchmark: run it to write them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from suite.plan.benchmark import load_benchmark, shipped_benchmarks

TABLE = Path(__file__).parent / "plans.json"


def entry(benchmark: str) -> dict[str, Any]:
    """Count a benchmark's runs, and digest their names in the order of the plan."""
    runs = [spec.run for spec in load_benchmark(benchmark).plan()]
    return {"runs": len(runs), "digest": hashlib.sha256("\n".join(runs).encode()).hexdigest()}


def main() -> None:
    """Write the table; run after a revision, a version of the numeric stack or a benchmark has changed."""
    TABLE.write_text(json.dumps({name: entry(name) for name in shipped_benchmarks()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
