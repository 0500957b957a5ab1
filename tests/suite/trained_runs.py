"""Runs that are trained for about a second."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from suite.cli import main
from suite.store.runs import Store

TINY = """
name: tiny
description: a context-based agent and a control on point-goal-2d
groups:
  - environments: [point-goal-2d]
    seeds: [0]
    budget: 2500
    evaluations: 1
    algorithms:
      pearl:
        settings:
          {latent_size: 3, encoder_sizes: [16], network_sizes: [16], meta_batch: 4, batch: 8, context_batch: 16,
           updates: 5, warmup_steps: 20, tasks_per_iteration: 10, prior_steps: 20, posterior_steps: 20}
      blind-sac:
        settings:
          {network_sizes: [8], batch: 8, updates: 1, tasks_per_iteration: 4, steps_per_task: 20, warmup_steps: 20}
      mql:
        settings:
          {context_size: 4, history: 3, network_sizes: [16], batch: 16, updates: 1, tasks_per_iteration: 2,
           warmup_steps: 20, new_task_updates: 1, replay_updates: 1, replay_batch: 16}
"""


def suite(*arguments: object) -> int:
    """Run the command in this process; return its exit code."""
    argv, sys.argv = sys.argv, ["suite", *map(str, arguments)]
    try:
        with pytest.raises(SystemExit) as left:
            main()
    finally:
        sys.argv = argv
    code = left.value.code
    return code if isinstance(code, int) else 1


def train(results: Path, benchmark: str = TINY) -> dict[str, str]:
    """Train them through the command line; return the run of each label."""
    definition = results / "tiny.yaml"
    definition.write_text(benchmark)
    assert suite("run", definition, "--results", results, "--reports", results / "reports", "--workers", 1) == 0
    return {folder.spec().label: folder.run for folder in Store(results).folders()}
