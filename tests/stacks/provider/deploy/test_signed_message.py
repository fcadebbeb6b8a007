"""A signed message is the one that Standard Webhooks specifies, and a secret is told nowhere."""

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook as Verifier

from stacks.provider.deploy.signed_message import Message, SecretUnusable, message_id, secret_bytes


@pytest.mark.parametrize("given", ["", "whsec_", "whsec_AAAA", "A" * 90, "é" * 32, "!" * 32])
def test_a_secret_that_is_none_is_told_without_it(given: str) -> None:
    with pytest.raises(SecretUnusable, match="24 to 64 bytes") as refused:
        secret_bytes(given)
    assert not given or given not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize("padded", [True, False])
def test_a_signature_is_the_one_that_the_specification_shows(padded: bool) -> None:
    """The example of Standard Webhooks' own tests."""
    secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    made = Message("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}')
    headers = made.headers(
        secret_bytes(f"whsec_{secret}" if padded else secret), datetime.fromtimestamp(1614265330, UTC)
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    now = datetime.now(UTC)
    Verifier(secret).verify(made.body, made.headers(secret_bytes(secret), now))


def test_an_id_is_of_all_its_parts() -> None:
    assert message_id("a", "bc") != message_id("ab", "c")
    assert message_id("a", "b") == message_id("a", "b")
    assert "." not in message_id("a")
