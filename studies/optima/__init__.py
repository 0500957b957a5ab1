"""Exact optima of small decision problems that papers print returns of: Bernoulli bandits, random tabular MDPs."""
