"""The slurm executor: a job array whose tasks claim runs from the store."""
