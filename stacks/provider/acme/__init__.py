"""Certificates by RFC 8555, as resources named after its nouns: account, order, authorization,
certificate.
"""
