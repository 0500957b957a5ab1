"""What is kept of runs, and who may write it."""
