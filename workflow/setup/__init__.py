"""Set up: config, sign-in, doctor, moving the ledger."""
