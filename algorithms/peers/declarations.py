"""garage's algorithms as they can be asked for: the settings that both sides can express, and the steps they take.

garage samples whole episodes until it has the steps that it wants; the steps given here are those of episodes that no
task ends early.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import make_dataclass
from typing import Any, ClassVar, get_type_hints

from algorithms.declaration import Count, Declaration, Problem
from algorithms.maml_trpo_settings import MAMLTRPOSettings
from algorithms.oracle_sac_settings import OracleSACSettings
from algorithms.pearl_settings import PEARLSettings
from algorithms.rl2_ppo_settings import RL2PPOSettings


def twin_settings(
    name: str, ours: type[Any], defaults: Mapping[str, Any], ranges: Mapping[str, Any] | None = None
) -> type[Any]:
    """Make the settings of a twin: those of ours that garage has too, with garage's defaults.

    Parameters
    ----------
    ranges : where what can be meant is not what it is with ours.
    """
    kinds = {**get_type_hints(ours, include_extras=True), **(ranges or {})}
    fields = [(key, kinds[key], default) for key, default in defaults.items()]
    return make_dataclass(name, fields, frozen=True, namespace={"__module__": __name__})


def whole_episodes(steps: int, horizon: int) -> int:
    """Return the steps of the fewest whole episodes that have so many."""
    return -(-steps // horizon) * horizon


class PeerDeclaration(Declaration):
    """The declaration that all peers share."""

    peer: ClassVar[str]
    """The algorithm that the process is asked for."""
    resumes: ClassVar[bool] = False
    image: ClassVar[str | None] = "garage"


GaragePEARLSettings = twin_settings(
    "GaragePEARLSettings",
    PEARLSettings,
    {
        "latent_size": 7,  # latent_dim; garage examples/torch/pearl_metaworld_ml1_push.py:30
        "encoder_sizes": (200, 200, 200),  # encoder_hidden_sizes; example :23
        "network_sizes": (300, 300, 300),  # hidden_sizes of policy, Q and V; example :24
        "meta_batch": 16,  # meta_batch_size; example :33
        "batch": 256,  # batch_size; example :29
        "context_batch": 64,  # embedding_batch_size; example :30
        "updates": 4000,  # num_steps_per_epoch; example :25
        "warmup_steps": 4000,  # num_initial_steps, each training task; example :26
        "tasks_per_iteration": 15,  # num_tasks_sample; example :36
        "prior_steps": 750,  # num_steps_prior; example :27
        "posterior_steps": 750,  # num_extra_rl_steps_posterior; example :28
        "reward_scale": 10.0,  # reward_scale; example :43
        "discount": 0.99,  # discount; torch/algos/pearl.py:133
        "target_rate": 0.005,  # soft_target_tau; torch/algos/pearl.py:117
        "learning_rate": 3e-4,  # policy_lr, qf_lr, vf_lr and context_lr; torch/algos/pearl.py:110-113
        "kl_weight": 0.1,  # kl_lambda; torch/algos/pearl.py:118
        "policy_regularisation": 1e-3,  # policy_mean_reg_coeff and policy_std_reg_coeff; torch/algos/pearl.py:114-115
    },
)
"""Settings of garage's PEARL, named as ours (`algorithms.pearl.PEARLSettings`)."""


class GaragePEARLDeclaration(PeerDeclaration):
    """PEARL by garage 2021.3.0, in a process of its own."""

    implementation: ClassVar[str] = "algorithms.peers.algorithm:GaragePEARL"
    name: ClassVar[str] = "garage-pearl"
    revision: ClassVar[int] = 1
    Settings: ClassVar[type[Any]] = GaragePEARLSettings
    peer: ClassVar[str] = "pearl"

    @classmethod
    def first_iteration_steps(cls, settings: Any, problem: Problem) -> int:
        """Warm-up of every training task, and prior and posterior steps of the sampled tasks."""
        warmup = whole_episodes(settings.warmup_steps, problem.horizon) * problem.train_tasks
        return warmup + cls.later_iteration_steps(settings, problem)

    @classmethod
    def later_iteration_steps(cls, settings: Any, problem: Problem) -> int:
        """Prior and posterior steps of the sampled tasks."""
        phases = (settings.prior_steps, settings.posterior_steps)
        return int(settings.tasks_per_iteration * sum(whole_episodes(steps, problem.horizon) for steps in phases))


GarageMAMLSettings = twin_settings(
    "GarageMAMLSettings",
    MAMLTRPOSettings,
    {
        "hidden_sizes": (100, 100),  # garage examples/torch/maml_trpo_metaworld_ml1_push.py:57
        "meta_batch": 20,  # example :27
        "rollouts": 10,  # rollouts_per_task; example :26
        "inner_rate": 0.1,  # inner_lr; example :82
        "inner_steps": 1,  # num_grad_updates; example :83
        "discount": 0.99,  # example :80
        "gae_decay": 1.0,  # gae_lambda; example :81
        "max_kl": 0.01,  # max_kl_step; torch/algos/maml_trpo.py:60
    },
    {"inner_steps": Count},
)
"""Settings of garage's MAML-TRPO, named as ours (`algorithms.maml_trpo.MAMLTRPOSettings`)."""


class GarageMAMLDeclaration(PeerDeclaration):
    """MAML-TRPO by garage 2021.3.0, in a process of its own."""

    implementation: ClassVar[str] = "algorithms.peers.algorithm:GarageMAMLTRPO"
    name: ClassVar[str] = "garage-maml-trpo"
    revision: ClassVar[int] = 1
    Settings: ClassVar[type[Any]] = GarageMAMLSettings
    peer: ClassVar[str] = "maml-trpo"

    @classmethod
    def first_iteration_steps(cls, settings: Any, problem: Problem) -> int:
        """Rollouts of every task in the batch, before each inner step and after the last."""
        return int(settings.meta_batch * settings.rollouts * (settings.inner_steps + 1) * problem.horizon)


GarageRL2Settings = twin_settings(
    "GarageRL2Settings",
    RL2PPOSettings,
    {
        "hidden_size": 64,  # hidden_dim; garage examples/tf/rl2_ppo_metaworld_ml1_push.py:55
        "episodes_per_trial": 10,  # episode_per_task of the example
        "meta_batch": 10,  # example
        "epochs": 10,  # max_optimization_epochs; example
        "minibatch": 32,  # batch_size of the optimiser, in trials; example
        "clip": 0.2,  # lr_clip_range; example
        "learning_rate": 1e-3,  # tf/optimizers/first_order_optimizer.py:48
        "discount": 0.99,  # example
        "gae_decay": 0.95,  # gae_lambda; example
    },
)
"""Settings of garage's RL2-PPO, named as ours (`algorithms.rl2_ppo.RL2PPOSettings`)."""


class GarageRL2Declaration(PeerDeclaration):
    """RL2-PPO by garage 2021.3.0 on TensorFlow, in a process of its own."""

    implementation: ClassVar[str] = "algorithms.peers.algorithm:GarageRL2PPO"
    name: ClassVar[str] = "garage-rl2-ppo"
    revision: ClassVar[int] = 1
    Settings: ClassVar[type[Any]] = GarageRL2Settings
    peer: ClassVar[str] = "rl2-ppo"
    reads_evaluation_rewards: ClassVar[bool] = True

    @classmethod
    def first_iteration_steps(cls, settings: Any, problem: Problem) -> int:
        """One trial in each task of the batch."""
        return int(settings.meta_batch * settings.episodes_per_trial * problem.horizon)


GarageMTSACSettings = twin_settings(
    "GarageMTSACSettings",
    OracleSACSettings,
    {
        "network_sizes": (400, 400, 400),  # garage examples/torch/mtsac_metaworld_mt1_pick_place.py:60-75
        "batch": 1280,  # buffer_batch_size; example :95
        "updates": 150,  # gradient_steps_per_itr; example :88
        "tasks_per_iteration": 50,  # one episode each; all fifty of the example
        "warmup_steps": 30,  # a training task: min_buffer_size of example :92 is 1,500 in all
        "reward_scale": 1.0,  # torch/algos/mtsac.py:100
        "discount": 0.99,  # example :94
        "target_rate": 0.005,  # target_update_tau; example :93
        "learning_rate": 3e-4,  # policy_lr and qf_lr; torch/algos/mtsac.py:98-99
    },
)
"""Settings of garage's MTSAC, named as ours (`algorithms.oracle_sac.OracleSACSettings`)."""


class GarageMTSACDeclaration(PeerDeclaration):
    """Multi-task SAC by garage 2021.3.0, told the task vector as our oracle is, in a process of its own."""

    implementation: ClassVar[str] = "algorithms.peers.algorithm:GarageMTSAC"
    name: ClassVar[str] = "garage-mtsac"
    revision: ClassVar[int] = 1
    Settings: ClassVar[type[Any]] = GarageMTSACSettings
    peer: ClassVar[str] = "mtsac"
    adapts: ClassVar[bool] = False
    reads_task_vectors: ClassVar[bool] = True

    @classmethod
    def first_iteration_steps(cls, settings: Any, problem: Problem) -> int:
        """The sampling before the first update: garage makes its first updates right after."""
        return whole_episodes(settings.warmup_steps * problem.train_tasks, problem.horizon)

    @classmethod
    def later_iteration_steps(cls, settings: Any, problem: Problem) -> int:
        """An episode in each of the sampled tasks."""
        return int(settings.tasks_per_iteration * problem.horizon)
