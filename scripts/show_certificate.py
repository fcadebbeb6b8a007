"""Shows a certificate chain (PEM) as a person reads it: `python show_certificate.py FULLCHAIN.PEM`."""

import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa


def main(path: Path) -> None:
    """Print names, issuer, dates, serial, key and place of the first certificate of the file."""
    certificate, *chain = x509.load_pem_x509_certificates(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    key = certificate.public_key()
    kind = f"EC {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else type(key).__name__
    if isinstance(key, rsa.RSAPublicKey):
        kind = f"RSA {key.key_size}"
    rows = {
        "names": ", ".join(names.get_values_for_type(x509.DNSName)),
        "issuer": certificate.issuer.rfc4514_string(),
        "valid from": f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC",
        "valid until": f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC",
        "serial": f"{certificate.serial_number:x}",
        "key": kind,
        "chain": f"{len(chain)} more",
        "files": ", ".join(sorted(file.name for file in path.parent.iterdir() if file.is_file())),
        "deployed to": str(path.parent),
    }
    for name, value in rows.items():
        sys.stdout.write(f"  {name:12} {value}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
