"""The post-run steps that a benchmark file can ask for: the key of each, and what its items are."""

from __future__ import annotations

from suite.plan.embeddings import Embedding
from suite.plan.requests import Request

REQUESTS: dict[str, type[Request]] = {
    "clusters": Embedding,
}
"""Requests, by the step's name, one of `suite.store.layout.POST_RUN_STEPS`."""
