"""What the oracles and baselines of the suite's own settings reach."""
