"""Published implementations beside ours: each runs in a process and an environment of its own."""
