"""CAs by name or URL, and roots of a CA of one's own."""

import pytest

from stacks.provider.acme.directories import DIRECTORIES, certificates, directory_url
from stacks.provider.properties import Refused
from tests.stacks.provider.acme.chains import chain


def test_a_name_or_an_https_url_is_taken() -> None:
    """E1."""
    assert directory_url("letsencrypt-staging") == DIRECTORIES["letsencrypt-staging"]
    assert directory_url("https://ca.test:14000/dir") == "https://ca.test:14000/dir"


@pytest.mark.parametrize("url", ["http://ca.test/dir", "letsencript", "", "https://", "ftp://ca.test"])
def test_anything_else_is_refused_with_the_names(url: str) -> None:
    """RFC 8555 6.1: HTTPS only."""
    with pytest.raises(Refused, match="letsencrypt-staging"):
        directory_url(url)


def test_a_ca_that_is_no_more_answers_with_the_others() -> None:
    with pytest.raises(Refused, match=r"is a CA that is no more: .*take one of letsencrypt"):
        directory_url("buypass")


def test_roots_are_certificates_in_pem() -> None:
    root = chain("a.test").root
    assert certificates(f"\n\n{root}\n\n") == root
    for text in ("", "no pem", "/etc/ssl/root.pem", root.replace("M", "!")):
        with pytest.raises(Refused, match="PEM text"):
            certificates(text)
