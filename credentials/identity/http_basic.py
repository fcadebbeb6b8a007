"""A user name and a password for a server of one's own: HTTP basic authentication (RFC 7617), and Jenkins.

Jenkins tells who asks at /whoAmI, whoever it is (https://www.jenkins.io/doc/book/system-administration/
authenticating-scripted-clients/). Any other server is asked twice: only one that refuses without the password
and does not with it says something of the password. Nothing of an answer's text is repeated.
"""

from collections.abc import Mapping
from typing import Final

from credentials.identity import Identity, Inconclusive, NotVerifiable, Rejected, words_of
from credentials.identity.https import Answer, Server, basic, checked
from credentials.identity.values import text
from credentials.secret import SecretBytes

_WRONG: Final = "wrong user name or password"


def identify(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Identity:
    """The server, and the user name that it takes."""
    if "settings" in fields:
        raise NotVerifiable(kind, "its settings.xml may name many servers, or none")
    if "url" not in fields:
        raise NotVerifiable(kind, "it has no url, so there is nobody to ask")
    server = Server(kind, timeout)
    if kind == "jenkins":
        return _jenkins(kind, fields, server)
    return _page(kind, fields, server)


def _jenkins(kind: str, fields: Mapping[str, SecretBytes], server: Server) -> Identity:
    url = text(kind, fields, "url").rstrip("/")
    where = checked(kind, url)
    answer = server.ask(f"{url}/whoAmI/api/json", basic(kind, fields["username"], fields["api-token"]))
    if answer.status in (401, 403):
        raise Rejected(kind, code=f"HTTP {answer.status}", words="wrong user name or API token")
    said = answer.json()
    if answer.status != 200 or "anonymous" not in said:
        raise Inconclusive(kind, code=f"HTTP {answer.status}", words="no Jenkins answers at its url")
    if said["anonymous"] is not False:
        raise Rejected(kind, code="anonymous", words="Jenkins does not know this user")
    secret, groups = {"api-token": fields["api-token"]}, said.get("authorities")
    detail = {"groups": words_of(", ".join(map(str, groups)), secret)} if isinstance(groups, list) else {}
    return Identity(where.netloc, words_of(said.get("name", ""), secret), detail)


def _page(kind: str, fields: Mapping[str, SecretBytes], server: Server) -> Identity:
    url = text(kind, fields, "url")
    where = checked(kind, url)
    _asks_for_basic(kind, where.netloc, server.ask(url))
    answer = server.ask(url, basic(kind, fields["username"], fields["password"]))
    if answer.status == 401:
        raise Rejected(kind, code="HTTP 401", words=_WRONG)
    if answer.status == 429 or answer.status >= 500:
        raise Inconclusive(kind, code=f"HTTP {answer.status}")
    cannot = (f"open {where.path or '/'}",) if answer.status == 403 else ()
    return Identity(where.netloc, fields["username"].reveal().decode(errors="replace"), {}, cannot)


def _asks_for_basic(kind: str, host: str, answer: Answer) -> None:
    """Raise unless the server, asked without a password, asks for one in this way."""
    if answer.status == 429 or answer.status >= 500:
        raise Inconclusive(kind, code=f"HTTP {answer.status}")
    if answer.status != 401:
        raise NotVerifiable(kind, f"{host} does not ask for a password at its url (HTTP {answer.status})")
    challenges = answer.headers.get("www-authenticate", "").lower()
    if "basic" not in challenges.replace(",", " ").split():
        raise NotVerifiable(kind, f"{host} asks for another way to log in than HTTP basic")
