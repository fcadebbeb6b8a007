"""Finds or gets the programs that tic runs: the Pulumi engine, the sandbox's CA, a few tools for tests."""
