"""The command line: parse, call one flow, show the result."""
