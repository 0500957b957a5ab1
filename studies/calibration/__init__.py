"""The calibration: how often the judge errs, how often its intervals cover, and what three seeds can decide."""
