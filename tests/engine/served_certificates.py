"""Certificates in files, as a service is given them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from engine.tls import CertificateFiles

NAME = "tic.example.test"


def written(
    folder: Path,
    authority: trustme.CA,
    *names: str,
    begins: timedelta = timedelta(days=-1),
    ends: timedelta = timedelta(days=90),
) -> CertificateFiles:
    """A certificate for these names (or NAME and this machine) with its key, in two files of the folder."""
    now = datetime.now(UTC).replace(tzinfo=None)
    hosts = names or (NAME, "localhost", "127.0.0.1")
    made = authority.issue_cert(*hosts, not_before=now + begins, not_after=now + ends)
    files = CertificateFiles(folder / "cert.pem", folder / "key.pem")
    put(files.certificate, b"".join(each.bytes() for each in made.cert_chain_pems))
    put(files.key, made.private_key_pem.bytes())
    return files


def put(path: Path, content: bytes) -> None:
    """As whoever renews a certificate does: beside it first, then in its place."""
    beside = path.with_suffix(".new")
    beside.write_bytes(content)
    beside.chmod(0o600)
    beside.replace(path)
