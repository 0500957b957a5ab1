"""The loss that trajectory contrast adds to each host, and that it adds nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import algorithms
from algorithms.gru import GRU
from algorithms.interface import Algorithm
from algorithms.optimisation import Adam
from algorithms.replay import EpisodeTable
from algorithms.rl2_ppo import Minibatch
from algorithms.tcl import TrajectoryContrast, sample_windows
from algorithms.tcl_mql import TCLMQL
from algorithms.tcl_pearl import TCLPEARL
from algorithms.tcl_rl2_ppo import TCLRL2PPO
from suite.plan.benchmark import load_benchmark
from suite.plan.settings import load_settings
from tests.algorithms.references import Recorder, chain, contrastive_gradient, contrastive_loss
from tests.algorithms.two_directions import TwoDirections, assert_same_state, evaluate, make, train_tasks

HOSTS = {"tcl-pearl": "pearl", "tcl-mql": "mql", "tcl-rl2-ppo": "rl2-ppo"}

SPECS = {spec.algorithm: spec for spec in load_benchmark("smoke").plan() if spec.environment == "point-goal-2d"}
TINY = {host: vars(load_settings(host, SPECS[host].settings)) for host in HOSTS.values()}

FAMILY = TwoDirections(edge=0.15)  # some episodes are shorter than others
SCALE = 0.7


NETWORKS: dict[str, dict[str, float]] = {
    "tcl-pearl": {},
    "tcl-mql": {"actor_scale": 1.0, "critics_scale": 1.0},
    "tcl-rl2-ppo": {"policy_scale": 1.0},
}
"""At the same scale each."""


def with_tcl(name: str, **settings: Any) -> Algorithm:
    contrast = {"window": 5, "temperature": 0.6, "momentum": 0.3, "contrastive_scale": SCALE}
    return make(name, FAMILY, {**TINY[HOSTS[name]], **contrast, **NETWORKS[name], **settings})


@pytest.mark.parametrize("name", sorted(HOSTS))
def test_at_scale_0_a_host_is_bit_equal_to_itself_without_tcl(name: str) -> None:
    """In all that it logs, learns, draws and scores; at another scale it is not."""
    own = {"share_queries": False} if name == "tcl-pearl" else {}
    host = make(HOSTS[name], FAMILY, TINY[HOSTS[name]])
    silent, heard = (with_tcl(name, contrastive_scale=scale, **own) for scale in (0.0, SCALE))
    tasks = [train_tasks(FAMILY) for _ in range(3)]
    for _ in range(3):
        metrics = host.meta_train(tasks[0])
        got = silent.meta_train(tasks[1])
        heard.meta_train(tasks[2])
        assert got | metrics == got
        assert any("contrastive_loss" in quantity for quantity in got)
    of_host = host.state()
    assert_same_state(of_host, {part: value for part, value in silent.state().items() if part in of_host})
    np.testing.assert_array_equal(evaluate(host, FAMILY).rewards, evaluate(silent, FAMILY).rewards)
    with pytest.raises(AssertionError):
        assert_same_state(of_host, {part: value for part, value in heard.state().items() if part in of_host})


Encoded = tuple[Tensor, Tensor]
"""Means and deviations, (N, size)."""


def factors(encoder: Any, windows: list[Tensor]) -> Encoded:
    """Eq. 5, row by row."""
    means, std = [], []
    for rows in windows:
        precision, weighted = torch.zeros(()), torch.zeros(())
        for row in rows:
            mean, raw = chain(encoder.network, row).chunk(2)
            variance = torch.log1p(raw.exp())
            precision, weighted = precision + 1.0 / variance, weighted + mean / variance
        means.append(weighted / precision)
        std.append(precision**-0.5)
    return torch.stack(means), torch.stack(std)


def last_output(encoder: GRU, windows: list[Tensor]) -> Encoded:
    """Torch's own GRU with the same weights, from zeros, each window by itself."""
    reference = torch.nn.GRU(encoder.input_weight.shape[1], encoder.hidden_size, batch_first=True)
    weights = (encoder.input_weight, encoder.hidden_weight, encoder.input_bias, encoder.hidden_bias)
    named = dict(zip(("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"), weights, strict=True))
    means = torch.stack([torch.func.functional_call(reference, named, rows[None])[0][0, -1] for rows in windows])
    return means, torch.zeros_like(means)


class Drawn(NamedTuple):
    """The input of one contrast."""

    tcl: TrajectoryContrast
    generator: torch.Generator
    episodes: EpisodeTable
    chosen: Tensor
    rows: Tensor
    encode: Callable[[Any, list[Tensor]], Encoded]
    logged: str


def copy_of(generator: torch.Generator) -> torch.Generator:
    again = torch.Generator()
    again.set_state(generator.get_state())
    return again


def drawn_next(made: Algorithm, batch: Minibatch | None) -> list[Drawn]:
    """Tell what the next update contrasts."""
    if isinstance(made, TCLPEARL):
        tasks = torch.randint(2, (made.settings.meta_batch,), generator=copy_of(made.generator))
        rows = made.replay.rows[:, :3]
        own = copy_of(made.contrast.generator)
        return [Drawn(made.contrast, own, made.contexts, tasks, rows, factors, "contrastive_loss")]
    if isinstance(made, TCLMQL):
        found = []
        for network, tcl in made.contrasts.items():
            own = copy_of(tcl.generator)
            tasks = torch.randint(2, (made.settings.trajectories,), generator=own)
            rows, logged = made.replay.steps.rows[:, :3], f"{network}_contrastive_loss"
            found.append(Drawn(tcl, own, made.episodes, tasks, rows, last_output, logged))
        return found
    assert isinstance(made, TCLRL2PPO)
    assert batch is not None
    trials, own = torch.arange(len(batch.x)), copy_of(made.contrast.generator)
    rows = batch.x.flatten(0, 1)
    return [Drawn(made.contrast, own, batch.episodes, trials, rows, last_output, "contrastive_loss")]


def expected(drawn: Drawn) -> tuple[float, list[Tensor]]:
    """Compute Eq. 8 and its gradient by phi_q: of Eq. 8 by hand, of the encodings by automatic differentiation."""
    tcl, size = drawn.tcl, drawn.tcl.settings.window
    windows = sample_windows(drawn.episodes, drawn.chosen, size, drawn.generator)
    lengths = windows.mask.sum(dim=1).long()
    assert lengths.min() < size, "no window was shortened: less is tested"
    valid = windows.valid.nonzero()[:, 0].tolist()
    assert len(valid) > 2
    queries, keys = ([drawn.rows[of[n, : lengths[n]]] for n in valid] for of in (windows.queries, windows.keys))
    mean, deviation = drawn.encode(tcl.encoder, queries)
    assert not torch.allclose(mean, drawn.encode(tcl.key_encoder, queries)[0]), "the keys are the queries"
    values = [part.detach().numpy() for part in (mean, deviation, *drawn.encode(tcl.key_encoder, keys))]
    of_means, of_deviations = map(torch.from_numpy, contrastive_gradient(*values, tcl.settings.temperature))
    along = (mean * of_means).sum() + (deviation * of_deviations).sum()
    return contrastive_loss(*values, tcl.settings.temperature), list(
        torch.autograd.grad(along, list(tcl.encoder.parameters()))
    )


def gradients(made: Algorithm, batch: Minibatch | None) -> tuple[dict[str, Tensor], list[tuple[nn.Parameter, Tensor]]]:
    """Make one update that changes nothing; return what it logs, and every parameter's gradient."""
    recorders = []
    for name, adam in list(vars(made).items()):
        if isinstance(adam, Adam):
            recorders.append(Recorder([parameter for flat in adam.flats for parameter in flat.parameters]))
            setattr(made, name, recorders[-1])
    metrics = made.update() if batch is None else made.update(batch)  # type: ignore[attr-defined]
    return metrics, [pair for one in recorders for pair in zip(one.parameters, one.gradients, strict=True)]


MORE: dict[str, dict[str, Any]] = {
    "tcl-pearl": {"meta_batch": 6, "tasks_per_iteration": 4, "prior_steps": 40},
    "tcl-mql": {"policy_delay": 1},
    "tcl-rl2-ppo": {"meta_batch": 9, "minibatch": 6, "episodes_per_trial": 3},
}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("tcl-pearl", {"share_queries": True}),
        ("tcl-pearl", {"share_queries": False}),
        ("tcl-mql", {"contrasted": "both"}),
        ("tcl-mql", {"contrasted": "actor"}),
        ("tcl-mql", {"contrasted": "critics"}),
        ("tcl-rl2-ppo", {}),
    ],
)
def test_the_encoders_alone_learn_by_the_papers_loss_beside_the_hosts_and_the_keys_follow(
    name: str, settings: dict[str, Any], float64: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**MORE[name], **settings}
    donor, batches = with_tcl(name, **settings), []
    if isinstance(donor, TCLRL2PPO):
        update = donor.update
        monkeypatch.setattr(donor, "update", lambda batch: batches.append(batch) or update(batch))
    tasks = train_tasks(FAMILY)
    for _ in range(2):
        donor.meta_train(tasks)
    batch = next((batch for batch in reversed(batches) if len(batch.x) > 2), None)
    made, silent = (with_tcl(name, contrastive_scale=scale, **settings) for scale in (SCALE, 0.0))
    for one in (made, silent):
        one.load_state(donor.state())
    losses, added = {}, {}
    contrasts = drawn_next(made, batch)
    followed = [torch.lerp(one.tcl.key_parameters.vector, one.tcl.query_parameters.vector, 0.3) for one in contrasts]
    for drawn in contrasts:
        losses[drawn.logged], slopes = expected(drawn)
        added |= {id(p): slope for p, slope in zip(drawn.tcl.encoder.parameters(), slopes, strict=True)}
    if isinstance(made, TCLRL2PPO):
        made.last = batch
    before = made.state()
    measured = made.measured()
    assert_same_state(before, made.state())
    metrics, with_it = gradients(made, batch)
    _, without = gradients(silent, batch)
    of_host = {id(parameter): slope for (parameter, _), (_, slope) in zip(with_it, without, strict=True)}
    for drawn in contrasts:
        ours, hosts = (
            float(torch.cat([by[id(p)].flatten() for p in drawn.tcl.encoder.parameters()]).norm())
            for by in (added, of_host)
        )
        name = drawn.logged.replace("loss", "gradient_ratio")
        assert measured.pop(name) == pytest.approx(SCALE * ours / hosts, rel=1e-6)
    assert not measured
    assert {name: value.item() for name, value in metrics.items() if "contrastive_loss" in name} == pytest.approx(
        losses
    )
    met = 0
    for (parameter, one), (_, other) in zip(with_it, without, strict=True):
        if id(parameter) in added:
            met += 1
            torch.testing.assert_close(one - other, SCALE * added[id(parameter)], rtol=1e-8, atol=1e-11)
            assert added[id(parameter)].abs().max() > 1e-6
        else:
            assert torch.equal(one, other)
    assert met == len(added) > 0
    for drawn, keys in zip(contrasts, followed, strict=True):  # the step itself was only recorded
        torch.testing.assert_close(drawn.tcl.key_parameters.vector, keys)


def test_a_key_encoder_of_mql_follows_whenever_its_query_encoder_has_taken_a_step() -> None:
    made = with_tcl("tcl-mql", policy_delay=3)
    assert isinstance(made, TCLMQL)
    made.meta_train(train_tasks(FAMILY))
    moved = []
    for _ in range(6):
        before = {network: tcl.key_parameters.vector.clone() for network, tcl in made.contrasts.items()}
        made.update()
        for network, tcl in made.contrasts.items():
            followed = torch.lerp(before[network], tcl.query_parameters.vector, 0.3)
            stays = torch.equal(tcl.key_parameters.vector, before[network])
            assert stays or torch.equal(tcl.key_parameters.vector, followed)
            moved.append((network, not stays))
    assert [of for network, of in moved if network == "critics"] == [True] * 6
    turns = [of for network, of in moved if network == "actor"]
    assert turns == [(step + TINY["mql"]["updates"]) % 3 == 0 for step in range(6)]


def test_no_host_imports_or_mentions_tcl() -> None:
    folder = Path(algorithms.__file__).parent
    paths = [path for path in folder.glob("*.py") if not path.name.startswith(("tcl", "registry"))]
    assert {"pearl.py", "mql.py", "rl2_ppo.py", "context.py", "replay.py"} <= {path.name for path in paths}
    for path in paths:
        text = path.read_text().replace("TCL-PEARL paper", "")  # whose tables it cites
        assert not re.search(r"tcl|trajectory.contrast|contrastive", text, re.IGNORECASE), path


@pytest.mark.parametrize(
    ("name", "networks"),
    [("tcl-mql", {"actor": "actor_scale", "critics": "critics_scale"}), ("tcl-rl2-ppo", {"": "policy_scale"})],
)
def test_each_contrasted_network_has_its_scale(name: str, networks: dict[str, str]) -> None:
    donor = with_tcl(name)
    donor.meta_train(train_tasks(FAMILY))
    for network, setting in networks.items():
        twice = with_tcl(name, **{setting: 2.0})
        twice.load_state(donor.state())
        if isinstance(donor, TCLRL2PPO):
            assert isinstance(twice, TCLRL2PPO)
            twice.last = donor.last
        once, now = donor.measured(), twice.measured()
        for quantity, ratio in once.items():
            factor = 2.0 if quantity.startswith(network) else 1.0
            assert now[quantity] == pytest.approx(factor * ratio, rel=1e-4)


@pytest.mark.parametrize("name", sorted(HOSTS))
def test_before_any_training_there_is_no_ratio(name: str) -> None:
    assert with_tcl(name).measured() == {}
