"""The chat bots of Feishu, DingTalk and WeChat Work: apprise's own, with what those leave out.

apprise 2.2 takes every answer with the HTTP status 200 for success, and these services refuse in the answer's
body; it encodes DingTalk's signature twice, so that none is right; and it signs nothing for Feishu. So `send`
is done here; limits, addresses and how a long message is cut stay apprise's. Importing apprise is slow.
"""

import base64
import hashlib
import hmac
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import requests
from apprise.exception import AppriseImproperlyConfigured
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.wecombot import NotifyWeComBot

from credentials.identity import network
from credentials.identity.errors import words_of
from credentials.secret import SecretBytes

TIMEOUT: Final = 15.0  # seconds, to connect and again to answer


class _Answered:
    """A bot whose service's answer is read; `refusal` says why it did not take the last message.

    Subclasses say where a message goes, what it is, and where the answer has the code that is 0 for success,
    and words. apprise's classes are half typed, so each is one error for mypy.
    """

    codes: tuple[str, str]
    secrets: Mapping[str, SecretBytes]
    refusal = ""

    def address(self) -> tuple[str, dict[str, str]]:
        """The URL and its parameters."""
        raise NotImplementedError

    def message(self, text: str) -> dict[str, Any]:
        """The JSON of a text message."""
        raise NotImplementedError

    def send(self, body: str, title: str = "", **_kwargs: Any) -> bool:
        """Send one message; called by apprise's `notify`. False where the service did not take it."""
        url, parameters = self.address()
        try:
            answer = requests.post(
                url,
                params=parameters,
                json=self.message(f"{title}\n{body}" if title else body),
                headers={"User-Agent": "tic"},
                timeout=TIMEOUT,
                verify=network.ca_file() or True,
                allow_redirects=False,
            )
        except requests.RequestException as error:  # its text holds the URL, and so the token
            self.refusal = network.why(error, TIMEOUT)
            return False
        except OSError:  # before anything is sent
            self.refusal = f"there are no CA certificates in {network.ca_file()}"
            return False
        self.refusal = self._refusal(answer)
        return not self.refusal

    def _refusal(self, answer: requests.Response) -> str:
        code, words = self.codes
        try:
            said = answer.json()
        except ValueError:
            said = None
        if isinstance(said, dict) and code in said:
            if said[code] == 0:
                return ""
            return words_of(f"{said.get(words) or 'no reason given'} ({code} {said[code]})", self.secrets)
        return f"it answers with HTTP status {answer.status_code}, and nothing that it should"


class _Feishu(_Answered, NotifyFeishu):  # type: ignore[misc,no-untyped-call]
    """open.feishu.cn, "Custom bot usage guide"."""

    codes = ("code", "msg")

    def address(self) -> tuple[str, dict[str, str]]:
        return self.notify_url.format(token=self.token).rstrip("/"), {}

    def message(self, text: str) -> dict[str, Any]:
        message: dict[str, Any] = {"msg_type": "text", "content": {"text": text}}
        if "secret" in self.secrets:
            moment = str(int(time.time()))
            key = moment.encode() + b"\n" + self.secrets["secret"].reveal()
            message |= {"timestamp": moment, "sign": _signature(key, b"")}
        return message


class _DingTalk(_Answered, NotifyDingTalk):  # type: ignore[misc,no-untyped-call]
    """open.dingtalk.com, "Custom robot access", "Customize robot security settings"."""

    codes = ("errcode", "errmsg")

    def address(self) -> tuple[str, dict[str, str]]:
        parameters = {}
        if "secret" in self.secrets:
            moment, secret = str(int(time.time() * 1000)), self.secrets["secret"].reveal()
            sign = _signature(secret, moment.encode() + b"\n" + secret)
            parameters = {"timestamp": moment, "sign": sign}
        return self.notify_url.format(token=self.token), parameters

    def message(self, text: str) -> dict[str, Any]:
        return {"msgtype": "text", "text": {"content": text}}


class _WeChatWork(_Answered, NotifyWeComBot):  # type: ignore[misc,no-untyped-call]
    """developer.work.weixin.qq.com, "Group robot configuration instructions"."""

    codes = ("errcode", "errmsg")

    def address(self) -> tuple[str, dict[str, str]]:
        return self.api_url, {}

    def message(self, text: str) -> dict[str, Any]:
        return {"msgtype": "text", "text": {"content": text}}


_BOTS: Final[Mapping[str, tuple[Callable[..., Any], str]]] = {
    "dingtalk": (_DingTalk, "token"),
    "feishu": (_Feishu, "token"),
    "wechat-work": (_WeChatWork, "key"),
}


def send(kind: str, fields: Mapping[str, SecretBytes], text: str, title: str) -> str:
    """Send a message with the bot of this kind; returns why it was not taken, '' if it was."""
    for name in ("apprise", "urllib3.connectionpool"):  # they log addresses, and the tokens in them
        logging.getLogger(name).disabled = True
    made, token = _BOTS[kind]
    try:
        bot = made(**{token: fields[token].reveal().decode()})
    except AppriseImproperlyConfigured:  # its text holds the token
        return f"apprise takes no such {token}"
    bot.secrets = fields
    if not bot.notify(body=text, title=title):
        return bot.refusal or "apprise did not send it"
    return ""


def _signature(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
