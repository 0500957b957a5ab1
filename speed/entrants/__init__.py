"""Work that is timed, a process an entrant: ours, garage's in its own environment, and MQL's own code."""
