"""Other tools that mail many: installed beside this one, measured and broken in the same way."""
