"""The runs that are to be executed."""
