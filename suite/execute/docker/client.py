"""A client of the container engine, at the address that docker's own command would use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import docker
from docker.context import Context, ContextAPI
from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from suite.errors import UsageError

ANSWER_SECONDS = 30.0
"""Seconds for the engine to answer a request."""

Away = (DockerException, RequestException)
"""The errors of the engine's client; APIError is the engine's own answer."""


def address() -> str:
    """Return where the engine is looked for: at DOCKER_HOST, or where the active context says."""
    named = os.environ.get("DOCKER_HOST")
    return named or str(_context().Host)


def _context() -> Context:
    """Return the context that DOCKER_CONTEXT names, or else the one that `docker context use` made active.

    Raises
    ------
    UsageError
        If it is unknown.
    """
    name = os.environ.get("DOCKER_CONTEXT") or None
    try:
        context = ContextAPI.get_context(name)
    except Exception as error:  # whatever its files hold, the client stumbles over it in its own way
        raise UsageError(
            f"docker context {name or 'in use'}: cannot be read ({type(error).__name__}: {error})"
        ) from error
    if context is None:
        raise UsageError(f"docker context {name or 'in use'}: is unknown; see: docker context ls")
    return context


@contextmanager
def answering() -> Iterator[None]:
    """Say in one line that the engine does not answer, or refuses.

    Raises
    ------
    UsageError
        If so.
    """
    try:
        yield
    except APIError as error:
        raise UsageError(f"the engine at {address()} refuses: {error.explanation}") from error
    except (*Away, OSError) as error:
        if "PermissionError" in str(error):
            remedy = "join its group"
        elif os.environ.get("DOCKER_HOST"):
            remedy = "start it, or set DOCKER_HOST to another"
        else:
            remedy = "start one, or set DOCKER_HOST"
        raise UsageError(f"no container engine answers at {address()}: {remedy} ({error})") from error


def connect() -> docker.DockerClient:
    """Connect to the engine that DOCKER_HOST or the active context names; raises as `answering`."""
    if address().startswith("ssh:"):
        raise UsageError(f"{address()}: an engine behind ssh does not see the store here; run the suite where it is")
    with answering():
        try:
            client = _client()
        except (*Away, OSError, UsageError):
            raise
        except Exception as error:  # an address or a file that the client cannot make sense of
            raise UsageError(f"docker's configuration for {address()}: {type(error).__name__}: {error}") from error
        client.ping()
    return client


def _client() -> docker.DockerClient:
    if os.environ.get("DOCKER_HOST") or (context := _context()).Name == "default":
        return docker.from_env(timeout=ANSWER_SECONDS)
    return docker.DockerClient(base_url=context.Host, tls=context.TLSConfig or False, timeout=ANSWER_SECONDS)
