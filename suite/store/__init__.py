"""The store of runs, and the leases of those who may write."""
