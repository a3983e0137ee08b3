"""Measurements of the running thing. `make bench` runs them all; figures come from here only."""
