"""Other tools that mail many: installed beside this one, measured and tested the same way."""
