"""Whether a CA has revoked a certificate: what its lists (RFC 5280 5) and its responders (RFC 6960) say."""
