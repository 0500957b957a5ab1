"""Clips beside the page: trained agents as `suite watch` filmed them, in a folder of the reports."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

FOLDER = "clips"
"""In the folder of the reports."""
NAME = re.compile(r"(.+)-task(\d+)\.mp4")


@dataclass(frozen=True)
class Clip:
    """One evaluation episode of a run's trained agent."""

    task: int
    source: str
    """Its address, from the page."""
    poster: str
    """That of the picture which stands for it until it is played; empty if there is none."""


def clip_path(reports: Path, run: str, task: int) -> Path:
    """Return where a clip is that the page shows."""
    return reports / FOLDER / f"{run}-task{task}.mp4"


def poster_path(clip: Path) -> Path:
    """Return where the picture is that stands for a clip until it is played."""
    return clip.with_suffix(".jpg")


def find_clips(reports: Path) -> dict[str, list[Clip]]:
    """Return the clips of each run, the lowest test task first."""
    found: dict[str, list[Clip]] = {}
    for path in (reports / FOLDER).glob("*.mp4"):
        if named := NAME.fullmatch(path.name):
            poster = poster_path(path)
            source, picture = (f"{FOLDER}/{quote(os.fsencode(each.name))}" for each in (path, poster))
            found.setdefault(named[1], []).append(Clip(int(named[2]), source, picture if poster.exists() else ""))
    return {run: sorted(clips, key=lambda clip: clip.task) for run, clips in found.items()}
