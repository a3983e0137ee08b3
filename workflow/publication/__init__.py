"""The public postmortem: what stays, what is left out, what replaces it.

Pure.
"""
