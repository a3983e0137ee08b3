"""Notify colleagues: each channel once."""
