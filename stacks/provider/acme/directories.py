"""CAs by name, and the inputs that every resource which talks to a CA has (RFC 8555 7.1.1)."""

import re
import ssl
import urllib.parse

from stacks.provider.acme.identifiers import LONGEST_LABEL
from stacks.provider.acme.keys import private_key
from stacks.provider.properties import Change, Kind, Property, Refused

DIRECTORIES = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
    "zerossl": "https://acme.zerossl.com/v2/DV90",
    "google": "https://dv.acme-v02.api.pki.goog/directory",
    "google-staging": "https://dv.acme-v02.test-api.pki.goog/directory",
    "sslcom-ecc": "https://acme.ssl.com/sslcom-dv-ecc",
    "sslcom-rsa": "https://acme.ssl.com/sslcom-dv-rsa",
    "actalis": "https://acme-api.actalis.com/acme/directory",
}
NAMES = {url: name for name, url in DIRECTORIES.items()}
ENDED = {"buypass": "Buypass has issued no TLS certificates since October 2025"}
"""CAs that issue nothing any more, and what to say of them."""

_BLOCK = re.compile(f"{ssl.PEM_HEADER}.*?{ssl.PEM_FOOTER}", re.DOTALL)


def directory_url(given: str) -> str:
    """The directory's URL, from a name or a URL; refuses what is not HTTPS (RFC 8555 6.1)."""
    if given in DIRECTORIES:
        return DIRECTORIES[given]
    if given in ENDED:
        raise Refused(f"is a CA that is no more: {ENDED[given]}; take one of {', '.join(DIRECTORIES)}")
    try:
        parts = urllib.parse.urlsplit(given)
        readable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is none, an IPv6 address that is none
        readable = False
    if not readable or parts.scheme != "https" or not _is_host(str(parts.hostname)):
        raise Refused(f"must be an https:// URL or one of {', '.join(DIRECTORIES)}")
    return given


def _is_host(name: str) -> bool:
    """An address, or labels of 1 to 63 characters (RFC 1035 2.3.4)."""
    return ":" in name or all(1 <= len(each) <= LONGEST_LABEL for each in name.removesuffix(".").split("."))


def certificates(given: str) -> str:
    """PEM text of one or more certificates, without the space around it; refuses anything else."""
    blocks = _BLOCK.findall(given)
    try:
        for block in blocks:
            ssl.create_default_context(cadata=ssl.PEM_cert_to_DER_cert(block))
    except (ssl.SSLError, ValueError):
        blocks = []
    if not blocks:
        raise Refused("must be the PEM text of one or more certificates")
    return given.strip() + "\n"


DIRECTORY_URL = Property(
    "directoryUrl",
    Kind.STRING,
    "The CA: the URL of its ACME directory, or a name: " + ", ".join(DIRECTORIES) + ".",
    required=True,
    rule=directory_url,
)
CA_CERTIFICATES = Property(
    "caCertificates",
    Kind.STRING,
    "PEM text of the roots to trust for the CA's HTTPS, instead of the public ones: for a CA of your own.",
    change=Change.UPDATE,
    rule=certificates,
)
ACCOUNT = (
    DIRECTORY_URL,
    Property("accountUri", Kind.STRING, "The account's URL at the CA: an Account's output.", required=True),
    Property(
        "accountKeyPem",
        Kind.STRING,
        "The account's private key, in PEM: an Account's output.",
        required=True,
        secret=True,
        change=Change.UPDATE,
        rule=private_key,
    ),
    CA_CERTIFICATES,
)
