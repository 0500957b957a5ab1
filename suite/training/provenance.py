"""The provenance of a run's numbers: code, machine, and settings as printed and as used."""

from __future__ import annotations

import math
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from algorithms import ENTRANTS
from environments import family_spec
from suite.plan.settings import printed_settings
from suite.spec import RunSpec
from suite.versions import ROOT, suite_version

if TYPE_CHECKING:
    import torch


def provenance(
    spec: RunSpec, device: torch.device, spent: Mapping[str, float], foreign: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Describe this process as the origin of a run's numbers.

    Parameters
    ----------
    spent : seconds, by name; left out are those that are not known, and those of the processor unless one thread of it
        did all the work.
    foreign : versions of what computed outside this process.
    """
    import torch  # the run that this is called for has long imported it

    changed = changed_files()
    return {
        "command": f"suite exec {spec.run} --again{' --trust' if spec.modules else ''}",
        "commit": commit(),
        "dirty": None if changed is None else bool(changed),
        "changed_files": changed,
        "image": os.environ.get("SUITE_IMAGE"),  # digest, where a container was started for the run
        "device": _name(device),
        "machine": {
            "processor": processor(),
            "instructions": torch.backends.cpu.get_cpu_capability(),  # they decide the last bits
            "cores": os.cpu_count(),
            "memory_bytes": psutil.virtual_memory().total,
            "system": platform.platform(),
        },
        **({"metrics": metrics} if (metrics := _metrics(spec)) else {}),
        # Of a family of the user's, which reports cannot ask: they execute no user module.
        **({"success_defined": False} if spec.modules and not family_spec(spec.environment).success else {}),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "printed_settings": printed_settings(spec.algorithm, spec.environment),
        **{
            name: value
            for name, value in spent.items()
            if math.isfinite(value) and (name != "processor_seconds" or _alone(spec, device, foreign))
        },
        "used_settings": spec.settings,
        "versions": {
            "python": platform.python_version(),
            "suite": suite_version(),
            **spec.versions,
            **{f"{package} (peer)": found for package, found in (foreign or {}).items()},
        },
    }


def _alone(spec: RunSpec, device: torch.device, foreign: Mapping[str, str] | None) -> bool:
    """Tell whether one thread of this process computed everything."""
    return spec.threads == 1 and device.type == "cpu" and not foreign


def _metrics(spec: RunSpec) -> dict[str, str]:
    """Return what a run's algorithm and family declare to be shown: reports read it without executing their modules."""
    return {**ENTRANTS[spec.algorithm].metrics, **family_spec(spec.environment).metrics}


def _name(device: torch.device) -> str:
    if device.type != "cuda":
        return device.type
    import torch  # here alone: forecasts, which name the processor as this module does, do without

    return torch.cuda.get_device_name(device)


def changed_files(root: Path = ROOT) -> list[str] | None:
    """Return which files of the code differ from its commit, new ones included; None where there is no commit."""
    status = _git("status", "--porcelain", "-z", "--no-renames", root=root)
    return None if status is None else sorted(entry[3:] for entry in status.split("\0") if entry)


def commit(root: Path = ROOT) -> str | None:
    """Return the commit of the code: as git says, or as the file says that the image has instead."""
    try:
        return (
            (_git("rev-parse", "HEAD", root=root) or "").strip()
            or (root / "COMMIT").read_text(encoding="utf-8").strip()
            or None
        )
    except OSError:
        return None


def _git(*arguments: str, root: Path = ROOT) -> str | None:
    """Return what git says of the repository that the code is the top of; None if it is of none."""
    # What points git elsewhere is meant for whoever calls the suite, such as a hook.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith("GIT_CONFIG_")
    }

    def asked(*words: str) -> str | None:
        command = ["git", "--no-optional-locks", "-C", str(root), *words]
        answer = subprocess.run(command, capture_output=True, env=environment, timeout=10, check=False)
        return answer.stdout.decode(errors="backslashreplace") if answer.returncode == 0 else None

    try:
        top = asked("rev-parse", "--show-toplevel")
        if top is None or Path(top.rstrip("\n")).resolve() != root.resolve():
            return None  # none, or unpacked within another repository
        return asked(*arguments)
    except (OSError, subprocess.TimeoutExpired):
        return None


def processor() -> str:
    """Name this machine's processor."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
