"""A benchmark of two runs of a second."""

TINY = """
name: tiny
description: two runs of a second
groups:
  - environments: [point-goal-2d]
    seeds: [0, 1]
    budget: 3000
    evaluations: 1
    algorithms:
      blind-sac:
        settings:
          {network_sizes: [8], batch: 8, updates: 1, tasks_per_iteration: 4, steps_per_task: 20, warmup_steps: 20}
"""
