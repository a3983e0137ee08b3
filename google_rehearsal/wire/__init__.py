"""The pipeline of every call: routing, sign-in, checks, quota, faults."""
