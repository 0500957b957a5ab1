from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

import suite
from algorithms import ALGORITHMS
from algorithms.declaration import added
from algorithms.oracle_sac_settings import OracleSACSettings
from environments import family_names, family_spec
from suite.errors import UsageError
from suite.papers.paper import read_paper
from suite.plan import settings
from suite.plan.settings import load_settings, printed_settings, used_settings

PAPER = Path(suite.__file__).parent / "papers" / "tcl_pearl"


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_printed_settings_exist_for_every_environment_and_load(algorithm: str) -> None:
    for environment in family_names():
        settings = printed_settings(algorithm, environment)
        assert load_settings(algorithm, settings) is not None
        assert used_settings(algorithm, environment, {}) == settings


def test_pearl_on_ml1_is_table_7() -> None:
    seven, eight = (
        dict(zip(table.rows, table.numbers("value"), strict=True))
        for table in map(read_paper("tcl-pearl").table, ("table7", "table8"))
    )
    settings = printed_settings("tcl-pearl", "push-v1")
    names = {
        "updates": "parameter_updates_per_epoch",
        "warmup_steps": "warmup_timesteps_per_task",
        "prior_steps": "exploration_timesteps_per_meta_training_task",
        "posterior_steps": "posterior_timesteps_per_meta_training_task",
        "latent_size": "context_embedding_dimension",
        "batch": "batch_size",
        "context_batch": "context_embedding_batch_size",
        "meta_batch": "meta_batch_size",
        "tasks_per_iteration": "training_tasks_sampled_per_epoch",
        "reward_scale": "reward_scale",
    }
    assert {ours: settings[ours] for ours in names} == {ours: seven[theirs] for ours, theirs in names.items()}
    assert set(settings["encoder_sizes"]) == {seven["context_encoder_hidden_size"]}
    assert set(settings["network_sizes"]) == {seven["policy_hidden_size"]}
    assert settings["window"] == eight["trajectory_augmentation_window_size"]
    assert settings["temperature"] == eight["contrastive_loss_temperature"]
    assert settings["contrastive_scale"] == 1


def test_tcl_on_the_controls_is_table_4_and_shares_pearls_encoder() -> None:
    with (PAPER / "tables" / "table4_tcl_mujoco_controls.csv").open() as file:
        for row in csv.DictReader(file):
            settings = printed_settings("tcl-pearl", row["environment"])
            assert settings["window"] == int(row["window_size"])
            assert settings["contrastive_scale"] == float(row["contrastive_loss_scale"])
            pearl = printed_settings("pearl", row["environment"])
            assert pearl.items() <= settings.items()
            assert (pearl["encoder_sizes"], pearl["latent_size"]) == ([200, 200], 5)


# oyster's launch configurations, as far as they differ between families (commit 44e20fd, configs/*.json).
OYSTER = {
    #                        meta  context  kl   updates prior extra next-observation
    "ant-fb": (4, 256, 0.1, 4000, 400, 600, False),
    "ant-goal-2d": (10, 256, 1.0, 4000, 400, 600, False),
    "cheetah-fb": (4, 256, 0.1, 2000, 1000, 1000, False),
    "cheetah-vel": (16, 100, 0.1, 2000, 400, 600, False),
    "humanoid-dir-2d": (16, 256, 0.1, 4000, 400, 600, False),
    "walker-2d-rand-params": (10, 100, 0.1, 4000, 400, 600, True),
}


@pytest.mark.parametrize("environment", sorted(OYSTER))
def test_pearl_on_the_controls_is_oysters_configuration(environment: str) -> None:
    settings = printed_settings("pearl", environment)
    keys = ("meta_batch", "context_batch", "kl_weight", "updates", "prior_steps", "posterior_steps")
    got = (*(settings[key] for key in keys), settings["next_observations_in_context"])
    assert got == OYSTER[environment]
    assert settings["warmup_steps"] == 2000
    assert settings["tasks_per_iteration"] == 5
    assert settings["reward_scale"] == 5.0
    assert settings["network_sizes"] == [300, 300, 300]


def test_a_published_preset_is_a_set_of_named_differences() -> None:
    settings = used_settings("pearl", "push-v1", {"as_published": "garage"})
    assert settings["as_published"] == sorted(ALGORITHMS["pearl"].published["garage"])


@dataclass(frozen=True)
class _Later(OracleSACSettings):
    option: float = added(1.0)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An algorithm that has got another setting."""
    monkeypatch.setattr(ALGORITHMS["blind-sac"], "Settings", _Later)
    settings._adapter.cache_clear()
    yield
    settings._adapter.cache_clear()


def test_a_setting_that_comes_later_counts_off_its_default_alone(later: None) -> None:
    before = printed_settings("blind-sac", "point-goal-2d")
    assert "option" not in before
    assert used_settings("blind-sac", "point-goal-2d", {"option": 1.0}) == before
    assert used_settings("blind-sac", "point-goal-2d", {"option": 2.0}) == {**before, "option": 2.0}
    assert load_settings("blind-sac", before).option == 1.0
    with pytest.raises(UsageError, match="did you mean 'option'"):
        used_settings("blind-sac", "point-goal-2d", {"optoin": 2.0})


def ranges(algorithm: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield every numeric setting with a value below its range and one above it."""
    for name, schema in TypeAdapter(ALGORITHMS[algorithm].Settings).json_schema()["properties"].items():
        schema = next((each for each in schema.get("anyOf", ()) if each["type"] != "null"), schema)  # of one with None
        many = schema["type"] == "array"
        inner = schema.get("items", {}) if many else schema
        if inner["type"] not in ("integer", "number"):
            continue
        low, high = ({"minimum", "exclusiveMinimum"} & inner.keys(), {"maximum", "exclusiveMaximum"} & inner.keys())
        assert low, f"{algorithm}: {name} has no lower bound"
        assert high, f"{algorithm}: {name} has no upper bound"
        assert not many or "maxItems" in schema, f"{algorithm}: {name} may be of any length"
        below, above = inner[low.pop()] - 1, inner[high.pop()] + 1
        yield name, [below] if many else below, [above] if many else above


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_every_numeric_setting_has_a_range_beyond_which_it_is_refused_in_one_line(algorithm: str) -> None:
    checked = list(ranges(algorithm))
    assert checked
    for name, below, above in checked:
        for value in (below, above):
            with pytest.raises(UsageError) as refused:
                used_settings(algorithm, "point-goal-2d", {name: value})
            (line,) = str(refused.value).splitlines()
            assert line.startswith(f"settings of {algorithm}: {name}")
            assert str(value[0] if isinstance(value, list) else value) in line


@pytest.mark.parametrize("value", [-1.0, 1.01, 99.0])
@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_a_discount_lies_between_0_and_1(algorithm: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"settings of {algorithm}: discount: {value}"):
        used_settings(algorithm, "point-goal-2d", {"discount": value})


def test_published_differences_that_exclude_each_other_are_refused_when_planned() -> None:
    both = ["fan-out-initialisation", "xavier-initialisation"]
    with pytest.raises(UsageError, match=r"settings of pearl: as_published: .*exclude each other"):
        used_settings("pearl", "push-v1", {"as_published": both})


@pytest.mark.parametrize(
    ("environment", "initial_steps", "tasks"),
    [
        ("cheetah-vel", 500, 100),
        ("cheetah-fb", 1000, 2),
        ("ant-fb", 1500, 2),
        ("ant-goal-2d", 1500, 150),
        ("humanoid-dir-2d", 1000, 100),
        ("walker-2d-rand-params", 2000, 40),
    ],
)
def test_mql_warms_up_as_long_as_its_commands_do(environment: str, initial_steps: int, tasks: int) -> None:
    """With --num_initial_steps of each command a task, or --burn_in 10000 in all where that is more."""
    assert family_spec(environment).train_tasks == tasks
    for algorithm in ("mql", "tcl-mql"):
        assert printed_settings(algorithm, environment)["warmup_steps"] * tasks == max(initial_steps * tasks, 10_000)
