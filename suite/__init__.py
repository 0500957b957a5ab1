"""Running and judging: benchmark, plan, runs, store, tables, verdicts, page."""
