"""The probe of a container that was started as a run is: `python -m suite.execute.probe FILE [gpus]`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from suite.versions import code_hash, numeric_versions


def main() -> None:
    """Write FILE, as a run writes its results: what the image holds, and the number of accelerators."""
    found: dict[str, Any] = {"code": code_hash(), "versions": numeric_versions(), "gpus": 0}
    if "gpus" in sys.argv[2:]:
        import torch

        found["gpus"] = torch.cuda.device_count()
    Path(sys.argv[1]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
