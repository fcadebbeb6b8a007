"""A certificate is looked at before it is served with, and what is wrong is said with the next step."""

import shutil
import socket
import ssl
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from engine.state.listening import Manner
from engine.state.server import LOOPBACK, listening, serving
from engine.tls import CertificateFiles, CertificateUnusable, Renewing, shown
from tests.engine.served_certificates import NAME, put, written
from tests.engine.state.test_server import application

DAY = 86400.0


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(tmp_path: Path, authority: trustme.CA) -> CertificateFiles:
    return written(tmp_path, authority)


def problem(files: CertificateFiles, now: float | None = None) -> CertificateUnusable:
    with pytest.raises(CertificateUnusable) as caught:
        shown(files, time.time() if now is None else now)
    assert caught.value.hint
    assert "PRIVATE" not in str(caught.value)
    return caught.value


def test_a_good_one_is_taken_with_the_names_that_it_is_for(files: CertificateFiles) -> None:
    found = shown(files, time.time())
    assert set(found.names) == {NAME, "localhost", "127.0.0.1"}
    assert time.time() + 89 * DAY < found.expires_at < time.time() + 91 * DAY
    assert found.context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert NAME in str(found)


@pytest.mark.parametrize(
    ("names", "host", "good"),
    [
        (("a.test",), "a.test", True),
        (("a.test",), "A.TEST", True),
        (("a.test",), "b.a.test", False),
        (("*.a.test",), "b.a.test", True),
        (("*.a.test",), "a.test", False),
        (("*.a.test",), "c.b.a.test", False),
        (("127.0.0.1",), "127.0.0.1", True),
        (("127.0.0.1",), "127.0.0.2", False),
    ],
)
def test_it_knows_which_hosts_it_is_for(
    tmp_path: Path, authority: trustme.CA, names: tuple[str, ...], host: str, good: bool
) -> None:
    assert shown(written(tmp_path, authority, *names), time.time()).is_for(host) is good


def test_what_is_missing_or_no_certificate_is_named(files: CertificateFiles) -> None:
    assert "can't be read" in str(problem(CertificateFiles(Path("/no/such"), files.key)))
    assert "can't be read" in str(problem(CertificateFiles(files.certificate, Path("/no/such"))))
    assert "holds no private key" in str(problem(CertificateFiles(files.certificate, files.certificate)))
    assert "holds no certificate" in str(problem(CertificateFiles(files.key, files.key)))
    for content in (b"", b"\0\xff" * 99, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        put(files.certificate, content)
        assert "holds no certificate" in str(problem(files))


def test_a_key_of_another_certificate_is_named(
    tmp_path: Path, files: CertificateFiles, authority: trustme.CA
) -> None:
    (tmp_path / "other").mkdir()
    other = written(tmp_path / "other", authority)
    mixed = CertificateFiles(files.certificate, other.key)
    assert "is not that of the first certificate" in str(problem(mixed))


def test_a_key_that_others_can_read_is_refused(files: CertificateFiles) -> None:
    for mode in (0o604, 0o644, 0o620, 0o666):
        files.key.chmod(mode)
        assert f"open to other users (mode {mode:04o})" in str(problem(files))
        assert "chmod 600" in problem(files).hint
    files.key.chmod(0o640)  # as servers' groups have it
    shown(files, time.time())


def test_a_locked_key_is_refused_and_nobody_is_asked(files: CertificateFiles) -> None:
    key = load_pem_private_key(files.key.read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"canary"))
    put(files.key, locked)
    assert "locked with a passphrase" in str(problem(files))


def test_one_that_is_out_of_its_time_is_refused(files: CertificateFiles) -> None:
    assert "expired on" in str(problem(files, time.time() + 91 * DAY))
    assert "is not valid before" in str(problem(files, time.time() - 2 * DAY))


def test_one_for_no_host_is_refused(tmp_path: Path, files: CertificateFiles, authority: trustme.CA) -> None:
    nameless = authority.issue_cert(common_name="tic.example.test")
    put(files.certificate, nameless.cert_chain_pems[0].bytes())
    put(files.key, nameless.private_key_pem.bytes())
    assert "names no host" in str(problem(files))


class Caller:
    """Sees which certificate a server shows."""

    def __init__(self, authority: trustme.CA, port: int) -> None:
        self.context = ssl.create_default_context()
        authority.configure_trust(self.context)
        self.port = port

    def serial(self, name: str | None = "localhost") -> int:
        """The serial number of what is shown to a caller that names this host; None: it names none."""
        context = self.context
        if name is None:
            context.check_hostname = False
        with (
            socket.create_connection((LOOPBACK, self.port), timeout=20) as plain,
            context.wrap_socket(plain, server_hostname=name) as connection,
        ):
            content = connection.getpeercert(binary_form=True)
        assert content is not None
        return x509.load_der_x509_certificate(content).serial_number


def serial(files: CertificateFiles) -> int:
    return x509.load_pem_x509_certificate(files.certificate.read_bytes()).serial_number


def test_a_renewed_one_is_shown_to_whoever_comes_next(
    tmp_path: Path, files: CertificateFiles, authority: trustme.CA
) -> None:
    renewing, said = Renewing(files, time.time()), list[str]()
    with (
        closing(listening(socket.AF_INET, (LOOPBACK, 0))) as listener,
        serving(lambda: application(lambda: "hello"), listener, Manner(renewing.context, strangers=True)),
    ):
        caller = Caller(authority, listener.getsockname()[1])
        first = serial(files)
        assert caller.serial() == first
        (tmp_path / "next").mkdir()
        following = written(tmp_path / "next", authority)
        shutil.move(following.certificate, files.certificate)
        renewing.look(time.time(), said.append)
        renewing.look(time.time(), said.append)  # the key is still the other one's
        assert "is not that of the first certificate" in said.pop()
        assert [caller.serial(), caller.serial(None)] == [first, first]
        shutil.move(following.key, files.key)
        renewing.look(time.time(), said.append)
        assert said == []  # it may still be written to
        renewing.look(time.time(), said.append)
        assert "was read anew" in said.pop()
        assert serial(files) != first
        assert [caller.serial(), caller.serial(None)] == [serial(files), serial(files)]
        renewing.look(time.time(), said.append)
        assert said == []


def test_a_signal_has_it_read_at_once(tmp_path: Path, files: CertificateFiles, authority: trustme.CA) -> None:
    renewing, said = Renewing(files, time.time()), list[str]()
    written(tmp_path, authority, "renewed.test")
    renewing.look(time.time(), said.append, at_once=True)
    assert renewing.shown.names == ("renewed.test",)
    assert len(said) == 1


def test_what_breaks_keeps_the_one_from_before_and_says_so_once(files: CertificateFiles) -> None:
    renewing, said = Renewing(files, time.time()), list[str]()
    before = renewing.shown
    files.certificate.unlink()
    for _ in range(5):
        renewing.look(time.time(), said.append)
    assert renewing.shown is before
    assert len(said) == 1
    assert "kept" in said[0]
    assert "can't be read" in said[0]


def test_one_that_expires_is_said_to_before_and_then(
    tmp_path: Path, files: CertificateFiles, authority: trustme.CA
) -> None:
    renewing, said, now = Renewing(files, time.time()), list[str](), time.time()
    for days in (80, 84, 85, 91, 92):
        renewing.look(now + days * DAY, said.append)
    assert [line.splitlines()[0].partition(" (")[0] for line in said] == [
        "the certificate expires soon",
        "the certificate has expired, and callers refuse it",
    ]
    assert all("next: renew" in line for line in said)
    written(tmp_path, authority, ends=timedelta(days=180))
    said.clear()
    renewing.look(now + 92 * DAY, said.append, at_once=True)
    assert "was read anew" in said[0]
