"""What can be checked of a paper's numbers against its own tables: one class a kind of check."""
