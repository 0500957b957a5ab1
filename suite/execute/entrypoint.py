"""The first process of a container: becomes the owner of the mounted folder, then the command.

Compose starts it as root with two capabilities, to change user and groups, so that what the command writes belongs to
whoever owns the folder on the host. Needs nothing but the standard library, for it runs before everything.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[2]
SOCKET = Path("/var/run/docker.sock")
"""The path of the engine's socket, if it is mounted; where the host has none, Docker makes it a folder."""


def environment(given: Mapping[str, str], socket: Path) -> dict[str, str]:
    """Return the command's environment: runs go to the engine where its socket is, unless somebody chose otherwise."""
    chosen = given.get("SUITE_EXECUTOR") or ("docker" if socket.is_socket() else "local")
    return {**given, "SUITE_EXECUTOR": chosen}


def become_owner(folder: Path, socket: Path) -> None:
    """Give up being root for the folder's owner, in the group of the engine's socket."""
    owner = folder.stat()
    os.setgroups([socket.stat().st_gid] if socket.is_socket() else [])
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)


def main(command: list[str], socket: Path = SOCKET) -> NoReturn:
    """Become the command."""
    variables = environment(os.environ, socket)
    if os.geteuid() == 0:
        become_owner(Path(os.environ.get("SUITE_OWNER_OF", ROOT / "results")), socket)
    try:
        os.execvpe(command[0], command, variables)  # noqa: S606 - the caller's own command
    except OSError as error:
        sys.exit(f"error: {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
