"""DNS-01: publishes challenge records and proves them at the authoritative servers."""
