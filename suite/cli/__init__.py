"""The `suite` command: thin commands, a module for what each group of them is about."""

# isort: off
# In the order in which `suite --help` shows their commands.
from suite.cli import plan, run, tune, verify, status, publish, keeping, execute, report, export, audit, inspect
from suite.cli.app import app, main
from suite.cli.help import Command
from suite.docstrings import docstring

for command in app.registered_commands:
    assert command.callback is not None  # noqa: S101 - for type checkers
    command.cls = Command
    command.help = docstring(command.callback)

__all__ = [
    "app",
    "audit",
    "execute",
    "export",
    "inspect",
    "keeping",
    "main",
    "plan",
    "publish",
    "report",
    "run",
    "status",
    "tune",
    "verify",
]
