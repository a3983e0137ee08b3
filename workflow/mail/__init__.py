"""The customer mail: the list, the words, the message."""
