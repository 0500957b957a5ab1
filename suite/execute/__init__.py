"""Having runs executed: here, in containers, and what a machine can hold."""
