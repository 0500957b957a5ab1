"""How the settings of `pilot` are found, and what was tried."""
