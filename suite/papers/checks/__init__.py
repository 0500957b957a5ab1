"""The checks of a paper's numbers against its own tables: one class a kind of check."""
