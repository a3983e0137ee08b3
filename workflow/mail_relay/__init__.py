"""Handing mails to an SMTP server that relays them, such as Google's own.

A carrier of mail beside Gmail's API: what goes wrong comes out as the kinds of fault that
`workflow.google.faults` knows, and nothing here tries a mail twice.
"""
