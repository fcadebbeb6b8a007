"""Certificates by RFC 8555, as resources named after the RFC's nouns."""
