"""Feishu, DingTalk, WeChat Work: a bot's webhook has one call, which sends a message, so none is harmless."""

from collections.abc import Mapping

from credentials.identity import Identity, NotVerifiable
from credentials.secret import SecretBytes


class TriedByAMessage(NotVerifiable):
    """Only a message tells whether the webhook takes one."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind, "a bot's only call is to send a message, which everybody in its group reads")
        self.hint = "try it with a message: tic creds notify NAME MESSAGE"


def identify(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Identity:
    """Raise TriedByAMessage."""
    raise TriedByAMessage(kind)
