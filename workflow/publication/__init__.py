"""The customers' version of a postmortem: what stays, what is left out, what is said instead.

Pure.
"""
