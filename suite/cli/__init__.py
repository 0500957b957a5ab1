"""The `suite` command: thin commands, a module for what each group of them is about."""

# isort: off
# In the order in which `suite --help` shows their commands.
from suite.cli import plan, run, store, execute, report, inspect
from suite.cli.app import app, main

__all__ = ["app", "execute", "inspect", "main", "plan", "report", "run", "store"]
