"""Pictures of the report for the documentation: `python -m tests.suite.report.screenshots`.

The numbers are made up, so that every section has something to show. Needs chromium and chromium-driver.
"""

from __future__ import annotations

import argparse
import base64
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from suite.plan.environment_sets import environment_sets
from suite.report import write_report
from suite.store.runs import Store
from tests.suite.report.browser import chromium
from tests.suite.stores import embed, fail, finish, make_spec

SHARES = {
    "tcl-pearl": 0.9,
    "pearl": 0.78,
    "oracle-sac": 1.0,
    "blind-sac": 0.25,
    "mql": 0.62,
    "rl2-ppo": 0.5,
    "maml-trpo": 0.4,
}
"""How far each entry gets."""
SHOTS = (
    ("verdict-light", "light", 1280, 900, "main"),
    ("verdict-dark", "dark", 1280, 900, "main"),
    ("curves-light", "light", 1280, 900, "#environments-section"),
    ("curves-dark", "dark", 1280, 900, "#environments-section"),
    ("clusters-light", "light", 1280, 900, "#clusters-section"),
    ("narrow-light", "light", 390, 900, "main"),
)
"""Name, theme, width, height, what stands at the top."""


def fill(store: Store) -> None:
    """Write runs of the MuJoCo Controls and of three ML1 environments."""
    generator = np.random.default_rng(0)
    ranges = {str(name): (-200.0, 400.0) for name in environment_sets()["controls"]}
    ranges |= {"reach-v1": (0.0, 9e4), "push-v1": (0.0, 6e4), "window-open-v1": (0.0, 4e4)}
    for environment, (low, high) in ranges.items():
        for label, share in SHARES.items():
            for seed in range(3):
                end = low + (high - low) * share * (1 + 0.04 * generator.normal())
                noise = 0.015 * (high - low) * generator.normal(size=51)
                seconds = (300.0, (1200.0 if label == "tcl-pearl" else 900.0) * (1 + 0.02 * generator.random()), 90.0)
                spec = make_spec(label, environment, seed, budget=250_000, evaluations=50)
                finish(store, spec, _curve(low, end, noise), seconds=seconds)
    for label, width in (("tcl-pearl", 1.0), ("pearl", 3.0)):
        embed(store, make_spec(label, "push-v1", budget=250_000, evaluations=50), rollouts=100, width=width)
    fail(store, make_spec("pearl", "reach-v1", 3, budget=250_000, evaluations=50), "made up", log="Traceback\nmade up")


def _curve(low: float, end: float, noise: np.ndarray) -> Callable[[float], float]:
    return lambda share: low + (end - low) * (1 - np.exp(-5 * share)) + noise[round(50 * share)] * (share > 0)


def photograph(driver: Any, theme: str, width: int, height: int, top: str) -> Image.Image:
    """Return what a window of a size shows, in 256 colours."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.execute_script(
        "if ((document.documentElement.dataset.theme ?? 'light') !== arguments[0])"
        " document.getElementById('theme').click();"
        "const place = document.querySelector(arguments[1]).getBoundingClientRect().top + scrollY;"
        "scrollTo({top: arguments[1] === 'main' ? 0 : place - 16, behavior: 'instant'})",
        theme,
        top,
    )
    driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    taken = base64.b64decode(driver.execute_cdp_cmd("Page.captureScreenshot", {})["data"])
    return (
        Image.open(io.BytesIO(taken)).convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    )


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(Store(folder))
        page = write_report(Store(folder), folder / "reports", title="Made-up numbers")
        with chromium(folder / "profile", folder) as driver:
            driver.get(page.as_uri())
            for shot, *options in SHOTS:
                photograph(driver, *options).save(out / f"report-{shot}.png", optimize=True)
                print(out / f"report-{shot}.png")


if __name__ == "__main__":
    main()
