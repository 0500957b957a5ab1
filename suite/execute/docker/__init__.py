"""The docker executor: a container a run, which can do nothing but compute and write into its run's folder."""
