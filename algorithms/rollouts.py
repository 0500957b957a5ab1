"""Batched rollouts: one episode in each of several tasks, all stepped together with one policy forward a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from algorithms.interface import Actor, Episodes, Tasks
from environments import BoolArray, FloatArray, IntArray, Step


def run_episodes(tasks: Tasks, actor: Actor, indices: IntArray, limits: IntArray, *, observe: bool = True) -> Episodes:
    """Run one episode in each of `len(indices)` copies.

    Parameters
    ----------
    tasks : what is stepped.
    actor : what acts.
    indices : (copies,) task index of each copy.
    limits : (copies,) steps after which a copy's episode is truncated; 0 leaves the copy out.
    observe : whether the actor is shown the steps, rewards included.
    """
    observations = tasks.reset(indices)  # (copies, observation_size)
    actor.begin_episode()
    seen, taken, rewards = [observations], [], []  # a (copies, ·) each step
    terminated = np.zeros(len(indices), dtype=np.bool_)
    success = np.zeros_like(terminated)
    lengths = np.zeros(len(indices), dtype=np.int64)
    active = limits > 0
    while active.any():
        actions = actor.act(observations)
        step = _of_active(tasks.step(actions, active), active, observations)
        if observe:
            actor.observe(step, active)
        observations = step.observations
        seen.append(observations)
        taken.append(np.where(active[:, None], actions, 0.0))
        rewards.append(step.rewards)
        success |= step.success
        terminated |= step.terminated
        lengths += active
        active = active & ~step.terminated & (lengths < limits)
    return Episodes(indices, np.stack(seen, 1), np.stack(taken, 1), np.stack(rewards, 1), terminated, lengths, success)


def _of_active(step: Step, active: BoolArray, observations: FloatArray) -> Step:
    """Hold every family to what `Step` promises of inactive copies: the last observation again, and zeros."""
    return Step(
        np.where(active[:, None], step.observations, observations),
        np.where(active, step.rewards, 0.0),
        step.terminated & active,
        step.success & active,
    )


def run_steps(
    tasks: Tasks, make_actor: Callable[[], Actor], indices: IntArray, steps: int, horizon: int
) -> Iterator[Episodes]:
    """Spend exactly `steps` steps in each of `len(indices)` copies, one episode after the other.

    Parameters
    ----------
    tasks : what is stepped.
    make_actor : makes the actor of the next round of episodes.
    indices : (copies,) task index of each copy.
    steps : steps a copy; the last episode is truncated where they are used up.
    horizon : the longest episode.
    """
    remaining = np.full(len(indices), steps)
    while remaining.any():
        episodes = run_episodes(tasks, make_actor(), indices, np.minimum(remaining, horizon), observe=False)
        remaining = remaining - episodes.lengths
        yield episodes


def run_at_least(
    tasks: Tasks, make_actor: Callable[[IntArray, int], Actor], indices: IntArray, steps: int, horizon: int
) -> Iterator[tuple[IntArray, Episodes]]:
    """Spend at least `steps` steps in each of some tasks, in as many whole episodes as it takes one after the other.

    Several run side by side: as many of each task as it surely still needs, were none of them to end early. So a task
    gets the very number of episodes that it would get one by one, and at most `horizon - 1` steps more than `steps`.

    Parameters
    ----------
    tasks : what is stepped.
    make_actor : makes the actor of the next wave, from positions in `indices` and the number of copies of each.
    indices : (tasks,) task indices.
    steps : steps a task.
    horizon : the longest episode.

    Yields
    ------
    Positions in `indices`, and one episode in each of several copies of them, the copies of a task side by side; one
    that a task did not need has the length 0.
    """
    remaining = np.full(len(indices), steps)
    while (some := np.flatnonzero(remaining > 0)).size:
        needed = -(-remaining[some] // horizon)
        copies = int(needed.max())
        limits = np.where(np.arange(copies) < needed[:, None], horizon, 0).ravel()
        actor = make_actor(some, copies)
        episodes = run_episodes(tasks, actor, np.repeat(indices[some], copies), limits, observe=False)
        remaining[some] -= episodes.lengths.reshape(len(some), copies).sum(axis=1)
        yield some, episodes


def waves(count: int, steps: int, tasks: Tasks) -> Iterator[slice]:
    """Split `count` tasks or trials into waves of as many as surely fit what the budget has left.

    There is one wave unless the budget nears its end. Then the steps that were reserved and not taken, because episodes
    ended early, let more follow; those for which nothing is left do not come. The first always does.

    Parameters
    ----------
    count : how many are to be run.
    steps : the most steps that one of them can take.
    tasks : where they are run, before the next wave is asked for.
    """
    begun, fitting = 0, max(1, tasks.left // steps)
    while begun < count and fitting > 0:
        yield slice(begun, min(begun + fitting, count))
        begun += fitting
        fitting = tasks.left // steps
