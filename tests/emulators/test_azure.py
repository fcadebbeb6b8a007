"""The emulated Azure knows whom it answers."""

from urllib.parse import urlencode

import pytest

from tests.emulators.azure import LOGIN, MANAGER, Application, Azure
from tests.emulators.proxy import Request, Response

APP = Application("a-client", "an-object", "a-tenant", "a-secret", may=frozenset({"subscription"}))
FORM = {
    "grant_type": "client_credentials",
    "scope": f"https://{MANAGER}/.default",
    "client_id": APP.client_id,
    "client_secret": APP.secret,
}
SUBSCRIPTION = f"/subscriptions/{Azure.subscription}"


def token(cloud: Azure, *, tenant: str = APP.tenant, **form: str) -> Response:
    body = urlencode({**FORM, **form}).encode()
    return cloud(Request("POST", LOGIN, f"/{tenant}/oauth2/v2.0/token", "", {}, body))


def read(cloud: Azure, bearer: str, path: str = SUBSCRIPTION, query: str = "api-version=2022-12-01") -> int:
    headers = {"authorization": f"Bearer {bearer}"}
    return cloud(Request("GET", MANAGER, path, query, headers, b"")).status


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_secret": "another"},
        {"client_secret": ""},
        {"client_id": "another"},
        {"scope": "https://graph.microsoft.com/.default"},
        {"grant_type": "password"},
        {"tenant": "another"},
    ],
)
def test_a_token_is_for_who_proves_to_be_the_application(wrong: dict[str, str]) -> None:
    assert token(Azure(APP)).status == 200
    assert token(Azure(APP), **wrong).status in (400, 401)


def test_only_its_own_tokens_read_and_only_what_they_may() -> None:
    cloud = Azure(APP)
    bearer = token(cloud).body.decode().split('"access_token": "')[1].split('"')[0]
    assert read(cloud, bearer) == 200
    assert read(cloud, bearer[:-1]) == 401
    assert read(cloud, bearer, query="") == 404
    assert read(cloud, bearer, path="/subscriptions/another") == 404
    assert read(cloud, bearer, path=f"{SUBSCRIPTION}/providers/Microsoft.Network/dnsZones") == 403
