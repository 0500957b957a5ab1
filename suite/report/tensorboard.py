"""Event files for TensorBoard: curves and training metrics of finished runs, a folder a run.

TensorBoard's own writer encodes them; their names and times are the runs', so that the same runs give the same bytes.
"""

from __future__ import annotations

from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from suite.analysis.metrics import SUCCESS
from suite.analysis.results import Results
from suite.errors import UsageError
from suite.store.files import write_atomically

FILE = "events.out.tfevents.0.suite"
"""The one file of a run; TensorBoard knows it by `tfevents`."""

SECONDS = ("seconds_sampling", "seconds_updating", "seconds_evaluating")


def write_events(results: Results, training: pd.DataFrame, folder: Path) -> list[Path]:
    """Write the scalars of each run: `meta-test/return`, `meta-test/success`, `metrics/METRIC`, and `training/METRIC`.

    A scalar's step is its number of environment steps, and its time the seconds that the run had taken by then.

    Parameters
    ----------
    results : the runs, with what their algorithms and task families declare as metrics.
    training : see `suite.analysis.training_metrics`.
    folder : gets a folder for each run, named by it.

    Returns
    -------
    The folders.

    Raises
    ------
    UsageError
        If TensorBoard is not installed, or they cannot be written.
    """
    try:
        event = import_module("tensorboard.compat.proto.event_pb2").Event
        summary = import_module("tensorboard.compat.proto.summary_pb2").Summary
        writer = import_module("tensorboard.summary.writer.record_writer").RecordWriter
    except ImportError as error:
        raise UsageError(
            "--format tensorboard: TensorBoard is not installed; to install it: pip install tensorboard"
        ) from error
    written = []
    for run, points in _points(results, training).groupby("run", sort=True):
        file: Any = BytesIO()
        records = writer(file)
        records.write(event(wall_time=0.0, file_version="brain.Event:2").SerializeToString())
        ordered = points.sort_values(["environment_steps", "tag"], kind="stable")
        columns = (ordered[name].tolist() for name in ("environment_steps", "seconds", "tag", "value"))
        for steps, seconds, tag, number in zip(*columns, strict=True):
            value = summary(value=[summary.Value(tag=tag, simple_value=number)])
            records.write(event(wall_time=seconds, step=steps, summary=value).SerializeToString())
        path = folder / str(run)
        try:
            path.mkdir(parents=True, exist_ok=True)
            write_atomically(path / FILE, file.getvalue())
        except OSError as error:
            raise UsageError(f"--out {folder}: cannot be written ({error.strerror})") from error
        written.append(path)
    return written


def _points(results: Results, training: pd.DataFrame) -> pd.DataFrame:
    """Return one row a scalar: run, environment_steps, tag, value, seconds."""
    tested = results.curves.melt(["run", "environment_steps"], ["return", SUCCESS], "metric", "value")
    declared = results.metrics[results.metrics["metric"] != SUCCESS]  # which a curve has already
    parts = [
        table.assign(tag=f"{kind}/" + table["metric"].astype(str))[["run", "environment_steps", "tag", "value"]]
        for kind, table in (("meta-test", tested), ("metrics", declared), ("training", training))
    ]
    points = pd.concat(parts).dropna(subset="value")
    marks = training[training["metric"].isin(SECONDS)].groupby(["run", "environment_steps"])["value"].sum()
    keys = pd.MultiIndex.from_frame(points[["run", "environment_steps"]])
    return points.assign(seconds=marks.reindex(keys, fill_value=0.0).to_numpy(float))
