"""A bot's webhook is not asked who it is: its one call is a message, which people read."""

import pytest

from credentials.identity import NotVerifiable, verify
from tests.credentials.identity.asking import secrets


@pytest.mark.parametrize("kind", ["feishu", "dingtalk", "wechat-work"])
def test_a_bot_is_tried_by_a_message_alone(kind: str) -> None:  # B9
    with pytest.raises(NotVerifiable, match="only call is to send a message") as caught:
        verify(kind, secrets({"token": "cAnArY", "key": "cAnArY"}))
    assert caught.value.hint == "try it with a message: tic creds notify NAME MESSAGE"
    assert "cAnArY" not in str(caught.value)
