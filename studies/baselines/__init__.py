"""The returns that oracles and baselines of the suite's own settings reach."""
