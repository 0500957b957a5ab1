"""What a container finds that was started as a run is: `python -m suite.probe FILE [gpus]`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from suite.identity import code_hash


def main() -> None:
    """Write FILE, as a run writes its results: the hash of the code in the image, and the number of accelerators."""
    found = {"code": code_hash(), "gpus": 0}
    if "gpus" in sys.argv[2:]:
        import torch

        found["gpus"] = torch.cuda.device_count()
    Path(sys.argv[1]).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
