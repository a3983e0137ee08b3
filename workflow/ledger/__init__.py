"""What was said and what was sent, on disk before Google hears of it."""
