"""A stack's secrets: what was sealed opens again, for this stack alone."""

import base64
from typing import Any

import pytest

from tests.engine.state.client import STACK, Client


@pytest.mark.parametrize("value", [b"", b"text", bytes(range(256))])
def test_what_was_encrypted_decrypts(client: Client, value: bytes) -> None:
    text = base64.b64encode(value).decode()
    sealed = client("POST", f"{STACK}/encrypt", {"plaintext": text}).value["ciphertext"]
    assert sealed != text
    assert client("POST", f"{STACK}/decrypt", {"ciphertext": sealed}).value["plaintext"] == text


def test_batches_keep_their_order(client: Client) -> None:
    texts = [base64.b64encode(text).decode() for text in (b"one", b"two", b"one")]
    sealed = client("POST", f"{STACK}/batch-encrypt", {"plaintexts": texts}, zipped=True).value["ciphertexts"]
    opened = client("POST", f"{STACK}/batch-decrypt", {"ciphertexts": sealed}, zipped=True).value[
        "plaintexts"
    ]
    assert [opened[ciphertext] for ciphertext in sealed] == texts


def test_a_ciphertext_of_another_stack_does_not_open(client: Client) -> None:
    sealed = client("POST", f"{STACK}/encrypt", {"plaintext": "c2VjcmV0"}).value["ciphertext"]
    client.make_stack("other")
    refused = client("POST", "/api/stacks/tic/proj/other/decrypt", {"ciphertext": sealed})
    assert refused.code == 400
    assert "c2VjcmV0" not in refused.message


@pytest.mark.parametrize("body", [{"plaintext": "%"}, {"plaintext": 1}, {"plaintexts": "x"}, [], b"{"])
def test_what_is_no_base64_is_refused(client: Client, body: Any) -> None:
    for call in ("encrypt", "batch-encrypt"):
        assert client("POST", f"{STACK}/{call}", body).code in (200, 400)


def test_a_new_stack_of_an_old_name_does_not_open_the_old_ones_secrets(client: Client) -> None:
    sealed = client("POST", f"{STACK}/encrypt", {"plaintext": "c2VjcmV0"}).value["ciphertext"]
    assert client("DELETE", STACK).code == 200
    client.make_stack()
    assert client("POST", f"{STACK}/decrypt", {"ciphertext": sealed}).code == 400
