"""Values that fit, for every field of the catalogue, and the ways in which a kind can be given."""

from collections.abc import Iterator, Mapping
from functools import cache

from credentials.kinds import Field, Kind


@cache
def private_key() -> str:
    """An RSA key in PEM, made for this process."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


# Where a pattern asks for more than any word, by the first of these that it takes.
_SHAPED = (
    "word",
    "7",
    "3600",
    "https://192.0.2.1:9/api",
    "a@b.example",
    "00000000-0000-4000-8000-000000000000",
    "hmac-sha256.",
    "c2VjcmV0",
    "whsec_c2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXMsIGFsbA==",
    "ocid1.tenancy.oc1..aaaa",
    ":".join(["0a"] * 16),
    "192.0.2.0/24",
    "ovh-eu",
    "arn:aws:iam::123456789012:role/dns",
    "Z1",
    '{"type": "service_account", "project_id": "example"}',
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
)

_FILES = {
    "kubeconfig": (
        "current-context: c\n"
        "clusters: [{name: c, cluster: {server: https://192.0.2.1}}]\n"
        "users: [{name: u, user: {token: word}}]\n"
        "contexts: [{name: c, context: {cluster: c, user: u}}]\n"
    ),
    "settings.xml": "<settings/>\n",
    "acme-dns.json": (
        '{"a.test": {"fulldomain": "s.auth.test", "subdomain": "s", "username": "u", "password": "word"}}'
    ),
}
"""Files that are looked into, by name."""


def example(one: Field) -> str:
    """A value that this field takes."""
    from credentials.kinds import fault_of

    if one.choices:
        return one.choices[-1]
    if one.file_name in _FILES:
        return _FILES[one.file_name]
    if one.path:
        return "/usr/local/bin/example"
    if one.multiline and "private key" in one.label.lower():
        return private_key()
    if one.server:
        return "192.0.2.1"
    return next(value for value in _SHAPED if fault_of(one, value) is None)


def ways(kind: Kind) -> Iterator[dict[str, str]]:
    """For each way of giving a kind: the fewest fields that make one, with values that fit."""
    for way in kind.one_of or ((),):
        given = dict.fromkeys(way, "")
        while missing := kind.missing(given):
            given |= {one.name: "" for one in missing}
        yield {one.name: example(one) for one in kind.fields if one.name in given}


def whole(kind: Kind, way: Mapping[str, str]) -> dict[str, str]:
    """A way with every other field that goes with it."""
    ways_left = {name for group in kind.one_of for name in group} - way.keys()
    given = dict(way)
    for one in kind.fields:
        if one.name not in ways_left and ways_left.isdisjoint(one.needs):
            given.setdefault(one.name, example(one))
    return given
