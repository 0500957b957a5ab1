"""Noise over seeds: normal, log-normal, Student's t with three degrees, resampled from final scores of real runs.

The real ones are in `noise.csv`. They are made again by `suite run studies/calibration/noise.yaml --results FOLDER`
and `python -m studies.calibration.noise FOLDER`.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from environments import FloatArray
from suite.analysis.results import read_results
from suite.plan.benchmark import load_benchmark
from suite.store.runs import Store

HERE = Path(__file__).parent
KINDS = ("normal", "log-normal", "t3", "resampled")


def draw(generator: np.random.Generator, kind: str, means: FloatArray, deviation: float, seeds: int) -> FloatArray:
    """Return (environments, seeds) scores about means (environments,).

    Parameters
    ----------
    deviation : standard deviation over seeds, as a share of the mean's size.
    """
    shape = (len(means), seeds)
    if kind == "normal":
        noise = generator.normal(size=shape)
    elif kind == "log-normal":
        width = np.sqrt(np.log1p(deviation**2))
        noise = (np.exp(width * generator.normal(size=shape) - width**2 / 2) - 1) / deviation
    elif kind == "t3":
        noise = generator.standard_t(3, size=shape) / np.sqrt(3)
    else:
        noise = generator.choice(residuals(), size=shape)
    return np.asarray(means[:, None] + deviation * np.abs(means)[:, None] * noise, float)


@cache
def residuals() -> FloatArray:
    """Return the deviations of real runs from the mean of their entry, of mean 0 and standard deviation 1."""
    scores = pd.read_csv(HERE / "noise.csv").groupby("entry")["score"]
    deviations = scores.transform(lambda score: (score - score.mean()) / score.std(ddof=0))
    return deviations.to_numpy(float)


def main() -> None:
    """Write `noise.csv` from a store."""
    planned = load_benchmark(str(HERE / "noise.yaml")).plan()
    done = read_results(Store(Path(sys.argv[1])), planned).done
    done[["entry", "seed", "score"]].round(4).to_csv(HERE / "noise.csv", index=False)


if __name__ == "__main__":
    main()
