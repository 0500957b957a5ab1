"""The search for settings: equal trials for every entry, as ordinary runs of a store."""
