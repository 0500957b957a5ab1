"""Pictures of a page for the documentation.

suite report --results results/published/pilot --reports /tmp/pilot
python -m tests.suite.report.screenshots /tmp/pilot/index.html

Needs chromium and chromium-driver.
"""

from __future__ import annotations

import argparse
import base64
import io
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from tests.suite.report.browser import chromium

SHOTS: tuple[tuple[str, str, int, int, str], ...] = (
    ("verdict-light", "light", 1280, 900, "main"),
    ("verdict-dark", "dark", 1280, 900, "main"),
    ("directions-light", "light", 1280, 900, "#directions-section"),
    ("curves-light", "light", 1280, 900, "#environments-section"),
    ("curves-dark", "dark", 1280, 900, "#environments-section"),
    ("numbered", "light", 1280, 920, "main"),
    ("clusters-light", "light", 1280, 900, "#clusters-section"),
    ("narrow-light", "light", 390, 900, "main"),
)
"""Name, theme, width, height, what stands at the top."""
NUMBERED = {"numbered": ("nav a", ".answers dt", "#learned-section h2")}
"""Pictures whose parts have numbers: the first element of each kind has the first number."""
BADGES = """
for (const old of document.querySelectorAll('.badge-of-picture')) old.remove();
arguments[0].forEach((selector, index) => {
  const place = document.querySelector(selector).getBoundingClientRect();
  const badge = document.createElement('div');
  badge.className = 'badge-of-picture';
  badge.textContent = index + 1;
  const left = place.left < 38 ? place.right - 34 : place.left - 36;
  badge.style.cssText = `position: fixed; z-index: 99; left: ${left}px; top: ${place.top - 6}px;
    width: 32px; height: 32px; border-radius: 50%; background: #b3261e; color: #fff; border: 2px solid #fff;
    font: bold 18px/32px sans-serif; text-align: center`;
  document.body.append(badge);
});
"""


def photograph(
    driver: Any, theme: str, width: int, height: int, top: str, numbered: tuple[str, ...] = ()
) -> Image.Image:
    """Return what a window of a size shows, in 256 colours; the elements that selectors name have numbers."""
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
    driver.execute_script(BADGES, list(numbered))
    taken = base64.b64decode(driver.execute_cdp_cmd("Page.captureScreenshot", {})["data"])
    return (
        Image.open(io.BytesIO(taken)).convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    )


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--only", nargs="*", choices=[shot for shot, *_ in SHOTS], help="these pictures alone")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, chromium(Path(name) / "profile", Path(name)) as driver:
        driver.get(arguments.page.resolve().as_uri())
        driver.execute_script("for (const fold of document.querySelectorAll('details:has(figure)')) fold.open = true")
        for shot, *options in SHOTS:
            if arguments.only and shot not in arguments.only:
                continue
            path = arguments.out / f"report-{shot}.png"
            photograph(driver, *options, numbered=NUMBERED.get(shot, ())).save(path, optimize=True)
            print(path)


if __name__ == "__main__":
    main()
