"""What happens when the plug is pulled: real processes, real sockets, counted at the server."""
