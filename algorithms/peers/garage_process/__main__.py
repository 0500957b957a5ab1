"""Be a peer: `python -I garage_process`, with messages on standard input and output (see `wire`)."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

FOLDER = Path(__file__).parent

sys.path.insert(0, str(FOLDER.parent))
package = importlib.import_module(FOLDER.name)
# From here on nothing of ours hides what others call the same.
sys.path[:] = [entry for entry in sys.path if Path(entry) not in (FOLDER, FOLDER.parent)]
importlib.import_module(f"{package.__name__}.serve").main()
