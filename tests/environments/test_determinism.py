"""The same numbers, bit for bit, in another process."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from environments import make_family

COPIES = 3


def digest(name: str) -> str:
    family = make_family(name)
    simulation = family.simulation(COPIES)
    seen = hashlib.sha256()
    generator = np.random.default_rng(1)
    for seed in range(2):
        test = family.sample_tasks(seed).test
        generators = [np.random.default_rng([seed, copy]) for copy in range(COPIES)]
        seen.update(simulation.reset(np.arange(COPIES), np.resize(test, (COPIES, test.shape[1])), generators))
        for _ in range(20):
            actions = generator.uniform(-1.0, 1.0, (COPIES, family.spec.action_size))
            for part in simulation.step(actions, np.ones(COPIES, dtype=np.bool_)):
                seen.update(np.ascontiguousarray(part))
    return seen.hexdigest()


@pytest.mark.parametrize("name", ["point-goal-2d", "cheetah-vel", "humanoid-dir-2d", "push-v1"])
def test_another_process_gives_the_same_bits(name: str) -> None:
    script = f"from tests.environments.test_determinism import digest; print(digest({name!r}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest(name)
