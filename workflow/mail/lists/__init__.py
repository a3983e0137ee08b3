"""The list of customers: from its bytes to rows, columns and addresses."""
