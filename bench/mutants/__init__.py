"""`python -m bench.mutants`: break each protection in SECURITY.md, and check that a test fails."""
