"""Notices to customers: list, text, checks, plan, sending and the copy in the doc."""
