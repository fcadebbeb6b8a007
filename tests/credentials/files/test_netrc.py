"""netrc, as Python and curl read it."""

import netrc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credentials.files import UnfitFile, build
from credentials.secret import SecretBytes

WORD = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)


def made(url: str, username: str, password: str, *, field: str = "password") -> str:
    given_ = {"url": url, "username": username, field: password}
    return (
        build("netrc", {name: SecretBytes(value.encode()) for name, value in given_.items()})
        .reveal()
        .decode()
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(username=WORD, password=WORD)
def test_python_reads_the_same_name_and_password_out_of_it(
    tmp_path: Path, username: str, password: str
) -> None:
    """B6."""
    file = tmp_path / "netrc"
    file.write_text(made("https://git.example.com:8443/x", username, password), encoding="utf-8")
    assert netrc.netrc(str(file)).hosts == {"git.example.com": (username, "", password)}


def test_plain_words_stand_there_without_quotes_for_readers_that_know_none() -> None:
    text = made("https://jenkins.example.com/", "me", "11aa!$%&'()*+,-./:;<=>?@^_`{|}~", field="api-token")
    assert text == "machine jenkins.example.com login me password 11aa!$%&'()*+,-./:;<=>?@^_`{|}~\n"


@pytest.mark.parametrize("url", ["https://", "https:///path", "https://[::1", "git.example.com"])
def test_an_address_without_a_host_is_refused(url: str) -> None:
    with pytest.raises(UnfitFile, match="names no host"):
        made(url, "me", "secret")
