"""Cloudflare: which token or user it is, and which zones it reads, with the official SDK.

A user's token tells of itself; an account's token only to its account, which the zones that it reads name.
https://developers.cloudflare.com/api/resources/user/subresources/tokens/methods/verify
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from credentials.identity import Identity, IdentityError, Inconclusive, Rejected, Unreachable, sdk, words_of
from credentials.identity.network import ca_file, why
from credentials.identity.values import text
from credentials.secret import SecretBytes

if TYPE_CHECKING:
    from cloudflare import Cloudflare

LOGGERS: Final = ("cloudflare",)
_BASE: Final = "https://api.cloudflare.com/client/v4/"
_READS_ZONES: Final = "apply: list zones (Zone / Zone / Read)"
_UNKNOWN_TO_USERS: Final = "1000"  # "Invalid API Token", also said of a token that belongs to an account
_SDK_NAMES: Final = {
    "api-token": "api_token",
    "zone-api-token": "api_token",
    "email": "api_email",
    "api-key": "api_key",
}

Ask = Callable[[Callable[["Cloudflare"], Any]], Any]


def identify(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Identity:
    """The token or the user, the account of the first zone that it reads, and how many it reads."""
    try:
        if "api-token" not in fields:
            return _user(_asker(kind, fields, timeout, "email", "api-key"))
        ask = _asker(kind, fields, timeout, "api-token")
        if "zone-api-token" not in fields:
            return _token(kind, ask, zones=ask)
        zones = _asker(kind, fields, timeout, "zone-api-token")
        reader = _token(kind, zones, zones=zones)
        editor = _token(kind, ask, zones=zones)
    except _Refused as refused:
        raise _translated(kind, refused, fields) from None
    return Identity(
        editor.account, editor.principal, {**editor.detail, "zone token": reader.principal}, editor.cannot
    )


class _Refused(Exception):
    """The provider's error with nothing else of the exchange."""

    def __init__(self, status: int, code: str, words: str, request_id: str) -> None:
        self.status, self.code, self.words, self.request_id = status, code, words, request_id
        super().__init__(code)


def _user(ask: Ask) -> Identity:
    user = ask(lambda client: client.user.get())
    account, seen, cannot = _zones(ask)
    if user.suspended:
        cannot = ("anything: the user is suspended", *cannot)
    return Identity(account, user.id, {"type": "user", "email": user.email, **seen}, cannot)


def _token(kind: str, ask: Ask, *, zones: Ask) -> Identity:
    account, seen, cannot = _zones(zones)
    owner = "user"
    try:
        token = ask(lambda client: client.user.tokens.verify())
    except _Refused as refused:
        if refused.code != _UNKNOWN_TO_USERS or not account:
            raise
        owner, token = "account", ask(lambda client: client.accounts.tokens.verify(account_id=account))
    if token.status != "active":
        raise Rejected(kind, code=token.status, words="the token is there and is not active")
    expires = {"expires": token.expires_on.isoformat()} if token.expires_on else {}
    return Identity(account, token.id, {"type": f"token of the {owner}", **expires, **seen}, cannot)


def _zones(ask: Ask) -> tuple[str, dict[str, str], tuple[str, ...]]:
    """The first zone's account, how many zones there are to read, and what can't be done."""
    try:
        page = ask(lambda client: client.zones.list(per_page=5))
    except _Refused as refused:
        return "", {}, (_READS_ZONES,) if refused.status == 403 else ()
    except IdentityError:
        return "", {}, ()
    total = getattr(page.result_info, "total_count", None)
    count = len(page.result) if total is None else total
    if not page.result:  # said as well to a token that may not read zones
        return "", {"zones": "none that it can read"}, (_READS_ZONES,)
    return page.result[0].account.id or "", {"zones": str(count), "can": _READS_ZONES}, ()


def _asker(kind: str, fields: Mapping[str, SecretBytes], timeout: float, *given: str) -> Ask:
    """Asks with the fields named in `given`, and with nothing that the environment holds."""
    with sdk(kind):
        import httpx
        from cloudflare import APIConnectionError, APIStatusError, Cloudflare

    def ask(question: Callable[["Cloudflare"], Any]) -> Any:
        with (
            httpx.Client(verify=_trust(), timeout=timeout, base_url=_BASE) as http,
            Cloudflare(base_url=_BASE, max_retries=0, http_client=http) as client,
        ):
            client.api_token = client.api_email = client.api_key = client.user_service_key = None
            for name in given:
                setattr(client, _SDK_NAMES[name], text(kind, fields, name))
            try:
                return question(client)
            except APIStatusError as error:
                raise _refusal(error) from None
            except APIConnectionError as error:
                raise Unreachable(kind, why(error, timeout)) from None

    return ask


def _trust() -> Any:
    import ssl

    return ssl.create_default_context(cafile=ca_file()) if ca_file() else True


def _refusal(error: Any) -> _Refused:
    first = error.errors[0] if error.errors else None
    code = str(first.code) if first is not None else f"HTTP {error.status_code}"
    words = str(first.message) if first is not None else ""
    return _Refused(error.status_code, code, words, error.response.headers.get("cf-ray", ""))


def _translated(kind: str, refused: _Refused, fields: Mapping[str, SecretBytes]) -> IdentityError:
    about = {"code": refused.code, "words": words_of(refused.words, fields), "request_id": refused.request_id}
    return Rejected(kind, **about) if refused.status in (400, 401, 403) else Inconclusive(kind, **about)
