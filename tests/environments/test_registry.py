"""Names, options and their errors."""

from __future__ import annotations

import subprocess
import sys

import pytest

from environments import family_names, family_options, family_spec, make_family

CONTROLS = ["cheetah-fb", "cheetah-vel", "ant-fb", "ant-goal-2d", "humanoid-dir-2d", "walker-2d-rand-params"]


def test_there_are_fifty_eight_families() -> None:
    kinds = [family_spec(name).kind for name in family_names()]
    assert len(set(family_names())) == 58
    assert (kinds.count("toy"), kinds.count("controls"), kinds.count("ml1")) == (2, 6, 50)
    assert [name for name in family_names() if family_spec(name).kind == "controls"] == CONTROLS


def test_the_protocol_is_the_paper_s() -> None:
    for name in family_names():
        spec = family_spec(name)
        protocol = (spec.horizon, spec.exploration_episodes)
        own = {"navigation-2d": (100, 20)}  # MAML's, as its code has it
        assert protocol == own.get(name, {"toy": (20, 2), "controls": (200, 2), "ml1": (200, 10)}[spec.kind])
        if spec.kind == "ml1":
            assert (spec.observation_size, spec.action_size, spec.train_tasks, spec.test_tasks) == (39, 4, 50, 10)
            assert spec.task_size in (3, 6)
            assert spec.success


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("cheeta-vel", "cheetah-vel"), ("reach-v2", "reach-v1"), ("peg-insert-v1", "peg-insert-side-v1")],
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, nearest: str) -> None:
    for ask in (make_family, family_spec, family_options):
        with pytest.raises(ValueError, match=f"there is no task family '{name}'; did you mean .*{nearest}") as caught:
            ask(name)
        assert "\n" not in str(caught.value)


def test_a_name_near_nothing_is_refused_too() -> None:
    with pytest.raises(ValueError, match=r"there is no task family 'zzz'; see environments\.family_names"):
        make_family("zzz")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("point-goal-2d", {"reward": "v1"}, "point-goal-2d has no option 'reward'; its options: none"),
        ("ant-fb", {"direction": "random"}, "its options: directions, contact_forces, inertia"),
        ("ant-fb", {"directions": "sideways"}, "ant-fb: directions must be one of opposite, random, not 'sideways'"),
        ("reach-v1", {"reward": "v3"}, "reach-v1: reward must be one of v1, v2, not 'v3'"),
    ],
)
def test_bad_options_are_refused(name: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_family(name, **options)


@pytest.mark.parametrize("name", ["ant-fb", "humanoid-dir-2d", "reach-v1"])
def test_every_option_makes_a_family(name: str) -> None:
    for option, values in family_options(name).items():
        for value in values:
            assert make_family(name, **{option: value}).simulation(1).copies == 1


def test_reading_specifications_loads_no_simulator() -> None:
    script = (
        "import sys, environments\n"
        "for name in environments.family_names(): environments.family_spec(name)\n"
        "print(sorted({'mujoco', 'metaworld', 'scipy', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
