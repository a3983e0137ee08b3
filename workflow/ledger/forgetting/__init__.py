"""Forgotten customers: the hashes in place of their keys, and removing their data."""
