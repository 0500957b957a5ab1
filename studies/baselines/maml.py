"""The spread of returns that MAML's baselines leave, and how much of it is advantage.

python -m studies.baselines.maml [NAME ...]    (the four: about three minutes on one core)

Each family's first training task of seed 0, under the untrained policy. The true advantage is a return less the value
that gradient-boosted trees learn from episodes which no baseline sees. Printed are the deviation of what is left of the
returns, in units of the returns' own, and its correlation with the true advantage: means over sets of 2, 5, 10 and 20
episodes, for a function of the time alone, the published ridge regression and the default. Sets without any reward are
left out: there is nothing to tell.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingRegressor

from algorithms import Problem, run_episodes
from algorithms.advantages import LinearFeatureBaseline, discounted_sums, shrunken_baseline
from algorithms.maml_trpo import MAMLTRPO, ParametersActor
from algorithms.maml_trpo_settings import MAMLTRPOSettings
from environments import BoolArray, FloatArray, make_family
from suite.training.protocol import CountedTasks
from suite.training.streams import algorithm_streams

FAMILIES = ["humanoid-dir-2d", "ant-goal-2d", "cheetah-vel", "reach-v1"]
EPISODES = (2, 5, 10, 20)
MEASURED, SEEN = 200, 240
"""Episodes that baselines are fitted to, and those that the true values are learnt from."""
COPIES = 40
DISCOUNT = 0.99

Baseline = Callable[[FloatArray, FloatArray, BoolArray], FloatArray]


class Rollouts(NamedTuple):
    """Episodes of one task."""

    observations: FloatArray  # (episodes, time, observation_size)
    returns: FloatArray  # (episodes, time), discounted, of what follows
    mask: BoolArray  # (episodes, time)

    def part(self, episodes: slice) -> Rollouts:
        """Return some of the episodes."""
        return Rollouts(self.observations[episodes], self.returns[episodes], self.mask[episodes])


def rollouts(name: str) -> Rollouts:
    """Run the untrained policy in one task."""
    family = make_family(name)
    spec, vectors = family.spec, family.sample_tasks(0).train
    sizes = (spec.observation_size, spec.action_size, spec.task_size, spec.horizon)
    algorithm = MAMLTRPO(
        MAMLTRPOSettings(), Problem(*sizes, len(vectors), 0), algorithm_streams(0), torch.device("cpu")
    )
    tasks = CountedTasks(family, vectors, 0, "environment")
    rng, parts = np.random.default_rng(0), []
    for _ in range((MEASURED + SEEN) // COPIES):
        noise = rng.standard_normal((COPIES, spec.horizon, spec.action_size))
        actor = ParametersActor(algorithm, algorithm.policy_parameters.vector[None], noise)
        limits = np.full(COPIES, spec.horizon)
        episodes = run_episodes(tasks, actor, np.zeros(COPIES, dtype=np.int64), limits, observe=False)
        padding = (0, spec.horizon - episodes.rewards.shape[1])
        rewards = np.pad(episodes.rewards, [(0, 0), padding])
        observations = np.pad(episodes.observations[:, :-1], [(0, 0), padding, (0, 0)])
        mask = np.arange(spec.horizon) < episodes.lengths[:, None]
        parts.append(Rollouts(observations, discounted_sums(rewards, DISCOUNT), mask))
    tasks.close()
    return Rollouts(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def values(learnt_from: Rollouts, at: Rollouts) -> FloatArray:
    """Learn values of state and time from some episodes, and give them at others, (episodes, time)."""

    def inputs(some: Rollouts) -> FloatArray:
        time = np.broadcast_to(np.arange(some.returns.shape[1])[:, None], (*some.returns.shape, 1))
        return np.concatenate([some.observations, time], axis=2)

    trees = HistGradientBoostingRegressor(max_iter=60, max_leaf_nodes=15, random_state=0)
    trees.fit(inputs(learnt_from)[learnt_from.mask], learnt_from.returns[learnt_from.mask])
    predicted: FloatArray = trees.predict(inputs(at).reshape(at.returns.size, -1)).reshape(at.returns.shape)
    return predicted


def of_time(observations: FloatArray, returns: FloatArray, mask: BoolArray) -> FloatArray:
    """Predict from the time alone."""
    return published(observations[..., :0], returns, mask)


def published(observations: FloatArray, returns: FloatArray, mask: BoolArray) -> FloatArray:
    """Predict by ridge regression as published, with a ridge of 1e-5."""
    baseline = LinearFeatureBaseline()
    baseline.fit(observations, returns, mask)
    return baseline(observations)


BASELINES: dict[str, Baseline] = {"time alone": of_time, "small ridge": published, "default": shrunken_baseline}


def main() -> None:
    """Print one row for each family and number of episodes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"families (default: {', '.join(FAMILIES)})")
    torch.set_num_threads(1)
    print("| family | episodes | rows | features |" + "".join(f" {name} |" for name in BASELINES))
    print("|---|---|---|---|" + "---|" * len(BASELINES))
    for name in parser.parse_args().names or FAMILIES:
        everything = rollouts(name)
        some, others = everything.part(slice(MEASURED)), everything.part(slice(MEASURED, None))
        advantages = some.returns - values(others, some)
        features = 2 * some.observations.shape[2] + 4
        for episodes in EPISODES:
            sets = [slice(begin, begin + episodes) for begin in range(0, MEASURED, episodes)]
            sets = [one for one in sets if some.returns[one].any()]
            rows = np.mean([some.mask[one].sum() for one in sets])
            cells = []
            for baseline in BASELINES.values():
                left, alike = [], []
                for one in sets:
                    s, g, here = some.observations[None, one], some.returns[None, one], some.mask[None, one]
                    residual = (g - baseline(s, g, here))[here]
                    left.append(residual.std() / g[here].std())
                    alike.append(np.corrcoef(residual, advantages[one][here[0]])[0, 1])
                cells.append(f"{np.mean(left):.2g}, {np.mean(alike):.2f}")
            print(f"| {name} | {episodes} | {rows:.0f} | {features} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
