"""A finished run, looked at: its agent, clips of it, clusters of its context embeddings."""
