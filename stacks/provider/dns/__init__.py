"""Challenge records (RFC 8555 8.4) as resources; the work itself is done behind the broker."""
