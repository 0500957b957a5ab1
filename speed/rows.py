"""The rows of the table beside the peers: what work, at which sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Work = Literal["update", "iteration", "adaptation"]


class Row(NamedTuple):
    """Some work that two entrants do."""

    what: str
    """The name that the table has for it."""
    work: Work
    algorithm: str
    """Ours."""
    peer: Literal["garage", "mql", "ours"]
    against: str
    """The peer's name for its algorithm."""
    settings: Mapping[str, Any]
    peer_settings: Mapping[str, Any] = {}
    """The settings that the peer has instead."""
    times: int = 1
    """Updates a round; tasks adapted to."""
    rounds: int = 9
    tasks: int = 20
    """Training tasks."""
    transitions: int = 8000
    """In the replay."""


TABLE_7 = {"meta_batch": 16, "batch": 256, "context_batch": 128, "latent_size": 7}
"""Table 7 of the TCL-PEARL paper; networks of 3 x 400 are the default."""
SMALL = {
    "meta_batch": 16, "batch": 256, "context_batch": 64, "encoder_sizes": (64, 64), "network_sizes": (64, 64),
    "latent_size": 5,
}  # fmt: skip
QUICK = {
    "meta_batch": 16, "batch": 16, "context_batch": 128, "encoder_sizes": (32, 32), "network_sizes": (64, 64),
    "latent_size": 2,
}  # fmt: skip
"""Sizes of the benchmark `pilot` on the Controls."""
ONE_ITERATION = {"warmup_steps": 400, "tasks_per_iteration": 1, "prior_steps": 200, "posterior_steps": 0, "updates": 5}
"""Sampling of garage, whose updates can be had only after some of it, which is not timed."""
SAC = {"network_sizes": (400, 400, 400), "batch": 1280}
MQL_ADAPTATION = {"new_task_updates": 10, "replay_updates": 40}
"""A tenth of Table 6's 400, on which the time is almost proportional."""

SIZES = {"network_sizes": (400, 400, 400), "encoder_sizes": (400, 400, 400)}

ROWS: dict[str, Row] = {
    "pearl": Row(
        "PEARL step, Table 7 sizes", "update", "pearl", "garage", "pearl", TABLE_7,
        {**SIZES, **TABLE_7, **ONE_ITERATION}, times=3,
    ),
    "pearl-small": Row(
        "PEARL step, 2 x 64, batch 256", "update", "pearl", "garage", "pearl", SMALL, {**SMALL, **ONE_ITERATION},
        times=10,
    ),
    "pearl-quick": Row(
        "PEARL step, 2 x 64, encoder 2 x 32", "update", "pearl", "garage", "pearl", QUICK, {**QUICK, **ONE_ITERATION},
        times=30,
    ),
    "rl2-ppo": Row("RL2-PPO iteration, 10 x 10 x 200", "iteration", "rl2-ppo", "garage", "rl2-ppo", {}, rounds=5),
    "rl2-ppo-garage": Row(
        "the same, its values a linear baseline as garage's", "iteration", "rl2-ppo", "garage", "rl2-ppo",
        {"as_published": frozenset({"linear-feature-baseline"})}, rounds=5,
    ),
    "maml-trpo": Row(
        "MAML-TRPO iteration, 20 x 10 x 200", "iteration", "maml-trpo", "garage", "maml-trpo", {}, rounds=3
    ),
    "mql": Row("MQL update, Table 6 sizes", "update", "mql", "mql", "update", {}, times=30),
    "mql-adaptation": Row(
        "MQL adaptation of ten tasks, 10 + 40 updates", "adaptation", "mql", "mql", "adaptation", MQL_ADAPTATION,
        times=10, rounds=3,
    ),
    "oracle-sac": Row(
        "oracle-SAC update, 3 x 400, batch 1280", "update", "oracle-sac", "garage", "mtsac", SAC,
        {**SAC, "warmup_steps": 100, "tasks_per_iteration": 1, "updates": 5}, times=5,
    ),
    "tcl-pearl": Row("TCL-PEARL / PEARL step, Table 7 sizes", "update", "tcl-pearl", "ours", "pearl", TABLE_7, times=3),
}  # fmt: skip
