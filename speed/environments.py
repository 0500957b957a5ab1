"""Time of one ML1 environment step: physics alone, Meta-World as installed, and the lean path.

python -m speed.environments [NAME ...]    (all fifty: about five minutes on one core)

The three are measured in turn within every round, on the same ten tasks and random actions, resets included. Times are
of the processor, and the best round of each counts: other work on the machine can only add to it. Physics alone is five
`mj_step` and one `mj_forward` for each environment step, from the same initial states, over bodies placed for the task.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable

import mujoco
import numpy as np

from environments import FloatArray, Simulation, family_names, family_spec, make_family
from environments.ml1.resets import reset_recorder
from environments.physics import STATE

COPIES = 10
ROUNDS = 6
STOCK_ROUNDS = 2
HORIZON = 200


def episode(simulation: Simulation, tasks: FloatArray, actions: FloatArray) -> None:
    """Reset all copies and step them for one episode."""
    active = np.ones(COPIES, dtype=np.bool_)
    simulation.reset(np.arange(COPIES), tasks, [np.random.default_rng(0)] * COPIES)
    for action in actions:
        simulation.step(action, active)


def physics_episode(name: str, tasks: FloatArray) -> Callable[[FloatArray], None]:
    """Return a function that plays one episode with nothing but physics."""
    recorder = reset_recorder(name.removesuffix("-v1"), "v1")
    records = [recorder.record(task) for task in tasks]
    model = copy.copy(recorder.sibling.model)
    bodies, sites = model.body_pos, model.site_pos
    datas = [mujoco.MjData(model) for _ in range(COPIES)]
    controls = [(data.mocap_pos[0], data.ctrl) for data in datas]
    low, high = recorder.sibling.mocap_low, recorder.sibling.mocap_high

    def play(actions: FloatArray) -> None:
        for data, record in zip(datas, records, strict=True):
            mujoco.mj_setState(model, data, record.state, STATE)
        moves = 0.01 * actions[:, :, :3]
        grips = np.stack([actions[:, :, 3], -actions[:, :, 3]], axis=2)
        for move, grip in zip(moves, grips, strict=True):
            for index, data in enumerate(datas):
                bodies[:], sites[:] = records[index].body_positions, records[index].site_positions
                position, control = controls[index]
                position += move[index]
                np.maximum(position, low, out=position)
                np.minimum(position, high, out=position)
                control[:] = grip[index]
                mujoco.mj_step(model, data, 5)
                mujoco.mj_forward(model, data)

    return play


def seconds(action: Callable[[], None]) -> float:
    """Return the processor time of one call."""
    begin = time.process_time()
    action()
    return time.process_time() - begin


def measure(name: str) -> tuple[float, float, float]:
    """Return microseconds per environment step of physics, Meta-World and the lean path."""
    family = make_family(name)
    tasks = family.sample_tasks(0).train[:COPIES]
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (HORIZON, COPIES, 4))
    physics = physics_episode(name, tasks)
    lean = family.simulation(COPIES)
    stock = make_family(name, simulation="stock").simulation(COPIES)
    episode(lean, tasks, actions)
    times: dict[str, list[float]] = {"physics": [], "lean": [], "stock": []}
    for number in range(ROUNDS):
        times["physics"].append(seconds(lambda: physics(actions)))
        times["lean"].append(seconds(lambda: episode(lean, tasks, actions)))
        if number < STOCK_ROUNDS:
            times["stock"].append(seconds(lambda: episode(stock, tasks, actions)))
    scale = 1e6 / (HORIZON * COPIES)
    return scale * min(times["physics"]), scale * min(times["stock"]), scale * min(times["lean"])


def main() -> None:
    """Print a Markdown table."""
    ml1 = [name for name in family_names() if family_spec(name).kind == "ml1"]
    parser = argparse.ArgumentParser(description="Time of one ML1 environment step.")
    parser.add_argument("names", nargs="*", default=ml1, metavar="NAME", help="ML1 families (default: all fifty)")
    names = parser.parse_args().names
    print("| family | physics, us | Meta-World, us | lean, us | lean / physics | Meta-World / lean |")
    print("|---|---|---|---|---|---|")
    rows = []
    for name in names:
        physics, stock, lean = measure(name)
        rows.append((lean / physics, stock / lean))
        print(
            f"| {name} | {physics:.0f} | {stock:.0f} | {lean:.0f} | {lean / physics:.2f} | {stock / lean:.1f} |",
            flush=True,
        )
    over_physics, under_stock = np.exp(np.log(rows).mean(axis=0))
    print(f"| geometric mean | | | | {over_physics:.2f} | {under_stock:.1f} |")


if __name__ == "__main__":
    main()
