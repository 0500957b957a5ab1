"""The report's tables, as values."""
