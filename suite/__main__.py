"""`python -m suite`."""

import os
import sys

HOME = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120 - pathlib imports what may be shadowed
# Python puts the working folder first, where a file of any name would shadow a module that the suite needs.
if not sys.flags.safe_path and os.path.realpath(sys.path[0]) != HOME:
    del sys.path[0]

from suite.cli import main  # noqa: E402

main()
