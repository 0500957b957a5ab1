"""How an agent meta-learns: one file an algorithm, behind one interface."""
