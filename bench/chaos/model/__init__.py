"""A model of the sender, its ledger, Gmail and people, on the pure functions of the product."""
