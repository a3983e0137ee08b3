"""The shared doc as plain values: what is in it, and the requests that change it."""
