"""garage's RL2-PPO as a peer, on TensorFlow."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before TensorFlow is imported

import numpy as np
import tensorflow as tf
from garage import EpisodeBatch
from garage.np.baselines import LinearFeatureBaseline
from garage.sampler import LocalSampler
from garage.tf.algos import RL2PPO
from garage.tf.algos.rl2 import RL2Env, RL2Worker
from garage.tf.optimizers import FirstOrderOptimizer
from garage.tf.policies import GaussianGRUPolicy
from numpy.typing import NDArray

from .entrant import Agent, Entrant, Parameters
from .tasks import FloatArray, ToTask, episode_batch
from .wire import Message, Pipe

ENTROPY_WEIGHT = 0.02
"""garage's example."""


class TaskSampler:
    """Tasks drawn with replacement, as environments that show the last action and reward."""

    def __init__(self, entrant: Entrant) -> None:
        self.entrant = entrant

    def sample(self, n_tasks: int, with_replacement: bool = True) -> list[ToTask]:
        """Draw tasks."""
        drawn = np.random.randint(self.entrant.problem["train_tasks"], size=n_tasks)  # noqa: NPY002
        return [ToTask(self.entrant.tasks, int(task), RL2Env) for task in drawn]


class RL2Entrant(Entrant):
    """RL2-PPO, built as garage's examples build it."""

    def __init__(self, pipe: Pipe, creation: Message) -> None:
        super().__init__(pipe, creation)
        session = tf.compat.v1.Session(
            config=tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
        )
        session.__enter__()
        self.session = session
        settings, trials = self.settings, self.settings["meta_batch"]
        sampler = TaskSampler(self)
        envs = [ToTask(self.tasks, 0, RL2Env)() for _ in range(trials)]
        self.spec = envs[0].spec
        self.batch_size = settings["episodes_per_trial"] * self.problem["horizon"] * trials
        self.policy = GaussianGRUPolicy(
            name="policy", hidden_dim=settings["hidden_size"], env_spec=self.spec, state_include_action=False
        )
        self.sampler = LocalSampler(
            agents=self.policy,
            envs=envs,
            max_episode_length=self.problem["horizon"],
            seed=creation.values["seed"],
            is_tf_worker=True,
            n_workers=trials,
            worker_class=RL2Worker,
            worker_args={"n_episodes_per_trial": settings["episodes_per_trial"]},
        )
        update_opt = FirstOrderOptimizer.update_opt

        def noted(optimizer: Any, loss: Any, target: Any, inputs: Any, **options: Any) -> None:
            self.loss, self.inputs = loss, inputs
            update_opt(optimizer, loss, target, inputs, **options)

        FirstOrderOptimizer.update_opt = noted
        self.algorithm = RL2PPO(
            meta_batch_size=trials,
            task_sampler=sampler,
            env_spec=self.spec,
            policy=self.policy,
            baseline=LinearFeatureBaseline(env_spec=self.spec),
            sampler=self.sampler,
            episodes_per_trial=settings["episodes_per_trial"],
            discount=settings["discount"],
            gae_lambda=settings["gae_decay"],
            lr_clip_range=settings["clip"],
            optimizer_args={
                "learning_rate": settings["learning_rate"],
                "batch_size": settings["minibatch"],
                "max_optimization_epochs": settings["epochs"],
            },
            stop_entropy_gradient=True,
            entropy_method="max",
            policy_ent_coeff=ENTROPY_WEIGHT,
            center_adv=False,
        )
        FirstOrderOptimizer.update_opt = update_opt
        self.inner = self.algorithm._inner_algo
        uninitialised = {name.decode() for name in session.run(tf.compat.v1.report_uninitialized_variables())}
        chosen = [v for v in tf.compat.v1.global_variables() if v.name.split(":")[0] in uninitialised]
        session.run(tf.compat.v1.variables_initializer(chosen))
        run = session.run

        def counted(fetches: Any, *given: Any, **options: Any) -> Any:
            result = run(fetches, *given, **options)
            if fetches is self.inner._optimizer._train_op:
                self.updated()
            return result

        session.run = counted

    def agents(self, count: int, vectors: FloatArray | None) -> Agent:
        """Make agents at the beginning of a trial."""
        return RL2Agents(self, count)

    def parameters(self) -> Parameters:
        """Return the policy's parameters, by what TensorFlow calls them."""
        values = self.session.run(self.policy.get_params())
        return dict(zip(self._names(), values, strict=True))

    def load(self, parameters: Parameters) -> None:
        """Replace the policy's parameters, and those of the policy that is remembered as the old one."""
        self.policy.set_param_values(np.concatenate([parameters[name].reshape(-1) for name in self._names()]))
        self.inner._old_policy.parameters = self.policy.parameters

    def _names(self) -> list[str]:
        return [variable.name.removesuffix(":0").replace("/", ".") for variable in self.policy.get_params()]

    def update(self, given: Message) -> tuple[dict[str, float], Parameters]:
        """Make the updates of one iteration on given trials: `inputs` (trials, time + 1, .), `actions`, `rewards`,
        `lengths`; the gradients are those of the first.
        """
        columns = [given.arrays[name] for name in ("inputs", "actions", "rewards", "lengths")]
        episodes: EpisodeBatch = episode_batch(self.spec, *columns)
        inner = self.inner
        nothing = np.zeros((len(episodes.lengths), max(episodes.lengths)))
        inner._fit_baseline_with_data(episodes, nothing)
        values = inner._policy_opt_input_values(episodes, inner._get_baseline_prediction(episodes))
        feed = dict(zip(self.inputs, values, strict=True))
        gradients = self.session.run(tf.gradients(self.loss, self.policy.get_params()), feed)
        losses = {"policy": float(inner._optimizer.loss(values))}
        inner.optimize_policy(episodes)
        return losses, dict(zip(self._names(), gradients, strict=True))


class RL2Agents(Agent):
    """A hidden state for every task, kept from episode to episode."""

    def __init__(self, entrant: RL2Entrant, count: int) -> None:
        self.policy = entrant.policy
        self.policy.reset(np.ones(count, dtype=np.bool_))
        self.hidden = self.policy._prev_hiddens.copy()
        self.actions = np.zeros((count, entrant.problem["action_size"]))
        self.exploring = True

    def begin(self) -> None:
        """Show nothing of the episode before, as garage's environment does."""
        self.last_actions = np.zeros_like(self.actions)
        self.rewards = np.zeros(len(self.actions))
        self.ended = np.zeros(len(self.actions))

    def act(self, observations: FloatArray) -> FloatArray:
        """Sample while exploring; then act by the mean, as the suite's own agents do."""
        seen = [observations, self.last_actions, self.rewards[:, None], self.ended[:, None]]
        self.policy._prev_hiddens = self.hidden
        self.policy._prev_actions = self.actions
        drawn, info = self.policy.get_actions(list(np.concatenate(seen, axis=1)))
        self.next_hidden = self.policy._prev_hiddens
        self.actions = np.asarray(drawn if self.exploring else info["mean"], np.float64)
        return self.actions

    def observe(self, rewards: FloatArray, terminated: NDArray[np.bool_], active: NDArray[np.bool_]) -> None:
        """Move on in the tasks that were stepped."""
        self.hidden = np.where(active[:, None], self.next_hidden, self.hidden)
        self.last_actions = np.where(active[:, None], self.actions, self.last_actions)
        self.rewards = np.where(active, rewards, self.rewards)
        self.ended = np.where(active, terminated, self.ended)

    def adapt(self, exploration: dict[str, NDArray[Any]]) -> None:
        """Act with the mean from now on: what was learnt is in the hidden state."""
        self.exploring = False
