"""The shared doc as plain values: its content, and the requests that change it."""
