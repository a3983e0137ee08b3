"""The state of an incident and its notices, read from the ledger."""
