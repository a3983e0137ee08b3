"""The customer mail: the list, the text, the message."""
