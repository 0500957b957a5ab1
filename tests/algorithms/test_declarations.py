"""Every algorithm's declaration is true, and is known without loading the algorithm."""

from __future__ import annotations

import subprocess
import sys

import pytest

from algorithms import ALGORITHMS, ENTRANTS, Algorithm, Declaration, load_algorithm, paper_settings

DECLARED = {name for name in {*vars(Declaration), *Declaration.__annotations__} if not name.startswith("__")}


@pytest.mark.parametrize("name", sorted(ENTRANTS))
def test_an_algorithm_is_what_it_declares(name: str) -> None:
    algorithm, declaration = load_algorithm(name), ENTRANTS[name]
    assert issubclass(algorithm, Algorithm)
    assert issubclass(algorithm, declaration)
    assert {"name", "revision", "Settings", "published", "first_iteration_steps", "encodes"} <= DECLARED
    # Said a second time, it could be said differently.
    assert not DECLARED & {*vars(algorithm)}
    assert algorithm.encodes == hasattr(algorithm, "encode")


def test_declarations_are_known_without_torch() -> None:
    script = "import sys; from algorithms import ALGORITHMS; print(len(ALGORITHMS), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(ALGORITHMS)), "False"]


def test_an_algorithm_of_ones_own_may_extend_another(monkeypatch: pytest.MonkeyPatch) -> None:
    pearl = load_algorithm("pearl")
    own = type("Own", (pearl,), {"name": "own"})
    monkeypatch.setitem(ALGORITHMS, "own", own)
    assert load_algorithm("own") is own


def test_what_a_caller_does_to_printed_settings_is_the_caller_s() -> None:
    sizes = paper_settings("pearl", "ant-fb", "controls")["encoder_sizes"]
    sizes.append(1)
    assert paper_settings("pearl", "ant-fb", "controls")["encoder_sizes"] == [200, 200]
