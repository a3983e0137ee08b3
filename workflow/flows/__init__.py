"""One module per job a person asks for."""
