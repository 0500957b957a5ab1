"""Meta-World ML1: fifty families of robot manipulation tasks with a hidden goal."""
