"""The side of MQL's own code in a row: `python -m speed.entrants.mql PATH update|adaptation THREADS`; see `rounds`.

PATH is a checkout of github.com/amazon-science/meta-q-learning. Settings are those of its walker command
(run_script.py), which Table 6 of the TCL-PEARL paper repeats.
"""

from __future__ import annotations

import contextlib
import sys
import types
from importlib import import_module
from typing import Any

import numpy as np
import torch

from speed.entrants.rounds import ACTIONS, HORIZON, OBSERVATIONS, Answers, Round, serve
from speed.rows import MQL_ADAPTATION

HISTORY, CONTEXT, BATCH, TASKS, NEW = 10, 30, 256, 20, 100
"""NEW is the number of the task that is adapted to."""


class Box:
    """The part of an action space that the networks ask for; they know it by its name."""

    shape = (ACTIONS,)


def transition(generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Make a row of its replay: s, s', a, r, end, then histories of actions, rewards and states, and one later."""
    sizes = [OBSERVATIONS, OBSERVATIONS, ACTIONS, 1, 1, *[HISTORY * n for n in (ACTIONS, 1, OBSERVATIONS)] * 2]
    row = [generator.standard_normal(size) for size in sizes]
    row[4] = np.zeros(1)
    return tuple(row)


def made(path: str) -> tuple[Any, Any, Any, Any]:
    """Build the algorithm, its replay, its tasks' last transitions and those of the new task."""
    sys.path.insert(0, path)
    sys.modules.setdefault("gym", types.ModuleType("gym"))  # imported for nothing that is used here
    networks, algorithm = import_module("models.networks"), import_module("algs.MQL.mql")
    buffers, snapshots = import_module("algs.MQL.buffer"), import_module("algs.MQL.multi_tasks_snapshot")
    common = {
        "action_space": Box(),
        "hidden_sizes": [300, 300],
        "enable_context": True,
        "hiddens_dim_conext": [CONTEXT],
        "input_dim_context": ACTIONS + 1 + OBSERVATIONS,
        "output_conext": CONTEXT,
        "only_concat_context": 3,
        "history_length": HISTORY,
        "obsr_dim": OBSERVATIONS,
    }
    actors = [networks.Actor(input_dim=[OBSERVATIONS + CONTEXT], max_action=1.0, **common) for _ in range(2)]
    critics = [networks.Critic(input_dim=[OBSERVATIONS], dim_others=CONTEXT, **common) for _ in range(2)]
    mql = algorithm.MQL(
        *actors, *critics, lr=8e-4, policy_noise=0.2, policy_freq=3, batch_size=BATCH, max_action=1.0, beta_clip=1.1,
        enable_beta_obs_cxt=True, prox_coef=0.1, lam_csc=0.06, use_normalized_beta=False,
    )  # fmt: skip
    mql.set_tasks_list(list(range(TASKS)))
    generator = np.random.default_rng(0)
    replay, recent, new = buffers.Buffer(), snapshots.MultiTasksSnapshot(4000), snapshots.MultiTasksSnapshot(4000)
    recent.init(range(TASKS))
    new.init([NEW])
    for index in range(8000):
        row = transition(generator)
        replay.add(row)
        recent.add(index % TASKS, row)
    for _ in range(2 * HORIZON):
        new.add(NEW, transition(generator))
    return mql, replay, recent, new


def main() -> None:
    """Time it for as long as somebody asks."""
    path, work, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    answers = Answers()
    torch.set_num_threads(threads)
    with contextlib.redirect_stdout(sys.stderr):
        mql, replay, recent, new = made(path)

    def adapt() -> None:
        mql.save_model_states()
        mql.adapt(
            train_replay_buffer=replay,
            train_tasks_buffer=recent,
            eval_task_buffer=new,
            task_id=NEW,
            snap_iter_nums=MQL_ADAPTATION["new_task_updates"],
            main_snap_iter_nums=MQL_ADAPTATION["replay_updates"],
            sample_mult=5,
        )
        mql.rollback()

    if work == "update":
        serve(Round(lambda: mql.train(replay_buffer=replay, iterations=30), 30), answers)
    else:
        serve(Round(adapt), answers, scale=10)  # one task after the other


if __name__ == "__main__":
    main()
