"""The accounts of ACME-DNS: read as every client writes them, written so that lego reads them."""

import json
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.files import UnfitFile, check, secrets_in
from credentials.files.acme_dns import Account, read, written
from credentials.secret import SecretBytes

CANARY = "canary-" + secrets.token_hex(12)
ONE = {"fulldomain": "s.auth.test", "subdomain": "s", "username": "u", "password": CANARY}


def test_older_accounts_say_no_server_and_are_of_any() -> None:
    (account,) = read(json.dumps({"a.test": ONE}).encode()).values()
    assert account.is_of("https://any.test")


@pytest.mark.parametrize("server", ["https://auth.test", "https://auth.test/"])
def test_an_account_is_of_the_server_that_it_was_registered_at(server: str) -> None:
    (account,) = read(json.dumps({"a.test": {**ONE, "server_url": "https://auth.test/"}}).encode()).values()
    assert account.is_of(server)
    assert not account.is_of("https://other.test")


@pytest.mark.parametrize("content", [b"", b" \n", b"{}"])
def test_nothing_is_no_accounts(content: bytes) -> None:
    assert read(content) == {}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"canary", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b'{"a.test": 7}', "account 1 lacks one of"),
        (json.dumps({"a.test": ONE, "b.test": {**ONE, "username": ""}}).encode(), "account 2 lacks one of"),
        (json.dumps({"a.test": {**ONE, "password": "\ud800"}}).encode(), "account 1 lacks one of"),
        (json.dumps({"a.test": {**ONE, "server_url": 7}}).encode(), "account 1 lacks one of"),
    ],
)
def test_what_are_no_accounts_is_refused_and_not_repeated(content: bytes, fault: str) -> None:
    with pytest.raises(UnfitFile, match=fault) as unfit:
        check("acme-dns.json", SecretBytes(content))
    assert CANARY not in f"{unfit.value} {unfit.value.hint}"
    assert unfit.value.__suppress_context__ or unfit.value.__context__ is None


def test_each_password_is_a_secret_by_itself() -> None:
    content = SecretBytes(json.dumps({"a.test": ONE, "b.test": {**ONE, "password": "other"}}).encode())
    assert secrets_in("acme-dns.json", content) == (CANARY.encode(), b"other")


texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)
made = st.builds(
    Account, texts, texts, texts, texts.map(lambda text: SecretBytes(text.encode())), st.just("") | texts
)


@given(st.dictionaries(texts, made, max_size=3))
def test_what_is_written_reads_back(accounts: dict[str, Account]) -> None:
    assert read(written(accounts).encode()) == accounts
