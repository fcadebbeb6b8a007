"""The emulators of servers of one's own can refuse: what is not quite the credential is not taken."""

import base64
from dataclasses import replace

import pytest

from tests.emulators.jenkins import Jenkins, Protected
from tests.emulators.kubernetes import MAY, WHO, Kubernetes, User
from tests.emulators.proxy import Request, Response
from tests.emulators.registry import BasicRegistry, TokenRegistry
from tests.emulators.signing import with_header

ASKED = (("secrets", "get", True), ("secrets", "list", False), ("pods", "get", False))
REVIEW = Request(
    "POST",
    "k8s.example.test",
    "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    "",
    {"authorization": "Bearer token"},
    b'{"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}',
)
PAGE = Request("GET", "a.example.test", "/v2/", "", {}, b"")


def basic(name: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def username(answer: Response) -> str:
    return str(Request("", "", "", "", {}, answer.body).json()["status"]["userInfo"]["username"])


def test_a_cluster_knows_its_tokens_alone() -> None:
    api = Kubernetes({"token": User("alice")}, {"bob": User("bob")})
    assert username(api(REVIEW)) == "alice"
    for almost in ("Bearer Token", "Bearer toke", "Bearer token1", "token1", "Basic token"):
        assert api(with_header(REVIEW, "authorization", almost)).status == 401
    without = replace(REVIEW, headers={})
    assert [username(api(without, name)) for name in ("bob", "mallory", "")] == [
        "bob", "system:anonymous", "system:anonymous",
    ]  # fmt: skip


def test_a_cluster_answers_what_it_is_asked_alone() -> None:
    api = Kubernetes({"token": User("alice", verbs=frozenset({"get"}))})
    assert api(replace(REVIEW, method="GET")).status == 404
    assert api(replace(REVIEW, path=REVIEW.path + "/more")).status == 404
    assert api(replace(REVIEW, body=REVIEW.body.replace(b"/v1", b"/v2"))).status == 404
    path = f"/apis/{MAY[0]}/{MAY[1].lower()}s"
    for resource, verb, allowed in ASKED:
        asked = {"resourceAttributes": {"namespace": "default", "verb": verb, "resource": resource}}
        body = Response.json({"apiVersion": MAY[0], "kind": MAY[1], "spec": asked}).body
        answer = api(replace(REVIEW, path=path, body=body))
        assert replace(REVIEW, body=answer.body).json()["status"] == {"allowed": allowed}
    api.before_1_28 = True
    assert (api(REVIEW).status, WHO[0] in REVIEW.path) == (404, True)


WRONG = [
    "",
    "Basic",
    "Basic !",
    basic("alice", "Password"),
    basic("alice", "password "),
    basic("bob", "password"),
    basic("alice", "password").replace("Basic", "Bearer"),
    basic("alice", "password")[:-3],
]


@pytest.mark.parametrize("authorization", WRONG)
def test_a_password_that_is_not_quite_it_is_refused(authorization: str) -> None:
    headers = {"authorization": authorization} if authorization else {}
    asked = replace(PAGE, headers=headers)
    assert BasicRegistry({"alice": "password"})(asked).status == 401
    assert Protected({"alice": "password"})(asked).status == 401
    told = Jenkins({"alice": "password"})(replace(asked, path="/whoAmI/api/json"))
    assert told.status == 401 or b'"name": "anonymous"' in told.body


def test_the_right_one_is_taken() -> None:
    asked = with_header(PAGE, "authorization", basic("alice", "password"))
    assert BasicRegistry({"alice": "password"})(asked).status == 200
    assert Protected({"alice": "password"})(asked).status == 200
    assert b'"name": "alice"' in Jenkins({"alice": "password"})(replace(asked, path="/whoAmI/api/json")).body


def test_a_registry_takes_the_tokens_that_its_token_server_gave_alone() -> None:
    made = TokenRegistry({"alice": "password"}, "https://auth.example.test/token", "here")
    asked = replace(PAGE, path="/token", query="service=here")
    for authorization in WRONG[1:]:
        assert made.token_server(with_header(asked, "authorization", authorization)).status == 401
    given = made.token_server(with_header(asked, "authorization", basic("alice", "password")))
    token = replace(PAGE, body=given.body).json()["token"]
    assert made.registry(with_header(PAGE, "authorization", f"Bearer {token}")).status == 200
    for almost in (f"Bearer {token}1", f"Basic {token}", "Bearer ", basic("alice", "password")):
        assert made.registry(with_header(PAGE, "authorization", almost)).status == 401
    assert made.token_server(replace(asked, query="service=elsewhere")).status == 400
