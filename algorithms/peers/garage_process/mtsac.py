"""garage's multi-task SAC as a peer: the oracle, whose observations end with the task vector."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from garage import EpisodeBatch
from garage.replay_buffer import PathBuffer
from garage.sampler import LocalSampler
from garage.torch.algos import MTSAC
from garage.torch.policies import TanhGaussianMLPPolicy
from garage.torch.q_functions import ContinuousMLPQFunction
from torch import nn
from torch.nn import functional

from .entrant import Agent, Parameters
from .networks import TorchEntrant, given_noise, recorded
from .tasks import FloatArray, ToTask
from .wire import Message, Pipe


class CountedMTSAC(MTSAC):  # type: ignore[misc]
    """garage's MTSAC, which tells the suite of every update and leaves evaluating to it."""

    entrant: MTSACEntrant

    def optimize_policy(self, samples_data: dict[str, Any]) -> Any:
        """Make an update."""
        losses = super().optimize_policy(samples_data)
        self.entrant.updated()
        return losses

    def _evaluate_policy(self, epoch: int) -> float:
        return 0.0


class LogTemperature(nn.Module):
    """The logarithm of the temperature among the networks."""

    def __init__(self, value: torch.Tensor) -> None:
        super().__init__()
        self.register_parameter("value", None)
        self._parameters["value"] = value  # type: ignore[assignment]


class MTSACEntrant(TorchEntrant):
    """MTSAC, built as garage's single-environment example builds it: one temperature, no one-hot task."""

    def __init__(self, pipe: Pipe, creation: Message) -> None:
        super().__init__(pipe, creation)
        torch.set_num_threads(1)
        settings, env = self.settings, ToTask(self.tasks, 0)()
        horizon, hidden = self.problem["horizon"], settings["network_sizes"]
        self.batch_size = settings["tasks_per_iteration"] * horizon
        self.policy = TanhGaussianMLPPolicy(
            env_spec=env.spec,
            hidden_sizes=hidden,
            hidden_nonlinearity=nn.ReLU,
            min_std=np.exp(-20.0),
            max_std=np.exp(2.0),
        )
        critics = [
            ContinuousMLPQFunction(env_spec=env.spec, hidden_sizes=hidden, hidden_nonlinearity=functional.relu)
            for _ in range(2)
        ]
        self.sampler = LocalSampler(
            agents=self.policy, envs=env, max_episode_length=horizon, seed=creation.values["seed"], n_workers=1
        )
        self.algorithm = CountedMTSAC(
            policy=self.policy,
            qf1=critics[0],
            qf2=critics[1],
            replay_buffer=PathBuffer(capacity_in_transitions=max(1, min(1_000_000, self.problem["budget"]))),
            env_spec=env.spec,
            sampler=self.sampler,
            num_tasks=1,
            eval_env=[env],
            gradient_steps_per_itr=settings["updates"],
            discount=settings["discount"],
            buffer_batch_size=settings["batch"],
            min_buffer_size=settings["warmup_steps"] * self.problem["train_tasks"],
            target_update_tau=settings["target_rate"],
            policy_lr=settings["learning_rate"],
            qf_lr=settings["learning_rate"],
            reward_scale=settings["reward_scale"],
        )
        self.algorithm.entrant = self

    def obtain_episodes(
        self, itr: int, batch_size: int | None = None, agent_update: Any = None, env_update: Any = None
    ) -> EpisodeBatch:
        """Sample one episode in each of some tasks, without replacement as long as there are tasks left."""
        episodes = -(-(batch_size or self.batch_size) // self.problem["horizon"])
        order = np.random.permutation(self.problem["train_tasks"])  # noqa: NPY002
        sampled = [
            super(MTSACEntrant, self).obtain_episodes(itr, 1, agent_update, ToTask(self.tasks, int(task)))
            for task in np.resize(order, episodes)
        ]
        return EpisodeBatch.concatenate(*sampled)

    @property
    def modules(self) -> dict[str, nn.Module]:
        """The networks."""
        algorithm = self.algorithm
        return {
            "policy": self.policy,
            "qf1": algorithm._qf1,
            "qf2": algorithm._qf2,
            "target_qf1": algorithm._target_qf1,
            "target_qf2": algorithm._target_qf2,
            "log_temperature": LogTemperature(algorithm._log_alpha),
        }

    def agents(self, count: int, vectors: FloatArray | None) -> Agent:
        """Make agents that are told their tasks."""
        if vectors is None:
            raise ValueError("an oracle is told its tasks")
        return MTSACAgents(self, vectors)

    def update(self, given: Message) -> tuple[dict[str, float], Parameters]:
        """Make one update on given transitions (rows, .) and noise."""
        algorithm, noise = self.algorithm, [given.arrays["next_noise"], given.arrays["noise"]]
        names = ("observation", "action", "reward", "next_observation", "terminal")
        samples = {name: torch.from_numpy(given.arrays[name]).float() for name in names}
        optimizers = [algorithm._qf1_optimizer, algorithm._qf2_optimizer]
        optimizers += [algorithm._policy_optimizer, algorithm._alpha_optimizer]
        with given_noise(noise), recorded(optimizers, self.modules) as (losses, gradients):
            MTSAC.optimize_policy(algorithm, samples)
            algorithm._update_targets()
        qf1, qf2, policy, temperature = losses
        return {"critic": qf1 + qf2, "policy": policy, "temperature": temperature}, gradients


class MTSACAgents(Agent):
    """The policy, told of each task."""

    def __init__(self, entrant: MTSACEntrant, vectors: FloatArray) -> None:
        self.policy, self.vectors = entrant.policy, vectors

    def act(self, observations: FloatArray) -> FloatArray:
        """Act by the mean, as garage evaluates it."""
        actions: FloatArray = self.policy.get_actions(np.concatenate([observations, self.vectors], axis=1))[1]["mean"]
        return actions
