"""Trained agents: from a finished run's folder back to an algorithm that acts."""

from __future__ import annotations

import json

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from algorithms import ENTRANTS
from environments import family_names, family_spec
from suite.errors import UsageError
from suite.plan.user_modules import load_modules_of
from suite.store.checkpoint import join
from suite.store.layout import FINAL_STATE
from suite.store.record import RunRecord
from suite.training.trainer import Trainer


def trained(folder: RunRecord, device: torch.device, *, trusted: bool = False) -> Trainer:
    """Build a finished run anew, with its algorithm as it was at the end of training.

    The algorithm is fit to be meta-tested, not to be trained further: its replay rows were not kept. Training tasks and
    their counters are those of a run that has not begun.

    Parameters
    ----------
    trusted : whether user modules that the run names may be executed.

    Raises
    ------
    UsageError
        If the run is unknown or not finished, does not hold what it committed, keeps no trained agent, or was made by
        another revision of its algorithm or its environment.
    """
    if folder.snapshot is not None:
        raise UsageError(f"run {folder.run}: is read from the snapshot {folder.snapshot}, which keeps no agent")
    if not folder.path.is_dir():
        raise UsageError(f"run {folder.run!r} is not in {folder.path.parent.parent}; see: suite status")
    folder.check_readable("done.json")
    if folder.state != "done":
        raise UsageError(f"run {folder.run}: is {folder.state}; only a finished run has a trained agent")
    folder.verify()
    spec = folder.spec()
    values_path, tensors_path = (folder.path / name for name in FINAL_STATE)
    if not values_path.exists() or not tensors_path.exists():
        raise UsageError(
            f"run {folder.run}: keeps no trained agent (it was pruned, or an older version made it); "
            f"run it again: suite run BENCHMARK --rerun {folder.run}"
        )
    load_modules_of(spec, trusted=trusted)
    algorithm = ENTRANTS[spec.algorithm].revision if spec.algorithm in ENTRANTS else None
    environment = family_spec(spec.environment).revision if spec.environment in family_names() else None
    for name, made, now in (
        (spec.algorithm, spec.algorithm_revision, algorithm),
        (spec.environment, spec.environment_revision, environment),
    ):
        if made != now:
            here = f"revision {now}" if now else "none"
            raise UsageError(f"run {folder.run}: was made by revision {made} of {name}, this suite has {here}")
    if ENTRANTS[spec.algorithm].adapts_on_replay:
        raise UsageError(
            f"run {folder.run}: {spec.algorithm} adapts on its meta-training replay, which a finished run does not keep"
        )
    try:
        trainer = Trainer.of(spec, device)
        trainer.algorithm.load_state(join(json.loads(values_path.read_text(encoding="utf-8")), load_file(tensors_path)))
    except (ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise UsageError(f"run {folder.run}: its trained agent cannot be restored: {error}") from error
    return trainer
