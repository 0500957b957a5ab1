"""garage's PEARL as a peer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from garage.sampler import LocalSampler
from garage.torch.algos import PEARL
from garage.torch.algos.pearl import PEARLWorker
from garage.torch.policies import TanhGaussianMLPPolicy
from garage.torch.q_functions import ContinuousMLPQFunction
from numpy.typing import NDArray
from torch import nn

from .entrant import Agent, Parameters
from .networks import TorchEntrant, given_noise, recorded
from .tasks import FloatArray, ToTask, episode_batch
from .wire import Message, Pipe


class CountedPEARL(PEARL):  # type: ignore[misc]
    """garage's PEARL, which tells the suite of every update."""

    entrant: PEARLEntrant

    def _optimize_policy(self, indices: NDArray[np.int64]) -> None:
        super()._optimize_policy(indices)
        self.entrant.updated()


class PEARLEntrant(TorchEntrant):
    """PEARL, built as garage's examples build it."""

    def __init__(self, pipe: Pipe, creation: Message) -> None:
        super().__init__(pipe, creation)
        torch.set_num_threads(1)
        settings, tasks = self.settings, self.tasks
        envs = [ToTask(tasks, task) for task in range(self.problem["train_tasks"])]
        env, latent, hidden = envs[0](), settings["latent_size"], settings["network_sizes"]
        augmented = PEARL.augment_env_spec(env, latent)
        self.sampler = LocalSampler(
            agents=None,
            envs=env,
            max_episode_length=self.problem["horizon"],
            seed=creation.values["seed"],
            n_workers=1,
            worker_class=PEARLWorker,
        )
        rate, regularisation = settings["learning_rate"], settings["policy_regularisation"]
        self.algorithm = CountedPEARL(
            env=envs,
            inner_policy=TanhGaussianMLPPolicy(env_spec=augmented, hidden_sizes=hidden),
            qf=ContinuousMLPQFunction(env_spec=augmented, hidden_sizes=hidden),
            vf=ContinuousMLPQFunction(env_spec=PEARL.get_env_spec(env, latent, "vf"), hidden_sizes=hidden),
            sampler=self.sampler,
            num_train_tasks=len(envs),
            num_test_tasks=1,
            latent_dim=latent,
            encoder_hidden_sizes=settings["encoder_sizes"],
            test_env_sampler=SimpleNamespace(n_tasks=1),
            policy_lr=rate,
            qf_lr=rate,
            vf_lr=rate,
            context_lr=rate,
            policy_mean_reg_coeff=regularisation,
            policy_std_reg_coeff=regularisation,
            soft_target_tau=settings["target_rate"],
            kl_lambda=settings["kl_weight"],
            meta_batch_size=settings["meta_batch"],
            num_steps_per_epoch=settings["updates"],
            num_initial_steps=settings["warmup_steps"],
            num_tasks_sample=settings["tasks_per_iteration"],
            num_steps_prior=settings["prior_steps"],
            num_extra_rl_steps_posterior=settings["posterior_steps"],
            batch_size=settings["batch"],
            embedding_batch_size=settings["context_batch"],
            embedding_mini_batch_size=settings["context_batch"],
            discount=settings["discount"],
            # A task's whole share and more; garage allocates it at once, for each task.
            replay_buffer_size=max(1, min(1_000_000, self.problem["budget"])),
            reward_scale=settings["reward_scale"],
        )
        self.algorithm.entrant = self
        self.algorithm._evaluator = SimpleNamespace(evaluate=lambda algorithm: None)  # the suite evaluates

    @property
    def modules(self) -> dict[str, nn.Module]:
        """The networks."""
        algorithm = self.algorithm
        encoder, policy = algorithm.policy.networks
        return {
            "encoder": encoder,
            "policy": policy,
            "qf1": algorithm._qf1,
            "qf2": algorithm._qf2,
            "vf": algorithm._vf,
            "target_vf": algorithm.target_vf,
        }

    def agents(self, count: int, vectors: FloatArray | None) -> Agent:
        """Make agents whose belief is the prior."""
        return PEARLAgents(self, count)

    def update(self, given: Message) -> tuple[dict[str, float], Parameters]:
        """Make one update on given transitions (tasks, rows, .), context (tasks, rows, .) and noise."""
        algorithm, tensors = self.algorithm, {name: torch.from_numpy(a).float() for name, a in given.arrays.items()}
        tasks = len(tensors["context"])
        algorithm._meta_batch_size, algorithm._batch_size = tasks, tensors["rewards"].shape[1]
        algorithm._sample_context = lambda indices: tensors["context"]
        batch = [tensors[name] for name in ("observations", "actions", "rewards", "next_observations", "terminated")]
        algorithm._sample_data = lambda indices: batch
        outputs: list[Any] = []
        forward = algorithm.policy.forward

        def noted(*arguments: Any) -> Any:
            outputs.append(forward(*arguments))
            return outputs[-1]

        algorithm.policy.forward = noted
        optimizers = [algorithm.qf1_optimizer, algorithm.qf2_optimizer, algorithm.context_optimizer]
        optimizers += [algorithm.vf_optimizer, algorithm._policy_optimizer]
        # garage draws z when it resets the belief and when it infers it, and keeps the third draw.
        thrown_away = [None] * (2 * tasks)
        draws = [*thrown_away, *given.arrays["latent_noise"], given.arrays["action_noise"]]
        with given_noise(draws), recorded(optimizers, self.modules) as (losses, gradients):
            PEARL._optimize_policy(algorithm, list(range(tasks)))
        kl, critic, value, policy = losses
        (_, mean, log_std, *_), _ = outputs[0]  # what it adds to the policy's loss is a constant
        constant = algorithm._policy_mean_reg_coeff * (mean**2).mean()
        constant += algorithm._policy_std_reg_coeff * (log_std**2).mean()
        found = {"kl": kl / algorithm._kl_lambda, "critic": critic, "value": value, "policy": float(policy - constant)}
        return found, gradients


class PEARLAgents(Agent):
    """A z of its own for every task."""

    def __init__(self, entrant: PEARLEntrant, count: int) -> None:
        self.entrant, self.policy = entrant, entrant.algorithm.policy
        shape = (count, entrant.settings["latent_size"])
        self.means, self.variances = torch.zeros(shape), torch.ones(shape)

    def begin(self) -> None:
        """Draw every z from its belief, as garage's worker does before an episode."""
        self.policy.z_means, self.policy.z_vars = self.means, self.variances
        self.policy.sample_from_belief()
        self.z = self.policy.z.detach()

    def act(self, observations: FloatArray) -> FloatArray:
        """Sample from the policy: garage's flag for its mean has no effect."""
        _, inner = self.policy.networks
        s_z = torch.cat([torch.from_numpy(observations).float(), self.z], dim=1)
        actions: FloatArray = inner.get_actions(s_z)[0]
        return actions

    def adapt(self, exploration: dict[str, NDArray[Any]]) -> None:
        """Infer every task's belief."""
        columns = [exploration[name] for name in ("observations", "actions", "rewards", "lengths")]
        for task in range(len(self.means)):
            episodes = episode_batch(self.entrant.tasks.spec, *(column[:, task] for column in columns))
            with torch.no_grad():
                self.entrant.algorithm.adapt_policy(self.policy, episodes)
            self.means[task], self.variances[task] = self.policy.z_means[0], self.policy.z_vars[0]
