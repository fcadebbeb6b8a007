"""Private keys: made, kept as PEM (PKCS #8, unencrypted, only ever in secrets), read, signed with."""

from typing import TYPE_CHECKING

from stacks.provider.properties import Refused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from josepy.jwa import JWASignature
    from josepy.jwk import JWK

    PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

KEY_TYPES = ("ec256", "ec384", "rsa2048", "rsa3072", "rsa4096")
CURVES = {"secp256r1", "secp384r1"}
SHORTEST_RSA, LONGEST_RSA = 2048, 4096  # bits
LEAST_EXPONENT = 65537
TAKEN = "CAs take RSA of 2048 to 4096 bits, and ECDSA on P-256 or P-384"


def private_key(given: str) -> str:
    """What looks like a private key in PEM; a look only, because reading one costs 0.1 s of imports."""
    if not given.strip().startswith("-----BEGIN ") or "PRIVATE KEY-----" not in given:
        raise Refused("must be the PEM text of a private key")
    return given


def make_key(key_type: str) -> str:
    """A new private key of one of `KEY_TYPES`, as PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    key: PrivateKey
    if key_type.startswith("rsa"):
        key = rsa.generate_private_key(public_exponent=65537, key_size=int(key_type.removeprefix("rsa")))
    else:
        key = ec.generate_private_key(ec.SECP384R1() if key_type == "ec384" else ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def read_key(pem: str) -> "PrivateKey":
    """The key in a PEM text; raises ValueError, whose text holds nothing of the key."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("the private key is not a PEM text of an unencrypted key") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError("the private key is neither RSA nor ECDSA")  # noqa: TRY004  (a text's content)
    return key


def type_of(pem: str) -> str:
    """Which of `KEY_TYPES` a key is; raises ValueError for one that is no PEM text of a key."""
    from cryptography.hazmat.primitives.asymmetric import ec

    key = read_key(pem)
    return f"{'ec' if isinstance(key, ec.EllipticCurvePrivateKey) else 'rsa'}{key.key_size}"


def signer(pem: str) -> "tuple[JWK, JWASignature]":
    """The account key as a JWK, and the signature algorithm that goes with it (RFC 8555 6.2)."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from josepy.jwa import ES256, ES384, RS256
    from josepy.jwk import JWKEC, JWKRSA

    key = read_key(pem)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return JWKEC(key=key), ES384 if key.curve.key_size == 384 else ES256
    return JWKRSA(key=key), RS256


def public_key_problem(key: object) -> str | None:
    """Why public CAs take no such public key (Baseline Requirements 6.1.5, 6.1.6); None where they do."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name in CURVES:
            return None
        return f"is for a key on the curve {key.curve.name}; {TAKEN}"
    if not isinstance(key, rsa.RSAPublicKey):
        return f"is for a key that is neither RSA nor ECDSA; {TAKEN}"
    if not SHORTEST_RSA <= key.key_size <= LONGEST_RSA or key.key_size % 8:
        return f"is for an RSA key of {key.key_size} bits; {TAKEN}"
    if key.public_numbers().e < LEAST_EXPONENT:
        return f"is for an RSA key with the exponent {key.public_numbers().e}; make one with {LEAST_EXPONENT}"
    return None
