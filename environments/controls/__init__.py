"""The six MuJoCo Controls of the PEARL paper."""
