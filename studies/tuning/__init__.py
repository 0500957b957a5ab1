"""The search for the settings of `pilot`, and what was tried."""
