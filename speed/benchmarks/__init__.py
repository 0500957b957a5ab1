"""A benchmark of each thing that a user waits for: `tox -e speed -- benchmarks [OPTION ...]`; the options are pytest's.

Shown are processor seconds, those of the processes that a command starts included: other work on the machine disturbs
them less than the clock. `--benchmark-save=NAME` keeps the figures under `saved/`, and `--benchmark-compare` shows the
newest kept ones beside the new ones; `-k small` selects. No figure passes or fails.
"""
