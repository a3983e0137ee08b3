"""Bring recorded changes into the incident's Google Doc."""
