"""The console: the command line's jobs on a web page for this machine only."""
