"""Everything that a store says otherwise in two places, its published tables included."""

from __future__ import annotations

from suite.analysis.consistency import inconsistencies
from suite.analysis.results import Problem
from suite.report.page import plain_tables
from suite.store.published import PUBLISHED_TABLES
from suite.store.runs import Store


def inconsistent(store: Store) -> list[Problem]:
    """Return what finished runs say that cannot be true, and which published tables are not those that the runs give.

    Tables are compared as this version of the suite makes them.
    """
    found = inconsistencies(store)
    if store.is_snapshot:
        published = {table["key"]: table for table in store.snapshots[0].tables}
        tables = plain_tables(store)
        given = {table["key"]: table for table in tables}
        differing = [key for key in sorted(published.keys() | given.keys()) if published.get(key) != given.get(key)]
        found += [Problem(PUBLISHED_TABLES, f"table {key} is not what the runs give") for key in differing]
        if not differing and store.snapshots[0].tables != tables:
            found.append(Problem(PUBLISHED_TABLES, "tables are there twice, or in another order"))
    return found
