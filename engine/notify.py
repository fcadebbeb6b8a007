"""Messages to people through a chat bot that the vault has a credential for (SPEC B6)."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from engine import place
from engine.errors import EngineError

if TYPE_CHECKING:
    from credentials.scopes import Place
    from engine.installation import Installation

PURPOSE = "im"
_PACKAGE = "apprise"


class NoMessenger(EngineError):
    """The credential is none that sends messages."""

    exit_code = 2

    def __init__(self, name: str, kind: str) -> None:
        super().__init__(
            f"{name!r} is of the kind {kind}, and sends no messages",
            hint="add one that does: tic creds new NAME --provider feishu (or dingtalk, wechat-work)",
        )


class NotifyMissing(EngineError):
    """The package that sends messages is not installed."""

    exit_code = 6

    def __init__(self) -> None:
        super().__init__(
            f"sending messages needs the package {_PACKAGE}, which is not installed",
            hint="install it: pip install 'tic-engine[notify]'",
        )


class NotSent(EngineError):
    """The service did not take the message; `why` holds no part of its address."""

    exit_code = 1

    def __init__(self, name: str, kind: str, why: str) -> None:
        super().__init__(
            f"the message was not sent with {name!r} ({kind}): {why}",
            hint=f"look at the bot's settings in the group, then: tic creds notify {name} MESSAGE",
        )


def check(installation: "Installation", reference: str) -> None:
    """Raise what `send` would raise before it opens anything: NoCredential, NoMessenger, NotifyMissing."""
    from credentials import kinds

    credential = installation.vault.find(reference)
    if PURPOSE not in kinds.load(credential.kind).purpose:
        raise NoMessenger(credential.name, credential.kind)
    if importlib.util.find_spec(_PACKAGE) is None:
        raise NotifyMissing


def send(
    installation: "Installation",
    reference: str,
    text: str,
    *,
    title: str = "",
    here: "Place | None" = None,
    stack: str | None = None,
) -> None:
    """Send a message; `here` is where the credential is used, this folder by default.

    Raises what `check` and `Vault.opened` raise, and NotSent.
    """
    check(installation, reference)
    opened = installation.vault.opened(
        reference, purpose="notify", place=here or place.of_folder(Path.cwd()), stack=stack
    )
    from engine import messengers

    kind = opened.credential.kind
    if why := messengers.send(kind, opened.fields, text, title):
        raise NotSent(opened.credential.name, kind, why)
