"""Fault tests with real processes and real sockets, counted at the server."""
