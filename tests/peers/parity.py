"""One update of ours beside one of garage's, from the same weights, data and noise: run it to print the table.

Ours draws; what it drew is recorded and given to garage. The difference of two numbers is divided by theirs where that
is above 1.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algorithms import Episodes, Problem, State, Streams, load_algorithm
from algorithms.maml_trpo import Rollouts
from algorithms.optimisation import FlatParameters
from algorithms.peers.algorithm import PeerAlgorithm
from algorithms.peers.garage_process.wire import Message
from suite.table import Table, as_markdown
from tests.peers.names import mlp, recurrent, tanh_gaussian

BOUND = 1e-5

CPU = torch.device("cpu")
PROBLEM = {"observation_size": 5, "action_size": 2, "task_size": 3, "horizon": 12, "train_tasks": 4, "budget": 4000}
TASK_VECTORS = np.random.default_rng(7).normal(size=(4, 3))

Numbers = Mapping[str, NDArray[Any]]


class Row(NamedTuple):
    """The difference of ours from theirs."""

    algorithm: str
    quantity: str
    numbers: int
    difference: float


def rows(algorithm: str, quantity: str, ours: Numbers, theirs: Numbers) -> Row:
    """Compare numbers by name."""
    assert ours.keys() <= theirs.keys(), sorted(ours.keys() - theirs.keys())
    largest, count = 0.0, 0
    for name, values in ours.items():
        other = np.asarray(theirs[name], np.float64).reshape(np.shape(values))
        difference = np.abs(np.asarray(values, np.float64) - other) / np.maximum(np.abs(other), 1.0)
        assert np.isfinite(difference).all(), name
        largest, count = max(largest, float(difference.max())), count + np.size(values)
    return Row(algorithm, quantity, count, largest)


def problem(vectors: bool = False) -> Problem:
    return Problem(**PROBLEM, task_vectors=TASK_VECTORS if vectors else None)


def streams() -> Streams:
    one, two, three = (np.random.default_rng(seed) for seed in range(3))
    return Streams(one, two, three)


def ours_and_garage(name: str, peer: str, **settings: Any) -> tuple[Any, PeerAlgorithm]:
    """Make both with the same settings."""
    kind, other = load_algorithm(name), load_algorithm(peer)
    own = {key: value for key, value in settings.items() if key in asdict(kind.Settings())}
    theirs = {key: value for key, value in settings.items() if key in asdict(other.Settings())}
    given = problem(kind.reads_task_vectors)
    algorithm = kind(kind.Settings(**own, as_published=kind.published["garage"]), given, streams(), CPU)
    garage = other(other.Settings(**theirs), given, streams(), CPU)
    assert isinstance(garage, PeerAlgorithm)
    return algorithm, garage


def give_weights(garage: PeerAlgorithm, weights: Numbers) -> None:
    """Give garage our weights; what it has beside them, and reads nowhere, stays."""
    known = garage.process.ask("parameters", "parameters").arrays
    assert weights.keys() <= known.keys(), sorted(weights.keys() - known.keys())
    garage.process.ask(
        "load", "done", arrays={**known, **{name: np.float32(values) for name, values in weights.items()}}
    )


def updated(garage: PeerAlgorithm, arrays: Numbers) -> Message:
    """Have garage make an update."""
    garage.process.send("update", arrays=arrays)
    outcome = garage.process.receive()
    while outcome.kind == "updated":
        outcome = garage.process.receive()
    return outcome


def made_episodes(count: int, early: bool) -> Episodes:
    """Make episodes of random numbers in task after task, some of them ended early."""
    draw, horizon = np.random.default_rng(3), PROBLEM["horizon"]
    lengths = np.full(count, horizon)
    if early:
        lengths[::3] = horizon // 2
    mask = np.arange(horizon) < lengths[:, None]
    shape = (count, horizon)
    return Episodes(
        tasks=np.arange(count) % PROBLEM["train_tasks"],
        observations=draw.normal(size=(count, horizon + 1, PROBLEM["observation_size"])),
        actions=draw.uniform(-1, 1, size=(*shape, PROBLEM["action_size"])) * mask[..., None],
        rewards=draw.normal(size=shape) * mask,
        terminated=lengths < horizon,
        lengths=lengths,
        success=np.zeros(count, dtype=np.bool_),
    )


def of(flat: FlatParameters, vector: Tensor | None = None) -> dict[str, NDArray[Any]]:
    """Cut a vector of parameters, or of their gradients, into arrays by name."""
    named = flat.named(flat.vector if vector is None else vector)
    return {name: value.detach().numpy().copy() for name, value in named.items()}


def gradient(adam: State, index: int) -> Tensor:
    """Return what Adam's first step was made of."""
    moment: Tensor = adam[str(index)]["exp_avg"]
    return moment / 0.1


class Draws:
    """The draws of an update of ours."""

    def __init__(self) -> None:
        self.noise: list[NDArray[Any]] = []
        self.noted: dict[str, Any] = {}

    def note(self, owner: Any, method: str) -> Any:
        """Note what a method returns."""
        original = getattr(owner, method)

        def noting(*arguments: Any, **options: Any) -> Any:
            self.noted[method] = original(*arguments, **options)
            return self.noted[method]

        return patch.object(owner, method, noting)

    @contextmanager
    def normal(self) -> Iterator[None]:
        """Note every normal draw."""
        randn = torch.randn

        def noting(*arguments: Any, **options: Any) -> Tensor:
            self.noise.append(randn(*arguments, **options))
            return self.noise[-1]

        with patch("torch.randn", noting):
            yield


# PEARL


def pearl_numbers(algorithm: Any, vectors: Mapping[str, Tensor | None]) -> dict[str, NDArray[Any]]:
    """Name parameters, or their gradients, as garage does."""
    found: dict[str, NDArray[Any]] = {}
    for part, vector in vectors.items():
        named = of(algorithm.parts[part], vector)
        if part == "encoder":
            found |= mlp(named, "encoder", path="network.")
        elif part == "critics":
            found |= mlp(named, "qf1", member=0) | mlp(named, "qf2", member=1)
        elif part == "policy":
            found |= tanh_gaussian(named)
        else:
            found |= mlp(named, {"value": "vf", "target_value": "target_vf"}[part])
    return found


def pearl() -> Iterator[Row]:
    """Compare PEARL's update of encoder, critics, value and policy."""
    algorithm, garage = ours_and_garage(
        "pearl",
        "garage-pearl",
        latent_size=3,
        encoder_sizes=(24, 24),
        network_sizes=(32, 32, 32),
        meta_batch=3,
        batch=64,
        context_batch=16,
        reward_scale=5.0,
    )
    algorithm.store(made_episodes(12, early=True), into_context=True)
    everything = dict.fromkeys(("encoder", "critics", "value", "target_value", "policy"))
    give_weights(garage, pearl_numbers(algorithm, everything))
    draws = Draws()
    with draws.normal(), draws.note(algorithm.replay, "transitions"), draws.note(algorithm, "context"):
        metrics = algorithm.update()
    batch, (latent, action) = draws.noted["transitions"], draws.noise
    arrays = {
        "observations": batch.observations,
        "actions": batch.actions,
        "rewards": batch.rewards,
        "next_observations": batch.next_observations,
        "terminated": batch.terminated,
        "context": draws.noted["context"],
        "latent_noise": latent,
        "action_noise": action,
    }
    outcome = updated(garage, {name: value.numpy() for name, value in arrays.items()})
    losses = {name: np.array(float(metrics[f"{name}_loss"])) for name in ("critic", "value", "policy")}
    yield rows("PEARL", "losses", {**losses, "kl": np.array(float(metrics["kl"]))}, plain(outcome.values["losses"]))
    critic, value, policy = (algorithm.parts[f"{name}_adam"].state() for name in ("critic", "value", "policy"))
    gradients = {
        "encoder": gradient(critic, 0),
        "critics": gradient(critic, 1),
        "value": gradient(value, 0),
        "policy": gradient(policy, 0),
    }
    yield rows("PEARL", "gradients", pearl_numbers(algorithm, gradients), outcome.arrays)
    after = garage.process.ask("parameters", "parameters").arrays
    yield rows("PEARL", "parameters after an update", pearl_numbers(algorithm, everything), after)
    garage.process.close()


# MAML


def maml_policy(named: Numbers, prefix: str = "policy") -> dict[str, NDArray[Any]]:
    found = mlp(named, f"{prefix}._module._mean_module", path="network.")
    return found | {f"{prefix}._module._init_std": named["deviation.log_deviations"]}


def maml() -> Iterator[Row]:
    """Compare MAML's inner step, and the outer step through it."""
    algorithm, garage = ours_and_garage(
        "maml-trpo", "garage-maml-trpo", hidden_sizes=(24, 24), meta_batch=3, rollouts=4, inner_rate=0.1
    )
    flat = algorithm.policy_parameters
    baseline = mlp(of(FlatParameters(algorithm.untrained_baseline)), "value._mean_module")
    give_weights(garage, maml_policy(of(flat)) | baseline)
    tasks, each = 3, 4
    rounds = [made_episodes(tasks * each, early=False), made_episodes(tasks * each, early=True)]
    batches = [algorithm.batch([Rollouts(np.arange(tasks), made, made.actions)], tasks) for made in rounds]
    theta = flat.vector.clone()
    adapted = [algorithm.inner_step(theta, type(batches[0])(*(part[task] for part in batches[0]))) for task in range(3)]
    surroundings: list[Any] = []
    step = sys.modules["algorithms.maml_trpo"].trust_region_step

    def noting(outcome: Any, parameters: Any, around: Any, region: Any) -> Any:
        surroundings.append(around)
        return step(outcome, parameters, around, region)

    with patch("algorithms.maml_trpo.trust_region_step", noting):
        metrics = algorithm.outer_step([batches[0]], batches[1])

    def stacked(values: Callable[[Episodes], NDArray[Any]]) -> NDArray[Any]:
        return np.stack([values(episodes).reshape(tasks, each, *values(episodes).shape[1:]) for episodes in rounds])

    arrays = {
        "observations": stacked(lambda episodes: episodes.observations),
        "actions": stacked(lambda episodes: episodes.actions),
        "rewards": stacked(lambda episodes: episodes.rewards),
        "lengths": stacked(lambda episodes: episodes.lengths),
    }
    outcome = updated(garage, arrays)
    advantages = {
        f"advantages.{phase}.{task}": batch.advantages[task][batch.mask[task] > 0].numpy()
        for phase, batch in enumerate(batches)
        for task in range(tasks)
    }
    yield rows("MAML-TRPO", "advantages", advantages, outcome.arrays)
    inner = [maml_policy(of(flat, each_theta), "adapted") for each_theta in adapted]
    together = {name.removeprefix(""): np.stack([each_[name] for each_ in inner]) for name in inner[0]}
    yield rows("MAML-TRPO", "parameters after the inner step", together, outcome.arrays)
    losses = {"outer": "loss_before", "outer_after": "loss_after", "kl": "kl"}
    ours = {theirs: np.array(metrics[name]) for theirs, name in losses.items()}
    yield rows("MAML-TRPO", "losses and divergence", ours, plain(outcome.values["losses"]))
    outer = maml_policy(of(flat, surroundings[0].gradient))
    yield rows("MAML-TRPO", "gradient of the outer loss", outer, outcome.arrays)
    after = garage.process.ask("parameters", "parameters").arrays
    yield rows("MAML-TRPO", "parameters after the outer step", maml_policy(of(flat)), after)
    garage.process.close()


# RL2


def rl2(early: bool = False) -> Iterator[Row]:
    """Compare an epoch of RL2's PPO, which is one gradient step on all trials."""
    name = "RL2-PPO, early ends" if early else "RL2-PPO"
    algorithm, garage = ours_and_garage(
        "rl2-ppo", "garage-rl2-ppo", hidden_size=16, episodes_per_trial=3, meta_batch=6, minibatch=6, epochs=1
    )
    flat = algorithm.policy_parameters
    names = garage.process.ask("parameters", "parameters").arrays
    give_weights(garage, recurrent(of(flat), names))
    trials = made_trials(algorithm, early)
    advantages, _ = algorithm.evaluate(trials)
    x, u, mask = (algorithm.tensor(part) for part in (trials.inputs, trials.actions, trials.mask))
    with torch.no_grad():
        old = algorithm.policy(x[:, :-1])[0].log_probability(u)
    module = sys.modules["algorithms.rl2_ppo"]
    fill = {"x": x, "u": u, "old": old, "advantage": algorithm.tensor(advantages), "mask": mask}
    fill |= {"target": torch.zeros_like(old)}
    left = [field for field in module.Minibatch._fields if field not in fill]
    batch = module.Minibatch(**fill, **dict.fromkeys(left, torch.zeros(len(x), 3, dtype=torch.int64)))
    metrics = algorithm.update(batch)
    arrays = {
        "inputs": trials.inputs,
        "actions": trials.actions,
        "rewards": trials.rewards,
        "lengths": trials.mask.sum(axis=1),
    }
    outcome = updated(garage, arrays)
    loss = {"policy": np.array(float(metrics["policy_loss"]))}
    yield rows(name, "loss", loss, plain(outcome.values["losses"]))
    found = gradient(algorithm.parts["adam"].state(), 0)
    yield rows(name, "gradients", recurrent(of(flat, found), names), outcome.arrays)
    after = garage.process.ask("parameters", "parameters").arrays
    yield rows(name, "parameters after an update", recurrent(of(flat), names), after)
    garage.process.close()


def made_trials(algorithm: Any, early: bool) -> Any:
    """Make trials of random numbers."""
    draw, count, time = np.random.default_rng(4), 6, 3 * PROBLEM["horizon"]
    lengths = np.full(count, time)
    if early:
        lengths[::2] -= 5
    mask = np.arange(time) < lengths[:, None]
    size = PROBLEM["observation_size"] + PROBLEM["action_size"] + 2
    inputs = draw.normal(size=(count, time + 1, size))
    inputs[:, 1:] *= np.pad(mask, [(0, 0), (0, 0)])[..., None]
    trials = sys.modules["algorithms.rl2_ppo"].Trials
    given = {
        "inputs": inputs,
        "actions": draw.normal(size=(count, time, PROBLEM["action_size"])) * mask[..., None],
        "rewards": draw.normal(size=(count, time)) * mask,
        "mask": mask,
        "terminated": lengths < time,
        "lengths": np.stack([lengths // 3] * 3, axis=1),
    }
    return trials(**{field: given[field] for field in trials._fields})


# MTSAC


def mtsac_numbers(algorithm: Any, vectors: Mapping[str, Tensor | None]) -> dict[str, NDArray[Any]]:
    """Name parameters, or their gradients, as garage does."""
    found: dict[str, NDArray[Any]] = {}
    for part, vector in vectors.items():
        if part == "log_temperature":
            found["log_temperature.value"] = next(iter(of(algorithm.parts["log_temperature"], vector).values()))
            continue
        named = of(algorithm.parts[part], vector)
        if part == "policy":
            found |= tanh_gaussian(named)
        else:
            prefix = "target_qf" if part == "target_critics" else "qf"
            found |= mlp(named, f"{prefix}1", member=0) | mlp(named, f"{prefix}2", member=1)
    return found


def mtsac() -> Iterator[Row]:
    """Compare an update of critics, policy, temperature and targets."""
    algorithm, garage = ours_and_garage(
        "oracle-sac", "garage-mtsac", network_sizes=(32, 32, 32), batch=128, reward_scale=2.0
    )
    algorithm.log_temperature.vector.fill_(-0.5)
    algorithm.store([made_episodes(12, early=True)])
    everything = dict.fromkeys(("critics", "target_critics", "policy", "log_temperature"))
    give_weights(garage, mtsac_numbers(algorithm, everything))
    draws = Draws()
    randint = torch.randint

    def noting(*arguments: Any, **options: Any) -> Tensor:
        draws.noted["tasks"] = randint(*arguments, **options)
        return draws.noted["tasks"]

    with draws.normal(), draws.note(algorithm.replay, "transitions"), patch("torch.randint", noting):
        metrics = algorithm.update()
    batch, c = draws.noted["transitions"], algorithm.train_vectors[draws.noted["tasks"]]
    columns = [column.flatten(0, 1) for column in batch]
    arrays = {
        "observation": torch.cat([columns[0], c], dim=1),
        "action": columns[1],
        "reward": columns[2],
        "terminal": columns[3],
        "next_observation": torch.cat([columns[4], c], dim=1),
        "next_noise": draws.noise[0],
        "noise": draws.noise[1],
    }
    outcome = updated(garage, {name: value.numpy() for name, value in arrays.items()})
    losses = {name: np.array(float(metrics[f"{name}_loss"])) for name in ("critic", "policy")}
    yield rows("MTSAC", "losses", losses, plain(outcome.values["losses"]))
    adams = {name: algorithm.parts[f"{name}_adam"].state() for name in ("critic", "policy", "temperature")}
    gradients = {
        "critics": gradient(adams["critic"], 0),
        "policy": gradient(adams["policy"], 0),
        "log_temperature": gradient(adams["temperature"], 0),
    }
    yield rows("MTSAC", "gradients", mtsac_numbers(algorithm, gradients), outcome.arrays)
    after = garage.process.ask("parameters", "parameters").arrays
    yield rows("MTSAC", "parameters after an update", mtsac_numbers(algorithm, everything), after)
    garage.process.close()


def plain(losses: Mapping[str, float]) -> dict[str, NDArray[Any]]:
    return {name: np.array(value) for name, value in losses.items()}


COMPARISONS: dict[str, Callable[[], Iterator[Row]]] = {
    "pearl": pearl,
    "maml-trpo": maml,
    "rl2-ppo": rl2,
    "rl2-ppo, early ends": lambda: rl2(early=True),
    "mtsac": mtsac,
}


def main() -> None:
    """Print the table; the exit code is 1 if a difference is above the bound."""
    torch.set_num_threads(1)
    chosen = sys.argv[1:] or list(COMPARISONS)
    found = [row for name in chosen for row in COMPARISONS[name]()]
    cells = [
        (row.algorithm, row.quantity, row.numbers, f"{row.difference:.1e}", row.difference <= BOUND) for row in found
    ]
    columns = {name: name for name in ("algorithm", "quantity", "numbers")}
    columns |= {"largest_difference": "largest difference", "within": f"within {BOUND:g}"}
    print(as_markdown(Table("parity", "Ours as in garage's code, and garage 2021.3.0", columns, tuple(cells))))
    sys.exit(any(row.difference > BOUND for row in found))


if __name__ == "__main__":
    main()
