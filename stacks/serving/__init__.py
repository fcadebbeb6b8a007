"""What is served where: the certificate that a TLS server shows, compared with the one that was issued."""
