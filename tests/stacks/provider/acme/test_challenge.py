"""What a DNS-01 challenge asks for, by the RFC's own definitions."""

from acme.challenges import DNS01
from josepy.jwk import JWKRSA

from stacks.provider.acme.challenge import answered, record_name, record_value, thumbprint
from stacks.provider.acme.keys import make_key, read_key

TOKEN = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"


def test_record_and_key_authorization_are_those_of_the_acme_library() -> None:
    """RFC 8555 8.1, 8.4; checked against an independent implementation."""
    pem = make_key("rsa2048")
    key = JWKRSA(key=read_key(pem))
    theirs = DNS01(token=DNS01._fields["token"].decode(TOKEN))
    ours = answered({"identifier": "example.test", "token": TOKEN}, thumbprint(pem))
    assert ours["keyAuthorization"] == theirs.key_authorization(key)
    assert ours["recordValue"] == theirs.validation(key)
    assert ours["recordName"] == theirs.validation_domain_name("example.test")


def test_a_valid_authorization_without_a_challenge_has_nothing_to_show() -> None:
    assert answered({"identifier": "example.test", "token": None}, "x") == {
        "identifier": "example.test",
        "token": None,
    }


def test_every_value_is_43_characters_of_base64url() -> None:
    assert len(record_value("token.thumbprint")) == 43
    assert record_name("a.test") == "_acme-challenge.a.test"
