"""`tic role`: what it says to a person and to a program, and what it refuses."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from credentials import privileges, roles
from tests.cli.command import Tic, anything, refusal
from tests.credentials.identity.asking import settle
from tests.credentials.roles.test_tencentcloud import ARN, EXTERNAL_ID, KEY, TencentRoles
from tests.emulators.proxy import clouds
from tests.emulators.tencentcloud import HOSTS, TencentCloud

pytestmark = pytest.mark.slow  # what it links asks an emulated cloud through its SDK

FIELDS = {"secret-id": KEY.id, "secret-key": KEY.secret}
ENABLE = ("role", "enable", "tencentcloud", "--role", ARN, "--external-id", EXTERNAL_ID)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[TencentRoles]:
    emulator = TencentCloud([KEY])
    with clouds(dict.fromkeys(HOSTS, emulator)) as env:
        settle(monkeypatch, {**env, **TencentRoles.nothing_here})
        yield TencentRoles(emulator)


@pytest.fixture
def ready(cloud: TencentRoles, tic: Tic) -> Tic:
    """A vault with one credential, with which the role can be taken on."""
    new_credential(tic, FIELDS)
    return tic


def new_credential(tic: Tic, fields: Mapping[str, str]) -> None:
    words = ("creds", "new", "first", "--provider", "tencentcloud", "--secrets-from", "-")
    assert tic(*words, stdin=json.dumps(fields)).code == 0


def test_enabling_says_what_it_took_and_what_comes_next(ready: Tic) -> None:
    said = ready(*ENABLE)
    assert (said.code, said.out) == (0, "")
    assert said.err.splitlines() == [
        f"linking {ARN} of tencentcloud, taken on by the credential first",
        f"the role of tencentcloud is Enabled: it was taken on as {ARN} in account {KEY.account}",
        "  credentials of tencentcloud are still there: first",
        "  their stacks use them; to delete them and use the role: tic creds clear tencentcloud",
        "  next: tic stack new NAME --provider tencentcloud",
    ]


def test_what_can_not_be_taken_on_yet_says_what_to_create_where(ready: Tic, cloud: TencentRoles) -> None:
    cloud.delete_role()
    said = ready(*ENABLE)
    assert said.code == 1
    console = roles.provider("tencentcloud").console(None)
    for line in (
        f"make this in Tencent Cloud: {console}",
        f"  a role:              {ARN}",
        f"  with external id:    {EXTERNAL_ID}",
        "  its trust policy:    tic role policy tencentcloud --trust",
        "  what it may do:      tic role policy tencentcloud --for apply (or deploy)",
        "  then:                tic role enable tencentcloud --wait",
    ):
        assert line in said.err.splitlines()
    *_, error, following = said.err.splitlines()
    assert error.startswith(
        f"error: the role {ARN} of tencentcloud can't be taken on: the role does not exist"
    )
    assert following.startswith("  next: ")


def test_a_wrong_key_is_not_answered_with_a_role_to_create(ready: Tic, cloud: TencentRoles) -> None:
    cloud.reject_source()
    said = ready(*ENABLE)
    assert said.code == 1
    assert "make this in" not in said.err
    assert "the first identity is not accepted" in said.err


def test_the_status_is_the_same_for_a_person_and_for_a_program(ready: Tic, cloud: TencentRoles) -> None:
    ready(*ENABLE, "--set", "region=ap-shanghai", "--session", "1800")
    shown = ready("role", "status")
    header, row = (line.split() for line in shown.out.splitlines())
    assert header[:3] == ["PROVIDER", "STATE", "ACCOUNT"]
    assert (row[:4], row[-1]) == (["tencentcloud", "Enabled", KEY.account, "credential"], ARN)
    (one,) = json.loads(ready("role", "status", "--json").out)
    assert one == anything(
        provider="tencentcloud",
        state="enabled",
        role=ARN,
        external_id=EXTERNAL_ID,
        source="credential",
        session_seconds=1800,
        settings={"region": "ap-shanghai"},
        account=KEY.account,
        problem=None,
        next=None,
        stacks=[],
    )
    cloud.delete_role()
    lost = ready("role", "status", "tencentcloud", "--json")
    assert lost.code == 1
    (one,) = json.loads(lost.out)
    assert one["state"] == "failed"
    assert one["problem"].startswith("the role does not exist (")
    assert one["next"].endswith("tic role reauthorize tencentcloud")
    shown = ready("role", "status")
    assert f"tencentcloud: {one['problem']}\n  next: {one['next']}\n" in shown.err


def test_where_no_role_is_linked_that_is_no_failure(tic: Tic) -> None:
    said = tic("role", "status")
    assert (said.code, said.out) == (0, "")
    assert said.err == "no role is linked\n  next: tic role enable PROVIDER --role ROLE\n"
    assert json.loads(tic("role", "status", "--json").out) == []
    assert tic("role", "status", "--watch").code == 0


def test_what_is_not_linked_is_not_found(tic: Tic) -> None:
    for words in (("status", "aws"), ("reauthorize", "aws"), ("disable", "aws", "--yes")):
        said = tic("role", *words)
        assert said.code == 4
        assert refusal(said) == ("no role of aws is linked", "link one: tic role enable aws --role ROLE")


@pytest.mark.parametrize(
    "words",
    [
        ("enable", "cloudflare", "--role", "x"),
        ("status", "cloudflare"),
        ("reauthorize", "cloudflare"),
        ("disable", "cloudflare"),
        ("services", "cloudflare"),
        ("policy", "cloudflare", "--trust"),
    ],
)
def test_a_provider_without_roles_is_told_from_those_with(tic: Tic, words: tuple[str, ...]) -> None:
    said = tic("role", *words)
    assert said.code == 2
    error, following = refusal(said)
    assert error == "'cloudflare' has no role that tic can take on"
    assert all(name in following for name in roles.names())


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--set", "region"), "--set number 1 is not NAME=VALUE"),
        (("--set", "region=a", "--set", "=b"), "--set number 2 is not NAME=VALUE"),
        (("--set", "colour=red"), "colour is no setting of a role of tencentcloud"),
        (("--session", "1"), "a session of 1 seconds is not possible"),
        (("--source", "passport"), "a role of tencentcloud can't be taken on by 'passport'"),
    ],
)
def test_what_is_given_wrongly_is_named_and_nothing_is_linked(
    ready: Tic, words: tuple[str, ...], error: str
) -> None:
    said = ready(*ENABLE, *words)
    assert said.code == 2
    assert refusal(said)[0].startswith(error)
    assert json.loads(ready("role", "status", "--json").out) == []


def test_disabling_asks_first_and_says_what_it_never_does(ready: Tic) -> None:  # A3
    ready(*ENABLE)
    said = ready("role", "disable", "tencentcloud")
    assert said.code == 2
    assert refusal(said)[1] == "say yes in advance: tic role disable tencentcloud --yes"
    said = ready("role", "disable", "tencentcloud", "--yes")
    assert said.code == 0
    disabled, there, where = said.err.splitlines()
    assert disabled.startswith("the role of tencentcloud is disabled; new stacks")
    assert there == f"  the role itself is still there: {ARN}"
    assert where.startswith("  to delete it: https://console.cloud.tencent.com/cam/role")


def test_the_documents_are_on_stdout_alone(ready: Tic, cloud: TencentRoles) -> None:
    ready(*ENABLE)
    trust = ready("role", "policy", "tencentcloud", "--trust")
    assert KEY.account in json.dumps(json.loads(trust.out))
    assert EXTERNAL_ID in trust.out
    assert trust.err.startswith("  next: paste it at https://")
    for purpose, known in privileges.load("tencentcloud").purposes.items():
        said = ready("role", "policy", "tencentcloud", "--for", purpose)
        assert (said.code, said.out) == (0, known.document() + "\n")


def test_which_document_must_be_said(ready: Tic) -> None:
    for words in ((), ("--trust", "--for", "apply")):
        said = ready("role", "policy", "tencentcloud", *words)
        assert said.code == 2
        assert "tic role policy tencentcloud --trust" in refusal(said)[1]
    said = ready("role", "policy", "tencentcloud", "--for", "flying")
    assert said.code == 2
    assert "'flying'" in refusal(said)[0]


def test_the_services_need_no_vault(fresh: Tic) -> None:  # A5
    said = fresh("role", "services", "aws")
    assert said.code == 0
    assert "route53" in said.out
    assert not Path(fresh.home).exists()


def test_reauthorizing_what_works_changes_nothing(ready: Tic) -> None:  # A4
    ready(*ENABLE)
    before = json.loads(ready("role", "status", "--json").out)[0]
    said = ready("role", "reauthorize", "tencentcloud")
    assert said.code == 0
    assert said.err.startswith("the role of tencentcloud is Enabled again: it was taken on as")
    after = json.loads(ready("role", "status", "--json").out)[0]
    assert after | {"checked_at": 0} == before | {"checked_at": 0}


def test_waiting_is_over_at_once_for_a_role_that_works(ready: Tic) -> None:
    assert ready(*ENABLE, "--wait").code == 0
    assert ready("role", "reauthorize", "tencentcloud", "--wait").code == 0
