"""A test CA on this machine: Pebble with real validation, and the DNS server that it asks."""
