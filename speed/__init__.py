"""Our own speed, side by side with what we replace."""
