"""Finds or gets the programs that tic runs: the Pulumi engine, the Pebble test CA."""
