"""garage's MAML-TRPO as a peer."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from garage.sampler import LocalSampler
from garage.torch import update_module_params
from garage.torch.algos import MAMLTRPO
from garage.torch.policies import GaussianMLPPolicy
from garage.torch.value_functions import GaussianMLPValueFunction
from numpy.typing import NDArray
from torch import nn

from .entrant import Agent, Entrant, Parameters
from .networks import TorchEntrant, load_into
from .tasks import FloatArray, ToTask, episode_batch
from .wire import Message, Pipe


class TaskSampler:
    """Tasks drawn with replacement."""

    def __init__(self, entrant: Entrant) -> None:
        self.entrant = entrant

    def sample(self, n_tasks: int, with_replacement: bool = True) -> list[ToTask]:
        """Draw tasks."""
        drawn = np.random.randint(self.entrant.problem["train_tasks"], size=n_tasks)  # noqa: NPY002
        return [ToTask(self.entrant.tasks, int(task)) for task in drawn]


class MAMLEntrant(TorchEntrant):
    """MAML-TRPO, built as garage's examples build it."""

    def __init__(self, pipe: Pipe, creation: Message) -> None:
        super().__init__(pipe, creation)
        torch.set_num_threads(1)
        settings, env = self.settings, ToTask(self.tasks, 0)()
        self.batch_size = settings["rollouts"] * self.problem["horizon"]
        self.policy = GaussianMLPPolicy(
            env_spec=env.spec, hidden_sizes=settings["hidden_sizes"], hidden_nonlinearity=torch.tanh
        )
        self.sampler = LocalSampler(
            agents=self.policy,
            envs=env,
            max_episode_length=self.problem["horizon"],
            seed=creation.values["seed"],
            n_workers=1,
        )
        self.algorithm = MAMLTRPO(
            env=env,
            policy=self.policy,
            value_function=GaussianMLPValueFunction(env_spec=env.spec, hidden_sizes=[32, 32]),
            sampler=self.sampler,
            task_sampler=TaskSampler(self),
            inner_lr=settings["inner_rate"],
            max_kl_step=settings["max_kl"],
            discount=settings["discount"],
            gae_lambda=settings["gae_decay"],
            meta_batch_size=settings["meta_batch"],
            num_grad_updates=settings["inner_steps"],
        )
        meta_optimize = self.algorithm._meta_optimize

        def counted(all_samples: Any, all_params: Any) -> None:
            meta_optimize(all_samples, all_params)
            self.updated()

        self.algorithm._meta_optimize = counted

    @property
    def modules(self) -> dict[str, nn.Module]:
        """The policy, and the baseline that is read: another copy of it is what garage trains."""
        return {"policy": self.policy, "value": self.algorithm._inner_algo._value_function.module}

    def agents(self, count: int, vectors: FloatArray | None) -> Agent:
        """Make agents with the initial parameters."""
        return MAMLAgents(self, count)

    def load(self, parameters: Parameters) -> None:
        """Replace policy and baseline, and what garage remembers of the policy."""
        super().load(parameters)
        load_into({"policy": self.algorithm._old_policy}, parameters)

    def update(self, given: Message) -> tuple[dict[str, float], Parameters]:
        """Take the inner step in every task and the outer step on given episodes.

        Their arrays are `observations` (2, tasks, episodes, time + 1, .), `actions`, `rewards` and `lengths`, before
        and after the inner step. The gradients are those of the outer loss; beside them are the `adapted` parameters of
        every task and the advantages.
        """
        algorithm, policy = self.algorithm, self.policy
        theta = dict(policy.named_parameters())
        columns = [given.arrays[name] for name in ("observations", "actions", "rewards", "lengths")]
        samples: list[list[Any]] = []
        adapted: list[dict[str, Any]] = []
        for task in range(columns[0].shape[1]):
            batches = []
            for phase in (0, 1):
                episodes = episode_batch(self.tasks.spec, *(column[phase, task] for column in columns))
                batches.append(algorithm._process_samples(episodes))
            algorithm._adapt(batches[0], set_grad=False)
            adapted.append(dict(policy.named_parameters()))
            update_module_params(policy, theta)
            samples.append(batches)
        loss = algorithm._compute_meta_loss(samples, adapted)
        algorithm._meta_optimizer.zero_grad()
        loss.backward()
        gradients = {f"policy.{name}": value.grad.numpy().copy() for name, value in policy.named_parameters()}
        for name in theta:
            gradients[f"adapted.{name}"] = np.stack([each[name].detach().numpy() for each in adapted])
        for task, batches in enumerate(samples):
            for phase, batch in enumerate(batches):
                gradients[f"advantages.{phase}.{task}"] = self._advantages(batch)
        algorithm._meta_optimize(samples, adapted)
        losses = {
            "outer": float(loss.detach()),
            "outer_after": float(algorithm._compute_meta_loss(samples, adapted, set_grad=False)),
            "kl": float(algorithm._compute_kl_constraint(samples, adapted, set_grad=False)),
        }
        return losses, gradients

    def _advantages(self, batch: Any) -> NDArray[np.float32]:
        advantages = self.algorithm._inner_algo._compute_advantage(batch.rewards, batch.valids, batch.baselines)
        values: NDArray[np.float32] = advantages.numpy()
        return values


class MAMLAgents(Agent):
    """A policy of its own for every task, once it has adapted."""

    def __init__(self, entrant: MAMLEntrant, count: int) -> None:
        self.entrant, self.count = entrant, count
        self.adapted: list[GaussianMLPPolicy] = []
        self.drawn: list[list[FloatArray]] = []  # actions before they were clipped, by episode and step

    def begin(self) -> None:
        """Begin an episode."""
        self.drawn.append([])

    def act(self, observations: FloatArray) -> FloatArray:
        """Sample while exploring; then act by the mean, as the suite's own agents do."""
        if self.adapted:
            pairs = zip(self.adapted, observations, strict=True)
            return np.stack([policy.get_action(observation)[1]["mean"] for policy, observation in pairs])
        self.drawn[-1].append(self.entrant.policy.get_actions(observations)[0])
        return self.drawn[-1][-1]

    def adapt(self, exploration: dict[str, NDArray[Any]]) -> None:
        """Take garage's inner step in every task."""
        algorithm = self.entrant.algorithm
        time = exploration["rewards"].shape[2]
        actions = np.zeros(exploration["actions"].shape)
        for episode, steps in enumerate(self.drawn):
            actions[episode, :, : len(steps)] = np.stack(steps, axis=1)[:, :time]
        columns = [exploration["observations"], actions, exploration["rewards"], exploration["lengths"]]
        for task in range(self.count):
            episodes = episode_batch(self.entrant.tasks.spec, *(column[:, task] for column in columns))
            self.adapted.append(algorithm.adapt_policy(algorithm.get_exploration_policy(), episodes))
