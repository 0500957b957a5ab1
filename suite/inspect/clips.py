"""Clips of adapted agents: one evaluation episode on a test task, as MP4, GIF or WebP."""

from __future__ import annotations

import errno
import io
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from algorithms import Episodes
from environments import BoolArray, FloatArray, IntArray, Step
from suite.errors import UsageError, in_one_line
from suite.store.files import write_atomically
from suite.training.protocol import CountedTasks, meta_test
from suite.training.trainer import Trainer

Picture = NDArray[np.uint8]
"""(height, width, 3)"""

WIDTH, HEIGHT = 480, 360
FASTEST = 20
"""Pictures a second: what Gymnasium is told of every family."""
SHORTEST = 4.0
"""Seconds; short episodes are shown more slowly."""

SUFFIXES = (".mp4", ".gif", ".webp")


class FilmedTasks(CountedTasks):
    """Tasks that take a picture of the first copy at the reset and at every step of an evaluation episode.

    Parameters
    ----------
    tasks : the tasks to film; left as they are.
    exploration_episodes : K, the episodes in a task that are not filmed.
    tick : called at every step.
    """

    def __init__(self, tasks: CountedTasks, exploration_episodes: int, tick: Callable[[], None]) -> None:
        super().__init__(tasks.family, tasks.vectors, tasks.seed, tasks.stream_name)
        self.exploration_episodes, self.tick = exploration_episodes, tick
        self.pictures: list[Picture] = []
        self._filming = False

    def reset(self, tasks: IntArray) -> FloatArray:
        """Start the next episode."""
        observations = super().reset(tasks)
        self._filming = bool(self.visits[tasks[0]] > self.exploration_episodes)
        self._film()
        return observations

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        """Step the active copies."""
        step = super().step(actions, active)
        self._film()
        self.tick()
        return step

    def _film(self) -> None:
        if not self._filming:
            return
        try:
            self.pictures.append(self.render(0, WIDTH, HEIGHT))
        except RuntimeError as error:  # no OpenGL; its message says what to install
            raise UsageError(f"pictures: {error}") from error


def steps(trainer: Trainer) -> int:
    """Return the most environment steps that `film` takes."""
    exploring = trainer.spec.exploration_episodes if trainer.algorithm.adapts else 0
    return (exploring + 1) * trainer.family.spec.horizon


def film(trainer: Trainer, task: int, tick: Callable[[], None] = lambda: None) -> tuple[Episodes, list[Picture]]:
    """Meta-test a trained algorithm on one of its test tasks, and film the evaluation episode.

    Exploration, initial states and random draws are those of the run's own last evaluation.

    Parameters
    ----------
    tick : called at every environment step.

    Returns
    -------
    The evaluation episode (one copy), and the pictures: one before the first step and one after every step.

    Raises
    ------
    UsageError
        If there is no such test task, or nothing to draw pictures with; before any step is taken.
    """
    allowed = len(trainer.test.vectors)
    if not 0 <= task < allowed:
        raise UsageError(f"--task {task}: {trainer.family.spec.name} has the test tasks 0 to {allowed - 1}")
    _draw_once(trainer, task)
    tasks = FilmedTasks(trainer.test, trainer.spec.exploration_episodes, tick)
    try:
        episodes = meta_test(trainer.algorithm, tasks, trainer.spec.exploration_episodes, np.array([task]))
    finally:
        tasks.close()
    return episodes, tasks.pictures


def _draw_once(trainer: Trainer, task: int) -> None:
    """Draw a picture that nobody sees: exploration can take minutes."""
    try:
        with closing(trainer.family.simulation(1)) as simulation:
            simulation.reset(np.zeros(1, np.int64), trainer.test.vectors[[task]], [np.random.default_rng(0)])
            picture = np.asarray(simulation.render(0, WIDTH, HEIGHT))
    except Exception as error:  # of OpenGL, whatever its back end raises, or of a user's own family
        raise UsageError(f"pictures: {in_one_line(error) or type(error).__name__}") from error
    if picture.shape != (HEIGHT, WIDTH, 3) or picture.dtype != np.uint8:
        wanted, given = (HEIGHT, WIDTH, 3), f"{picture.dtype} of the shape {picture.shape}"
        raise UsageError(f"pictures: {trainer.family.spec.name} must render uint8 of the shape {wanted}, not {given}")


def check_place(path: Path) -> None:
    """Make sure, before anything is filmed, that a clip can be written where it is wanted: by one that nobody sees.

    Raises
    ------
    UsageError
        If it cannot.
    """
    _check_suffix(path)
    with _encoded(path, [np.zeros((HEIGHT, WIDTH, 3), np.uint8)]):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))


def _check_suffix(path: Path) -> None:
    """Make sure that a clip can be written under a name.

    Raises
    ------
    UsageError
        If its suffix is that of no format that is written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--out {path}: must end in {', '.join(SUFFIXES)}")


def write_clip(path: Path, pictures: Sequence[Picture]) -> None:
    """Write pictures as a clip, in the format that the suffix says; seen whole or not at all.

    Raises
    ------
    UsageError
        If the file cannot be written.
    """
    _check_suffix(path)
    with _encoded(path, pictures) as temporary:
        temporary.replace(path)


@contextmanager
def _encoded(path: Path, pictures: Sequence[Picture]) -> Iterator[Path]:
    """Yield a file beside the one that is wanted, with the pictures in its format; it vanishes if nobody moves it.

    Raises
    ------
    UsageError
        If the pictures cannot be encoded, or the file not written or moved.
    """
    rate = min(FASTEST, math.ceil(len(pictures) / SHORTEST))
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix.lower()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if temporary.suffix == ".mp4":
            _write_mp4(temporary, pictures, rate)
        else:
            first, *others = [Image.fromarray(picture) for picture in pictures]
            first.save(temporary, save_all=True, append_images=others, duration=round(1000 / rate), loop=0, quality=60)
        temporary.stat()  # an encoder that failed may not have said so
        yield temporary
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror or error})") from error
    except (RuntimeError, ValueError, KeyError) as error:  # ffmpeg is missing, or Pillow has no such encoder
        raise UsageError(f"{path}: {path.suffix} cannot be encoded ({in_one_line(error)})") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_poster(path: Path, picture: Picture) -> None:
    """Write the small picture that stands for a clip until it is played, a JPEG of some 3 KB.

    Raises
    ------
    UsageError
        If it cannot be written.
    """
    buffer = io.BytesIO()
    Image.fromarray(picture).resize((WIDTH // 2, HEIGHT // 2)).save(buffer, "JPEG", quality=70)
    try:
        write_atomically(path, buffer.getvalue())
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror or error})") from error


def _write_mp4(path: Path, pictures: Sequence[Picture], rate: int) -> None:
    """Write H.264 at a quality that is low for a film, and enough to see what an agent does."""
    height, width, _ = pictures[0].shape
    writer = imageio_ffmpeg.write_frames(
        str(path),
        (width, height),
        fps=rate,
        codec="libx264",
        quality=None,
        macro_block_size=2,
        output_params=["-crf", "28", "-preset", "veryfast"],
        ffmpeg_log_level="error",
    )
    writer.send(None)
    try:
        for picture in pictures:
            writer.send(np.ascontiguousarray(picture))
    finally:
        writer.close()
