"""Where a run's numbers come from: code, machine, and settings as printed and as used."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import torch

from suite.plan.settings import printed_settings
from suite.spec import RunSpec
from suite.versions import ROOT


def provenance(spec: RunSpec, device: torch.device, seconds: float) -> dict[str, Any]:
    """Describe this process as the origin of a run's numbers."""
    status = _git("status", "--porcelain")
    return {
        "command": f"suite exec {spec.run} --again",
        "commit": commit(),
        "dirty": None if status is None else bool(status),
        "image": os.environ.get("SUITE_IMAGE"),  # digest, where a container was started for the run
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "machine": {
            "processor": processor(),
            "cores": os.cpu_count(),
            "memory_bytes": psutil.virtual_memory().total,
            "system": platform.platform(),
        },
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "printed_settings": printed_settings(spec.algorithm, spec.environment),
        "seconds_total": seconds,
        "used_settings": spec.settings,
        "versions": {"python": platform.python_version(), "suite": version("meta-rl-suite"), **spec.versions},
    }


def commit(root: Path = ROOT) -> str | None:
    """Return the commit of the code: as git says, or as the file says that the image has instead."""
    try:
        return _git("rev-parse", "HEAD", root=root) or (root / "COMMIT").read_text().strip() or None
    except OSError:
        return None


def _git(*arguments: str, root: Path = ROOT) -> str | None:
    try:
        command = ["git", "-C", str(root), *arguments]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def processor() -> str:
    """Name this machine's processor."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
