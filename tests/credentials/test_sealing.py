"""Sealing: any change of a value, its owner or the key keeps it shut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.sealing import KEY_BYTES, OVERHEAD, BrokenSeal, Sealer
from credentials.secret import SecretBytes

SEALER = Sealer(SecretBytes(b"k" * KEY_BYTES), "a-vault")
owners = st.lists(st.text(max_size=8), min_size=1, max_size=6).map(tuple)
plaintexts = st.binary(max_size=200)


@given(owners, plaintexts)
def test_what_is_sealed_opens_for_its_owner(owner: tuple[str, ...], plaintext: bytes) -> None:
    sealed = SEALER.seal(owner, plaintext)
    assert SEALER.open(owner, sealed) == plaintext
    assert len(sealed) == len(plaintext) + OVERHEAD


@given(owners, plaintexts, st.data())
def test_any_flipped_bit_keeps_it_shut(owner: tuple[str, ...], plaintext: bytes, data: st.DataObject) -> None:
    sealed = bytearray(SEALER.seal(owner, plaintext))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(BrokenSeal):
        SEALER.open(owner, bytes(sealed))


@given(owners, plaintexts, st.data())
def test_any_truncation_or_addition_keeps_it_shut(
    owner: tuple[str, ...], plaintext: bytes, data: st.DataObject
) -> None:
    sealed = SEALER.seal(owner, plaintext)
    cut = data.draw(st.integers(0, len(sealed) - 1))
    for changed in (sealed[:cut], sealed + b"\0", sealed[cut + 1 :]):
        with pytest.raises(BrokenSeal):
            SEALER.open(owner, changed)


@given(owners, owners, plaintexts)
def test_another_owner_does_not_open_it(
    one: tuple[str, ...], other: tuple[str, ...], plaintext: bytes
) -> None:
    sealed = SEALER.seal(one, plaintext)
    if one == other:
        assert SEALER.open(other, sealed) == plaintext
        return
    with pytest.raises(BrokenSeal):
        SEALER.open(other, sealed)


def test_owners_that_read_the_same_in_a_row_are_different() -> None:
    for one, other in [(("ab", "c"), ("a", "bc")), (("a",), ("a", "")), (("a", "b"), ("b", "a"))]:
        with pytest.raises(BrokenSeal):
            SEALER.open(other, SEALER.seal(one, b"x"))


def test_another_vault_or_key_does_not_open_it() -> None:
    sealed = SEALER.seal(("a",), b"x")
    for other in (
        Sealer(SecretBytes(b"k" * KEY_BYTES), "another-vault"),
        Sealer(SecretBytes(b"K" * KEY_BYTES), "a-vault"),
    ):
        with pytest.raises(BrokenSeal):
            other.open(("a",), sealed)


def test_the_same_value_is_sealed_differently_each_time() -> None:
    assert len({SEALER.seal(("a",), b"x") for _ in range(100)}) == 100


def test_a_key_that_was_given_up_opens_only_what_lies_outside_the_vaults_tables() -> None:
    former, present = SecretBytes(b"f" * KEY_BYTES), SecretBytes(b"p" * KEY_BYTES)
    old = Sealer(former, "a-vault")
    new = Sealer(present, "a-vault", generation=2, retired={1: former})
    assert new.open(("context", "stack:1"), old.seal(("context", "stack:1"), b"x")) == b"x"
    for owner in (("field", "tic_a"), ("digest",), ("audit-head",), ("audit-key",)):
        with pytest.raises(BrokenSeal):
            new.open(owner, old.seal(owner, b"forged"))
