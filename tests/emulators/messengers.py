"""The webhooks of DingTalk's, Feishu's and WeChat Work's bots, which check tokens, signatures and times.

Each refuses with the HTTP status 200 and a code in the body, as the real ones do, and repeats what it was
sent, as some real ones do.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping

from tests.emulators.proxy import Handler, Request, Response

LONGEST_SKEW = 3600.0  # seconds


class DingTalk:
    """oapi.dingtalk.com (open.dingtalk.com, "Customize robot security settings"); `keyword` must be said."""

    def __init__(self, token: str, secret: str = "", *, keyword: str = "") -> None:
        self.token, self.secret, self.keyword = token, secret, keyword
        self.heard: list[str] = []

    def __call__(self, request: Request) -> Response:
        """What the robot answers."""
        asked = request.parameters
        if (request.method, request.path) != ("POST", "/robot/send"):
            return Response(404)
        if asked.get("access_token") != self.token:
            return self.refuse(300005, f"token {asked.get('access_token')} is not exist")
        if self.secret and not self.signed(asked):
            return self.refuse(310000, f"sign not match, {request.query}")
        message = request.json()
        if message["msgtype"] != "text" or self.keyword not in message["text"]["content"]:
            return self.refuse(310000, "keywords not in content, more: [https://ding-doc.dingtalk.com]")
        self.heard.append(message["text"]["content"])
        return Response.json({"errcode": 0, "errmsg": "ok"})

    def signed(self, asked: Mapping[str, str]) -> bool:
        """Whether the signature over the time in milliseconds is right, and the time is now."""
        if abs(int(asked.get("timestamp", "0")) / 1000 - time.time()) > LONGEST_SKEW:
            return False
        text = f"{asked['timestamp']}\n{self.secret}"
        return asked.get("sign") == _signature(self.secret, text)

    def refuse(self, code: int, words: str) -> Response:
        """A refusal."""
        return Response.json({"errcode": code, "errmsg": words})


class Feishu:
    """open.feishu.cn (open.feishu.cn, "Custom bot usage guide")."""

    def __init__(self, token: str, secret: str = "") -> None:
        self.token, self.secret = token, secret
        self.heard: list[str] = []

    def __call__(self, request: Request) -> Response:
        """What the bot answers."""
        if request.path != f"/open-apis/bot/v2/hook/{self.token}":
            return self.refuse(19001, f"param invalid: incoming webhook access token invalid {request.path}")
        message = request.json()
        if self.secret and not self.signed(message):
            return self.refuse(19021, "sign match fail or timestamp is not within one hour from current time")
        if message["msg_type"] != "text":
            return self.refuse(19002, "params error, msg_type need")
        self.heard.append(message["content"]["text"])
        return Response.json({"StatusCode": 0, "StatusMessage": "success", "code": 0, "msg": "success"})

    def signed(self, message: Mapping[str, str]) -> bool:
        """Whether the signature of nothing, by a key of time in seconds and secret, is right."""
        if abs(int(message.get("timestamp", "0")) - time.time()) > LONGEST_SKEW:
            return False
        return message.get("sign") == _signature(f"{message['timestamp']}\n{self.secret}", "")

    def refuse(self, code: int, words: str) -> Response:
        """A refusal."""
        return Response.json({"code": code, "msg": words, "data": {}})


class WeChatWork:
    """qyapi.weixin.qq.com (developer.work.weixin.qq.com, "Group robot configuration instructions")."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.heard: list[str] = []

    def __call__(self, request: Request) -> Response:
        """What the robot answers."""
        if request.path != "/cgi-bin/webhook/send" or request.parameters.get("key") != self.key:
            return Response.json(
                {"errcode": 93000, "errmsg": f"invalid webhook url, hint: [{request.query}]"}
            )
        message = request.json()
        self.heard.append(message["text"]["content"])
        return Response.json({"errcode": 0, "errmsg": "ok"})


def hosts(bots: Mapping[str, "DingTalk | Feishu | WeChatWork"]) -> dict[str, Handler]:
    """Where each kind's service is."""
    names = {
        "dingtalk": "oapi.dingtalk.com",
        "feishu": "open.feishu.cn",
        "wechat-work": "qyapi.weixin.qq.com",
    }
    return {names[kind]: bot for kind, bot in bots.items()}


def _signature(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()
