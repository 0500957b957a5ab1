"""The oracle and the control: multi-task soft actor-critic that is told the task vector, or a zero in its place.

Soft actor-critic with a learnt temperature (Haarnoja et al., 2019) on the observation and the task vector, trained on
all training tasks at once, as in section 5.2 and appendix C.1 of the TCL-PEARL paper. The control, `blind-sac`, sees a
zero vector: where it scores as well as PEARL, the environment needs no adaptation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from algorithms.declaration import Problem
from algorithms.interface import Algorithm, Episodes, Metrics, Stateful, Streams, Tasks
from algorithms.networks import MLP, Arithmetic, TanhGaussianPolicy, fan_in_uniform, xavier_normal, xavier_uniform
from algorithms.optimisation import Adam, FlatParameters
from algorithms.oracle_sac_settings import BlindSACDeclaration, OracleSACDeclaration, OracleSACSettings
from algorithms.replay import EpisodeTable
from algorithms.ring import replay_of
from algorithms.rollouts import run_steps
from algorithms.sac import bellman_target, critic_loss, policy_loss, soft_value, temperature, temperature_loss
from algorithms.scaling import LEAST_DEVIATION, Standardisation
from algorithms.updates import ConditionedActor, mean_of_updates
from environments import FloatArray, IntArray


class OracleSAC(OracleSACDeclaration, Algorithm):
    """SAC on observation and task vector."""

    settings: OracleSACSettings

    def __init__(self, settings: OracleSACSettings, problem: Problem, streams: Streams, device: torch.device) -> None:
        super().__init__(settings, problem, streams, device)
        initial = self.initial
        s, a, hidden = problem.observation_size + problem.task_size, problem.action_size, settings.network_sizes
        initialise, initialise_policy = fan_in_uniform, fan_in_uniform
        if "xavier-initialisation" in settings.as_published:
            initialise, initialise_policy = xavier_normal, xavier_uniform
        added = 1e-6 if "bounded-density" in settings.as_published else 0.0
        arithmetic = Arithmetic(settings.precision, settings.plain_autograd)
        mlp = partial(MLP, generator=initial, initialise=initialise, arithmetic=arithmetic)
        self.critics = mlp([s + a, *hidden, 1], members=2).to(device)
        self.target_critics = mlp([s + a, *hidden, 1], members=2).to(device)
        self.policy = TanhGaussianPolicy([s, *hidden, a], initial, initialise_policy, added, arithmetic).to(device)
        self.critic_parameters = FlatParameters(self.critics)  # Q1 and Q2 (qf1, qf2)
        self.target_critic_parameters = FlatParameters(self.target_critics)
        self.policy_parameters = FlatParameters(self.policy)
        self.log_temperature = FlatParameters(nn.ParameterList([torch.zeros(1, device=device)]))  # log alpha
        self.target_critic_parameters.average(self.critic_parameters, 1.0)
        self.critic_adam = Adam(settings.learning_rate, self.critic_parameters)
        self.policy_adam = Adam(settings.learning_rate, self.policy_parameters)
        self.temperature_adam = Adam(settings.learning_rate, self.log_temperature)

        self.scale = Standardisation(problem.observation_size, LEAST_DEVIATION)
        self.vector_scale = Standardisation(problem.task_size, LEAST_DEVIATION)
        if problem.task_vectors is not None and settings.standardise:
            self.vector_scale.fit(problem.task_vectors)
        self.train_vectors = self.vectors(problem.task_vectors, problem.train_tasks)
        repeated = -(-settings.tasks_per_iteration // problem.train_tasks)  # copies of one task, side by side
        longest = min(max(settings.steps_per_task, settings.warmup_steps), problem.horizon)
        self.replay = replay_of(problem, a, settings.replay_size, repeated * longest, device)
        self.episodes = EpisodeTable(problem.train_tasks, device)

    def vectors(self, vectors: FloatArray | None, tasks: int) -> Tensor:
        """Return what the networks are told of each task, (tasks, task_size): zeros where no vector is given."""
        given = np.zeros((tasks, self.problem.task_size)) if vectors is None else self.vector_scale(vectors)
        return self.tensor(given)

    @property
    def next_iteration_steps(self) -> int:
        """Warm-up of every training task at first, then the sampled tasks' steps."""
        warmup = 0 if self.replay.used else self.settings.warmup_steps * self.problem.train_tasks
        return warmup + self.settings.tasks_per_iteration * self.settings.steps_per_task

    def meta_train(self, tasks: Tasks) -> Metrics:
        """Collect in some tasks, then update."""
        settings, problem = self.settings, self.problem
        if not self.replay.used:
            first = self.rollouts(tasks, np.arange(problem.train_tasks), settings.warmup_steps)
            if settings.standardise:
                self.scale.fit_episodes(first)
            self.store(first)
        # Without replacement as long as there are tasks left.
        chosen = np.resize(self.exploration.permutation(problem.train_tasks), settings.tasks_per_iteration)
        self.store(self.rollouts(tasks, chosen, settings.steps_per_task))
        return mean_of_updates(self.update, settings.updates)

    def rollouts(self, tasks: Tasks, chosen: IntArray, steps: int) -> list[Episodes]:
        """Spend `steps` steps in each of the chosen tasks."""

        def actor() -> ConditionedActor:
            noise = self.exploration.standard_normal((len(chosen), self.problem.horizon, self.problem.action_size))
            return ConditionedActor(self.policy, self.scale, self.train_vectors[torch.as_tensor(chosen)], noise)

        return list(run_steps(tasks, actor, chosen, steps, self.problem.horizon))

    def store(self, sample: Sequence[Episodes]) -> None:
        """Put episodes into the replay."""
        for episodes in sample:
            starts = self.replay.append(replace(episodes, observations=self.scale(episodes.observations)))
            self.episodes.forget(self.replay.forgotten)
            self.episodes.append(episodes, starts)

    def update(self) -> dict[str, Tensor]:
        """One gradient step on critics, policy and temperature."""
        settings, generator = self.settings, self.generator
        tasks = torch.randint(self.problem.train_tasks, (settings.batch,), device=self.device, generator=generator)
        batch = self.replay.transitions(self.episodes.sample(tasks, 1, generator))
        s, a, r, terminated, s_next = (column.flatten(0, 1) for column in batch)
        c = self.train_vectors[tasks]
        log_alpha: Tensor = self.log_temperature.parameters[0]
        if "temperature-by-last-input" in settings.as_published:
            log_alpha = log_alpha * torch.cat([s, c], dim=1)[:, -1:]  # (rows, 1)
        alpha = temperature(log_alpha)

        # Critics: (Q(s, a) - (r + discount (min Q'(s', a') - alpha log pi(a'|s'))))^2.
        with torch.no_grad():
            drawn = self.policy.sample(torch.cat([s_next, c], dim=1), generator)
            q_next = self.target_critics.lowest(s_next, c, drawn.actions)
            v_next = soft_value(q_next, drawn.log_probabilities, alpha)
            y = bellman_target(r, terminated, v_next, reward_scale=settings.reward_scale, discount=settings.discount)
        q_loss = critic_loss(self.critics(s, c, a), y)
        self.critic_adam.step(q_loss)

        # Policy: alpha log pi(a'|s) - min Q(s, a').
        drawn = self.policy.sample(torch.cat([s, c], dim=1), generator)
        q_drawn = self.critics.lowest(s, c, drawn.actions)
        pi_loss = policy_loss(soft_value(q_drawn, drawn.log_probabilities, alpha))
        self.policy_adam.step(pi_loss)

        # Temperature: the target entropy is -|A|.
        target_entropy = -float(self.problem.action_size)
        alpha_loss = temperature_loss(log_alpha, drawn.log_probabilities, target_entropy)
        self.temperature_adam.step(alpha_loss)

        self.target_critic_parameters.average(self.critic_parameters, settings.target_rate)
        self.gradient_steps += 1
        return {"critic_loss": q_loss.detach(), "policy_loss": pi_loss.detach(), "temperature": alpha.mean()}

    def meta_test(
        self, generators: Sequence[np.random.Generator], task_vectors: FloatArray | None = None
    ) -> ConditionedActor:
        """Make an agent that acts by the policy's mode."""
        return ConditionedActor(self.policy, self.scale, self.vectors(task_vectors, len(generators)), None)

    @property
    def parts(self) -> dict[str, Stateful]:
        """Everything that training changes."""
        return {
            "critics": self.critic_parameters,
            "target_critics": self.target_critic_parameters,
            "policy": self.policy_parameters,
            "log_temperature": self.log_temperature,
            "critic_adam": self.critic_adam,
            "policy_adam": self.policy_adam,
            "temperature_adam": self.temperature_adam,
            "scale": self.scale,
            "replay": self.replay,
            "episodes": self.episodes,
        }


class BlindSAC(BlindSACDeclaration, OracleSAC):
    """The oracle with its task vector zeroed."""
