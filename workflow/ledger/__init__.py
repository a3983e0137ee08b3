"""The ledger: what was said and what was sent, on disk before Google hears of it.

Only the functions in this package change a row. Each takes an open connection, so that a flow
can put what belongs together into one transaction.
"""
