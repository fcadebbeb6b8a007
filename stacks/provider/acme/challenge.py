"""What a DNS-01 challenge asks for: a key authorization, and a TXT record of it (RFC 8555 8.1, 8.4)."""

import hashlib
from base64 import urlsafe_b64encode
from typing import Any

LABEL = "_acme-challenge"


def record_name(identifier: str) -> str:
    """Where the CA looks; `identifier` comes without `*.`."""
    return f"{LABEL}.{identifier}"


def record_value(key_authorization: str) -> str:
    """The TXT record's text: 43 characters."""
    return _encoded(hashlib.sha256(key_authorization.encode()).digest())


def thumbprint(account_key_pem: str) -> str:
    """The account key's fingerprint (RFC 7638), which ties a token to the account; not a secret."""
    from stacks.provider.acme.keys import signer

    key, _ = signer(account_key_pem)
    return _encoded(key.thumbprint())


def answered(authorization: dict[str, Any], account_thumbprint: str) -> dict[str, Any]:
    """An order's authorization with what proves it: key authorization, record name and value."""
    token = authorization.get("token")
    if token is None:
        return authorization
    key_authorization = f"{token}.{account_thumbprint}"
    return {
        **authorization,
        "keyAuthorization": key_authorization,
        "recordName": record_name(authorization["identifier"]),
        "recordValue": record_value(key_authorization),
    }


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
