"""The ledger: everything recorded and sent, on disk before Google is called.

Only the functions in this package change a row. Each takes an open connection, so that a flow
can put what belongs together into one transaction.
"""
