"""The form of a private key that clouds' documents show: PKCS#1 (RFC 8017 A.1.2) or SEC 1 (RFC 5915)."""

from stacks.provider.acme.keys import read_key


def traditional(private_key_pem: str) -> str:
    """The key as `BEGIN RSA PRIVATE KEY` or `BEGIN EC PRIVATE KEY`, whatever its form was."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = read_key(private_key_pem)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def telling_lines(private_key_pem: str | None) -> tuple[str, ...]:
    """The lines that tell of a key, in both forms: a service's words may quote a few of them."""
    if not private_key_pem:
        return ()
    forms = (private_key_pem, traditional(private_key_pem))
    return tuple(line for form in forms for line in form.splitlines() if line and not line.startswith("---"))
