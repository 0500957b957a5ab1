"""One run, in one process."""
