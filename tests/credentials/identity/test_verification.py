"""Several credentials are asked about at once; each use and each answer is in the audit log."""

import threading
from collections.abc import Iterator

import pytest

from credentials import audit_store
from credentials.audit import Entry
from credentials.audit_store import Wanted
from credentials.credential import Credential
from credentials.errors import CredentialError
from credentials.identity import NotVerifiable, Rejected, Unreachable
from credentials.identity.verification import Result, Verification, exit_code, verify_each, verify_one
from credentials.scopes import OutOfScope, Place
from tests.credentials.identity.asking import settle
from tests.credentials.worlds import World
from tests.emulators.proxy import Request, Response, clouds
from tests.emulators.signing import Key
from tests.emulators.tencentcloud import HOSTS, TencentCloud

KEYS = [Key(f"AKID{number}", f"cAnArY-sk-{number}", f"10000000000{number}", "2") for number in range(6)]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[TencentCloud]:
    made = TencentCloud(KEYS[:-1])  # it does not know the last one
    with clouds(dict.fromkeys(HOSTS, made)) as env:
        settle(monkeypatch, env)
        yield made


def made(world: World, key: Key, *, scope: str = "all") -> Credential:
    fields = {"secret-id": key.id, "secret-key": key.secret}
    return world.vault.new(f"key-{key.id.lower()}", "tencentcloud", fields, scope=scope)


def log(world: World, action: str) -> list[Entry]:
    with world.database.read() as connection:
        entries = audit_store.newest(connection, Wanted(action=action), 100)
    return [one for one in entries if isinstance(one, Entry)]


def test_each_is_opened_asked_about_and_noted(world: World, cloud: TencentCloud) -> None:  # B9, B10
    credentials = [made(world, key) for key in KEYS]
    found = {one.credential.name: one for one in verify_each(world.vault, credentials, timeout=5, at_once=3)}
    assert len(found) == 6
    rejected = found.pop("key-akid5")
    assert isinstance(rejected.problem, Rejected)
    assert {one.identity.account for one in found.values() if one.identity} == {
        key.account for key in KEYS[:-1]
    }
    opened, noted = log(world, "credential.open"), log(world, "credential.verify")
    assert {(one.event.name, one.event.purpose) for one in opened} == {
        (credential.name, "verify") for credential in credentials
    }
    assert {one.event.name: one.event.outcome for one in noted} == {
        **dict.fromkeys(found, "done"),
        "key-akid5": "refused",
    }
    codes = [one.event.detail.get("code") for one in noted if one.event.outcome == "refused"]
    assert codes == ["AuthFailure.SecretIdNotFound"]
    assert "cAnArY" not in "".join(str(one) for one in [*opened, *noted])


def test_several_are_asked_about_at_the_same_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2, timeout=30)
    cloud = TencentCloud(KEYS)

    def together(request: Request) -> Response:
        both.wait()
        return cloud(request)

    with clouds({HOSTS[0]: together}) as env:
        settle(monkeypatch, env)
        credentials = [made(world, key) for key in KEYS[:2]]
        found = list(verify_each(world.vault, credentials, timeout=30, at_once=2))
    assert [one.result for one in found] == [Result.ACCEPTED] * 2


def test_what_nobody_can_be_asked_about_is_not_opened(world: World, cloud: TencentCloud) -> None:
    program = world.vault.new("program", "exec", {"path": "/bin/true"})
    elsewhere = made(world, KEYS[0], scope="project:other")
    here = Place("mine")
    found = list(verify_each(world.vault, [program, elsewhere], place=here, timeout=5))
    assert [type(one.problem) for one in found] == [NotVerifiable, OutOfScope]
    assert isinstance(verify_one(world.vault, program, place=here).problem, NotVerifiable)
    assert log(world, "credential.open") == log(world, "credential.verify") == []
    assert [one.result for one in verify_each(world.vault, [elsewhere], place=Place("other"), timeout=5)] == [
        Result.ACCEPTED
    ]


def test_one_out_of_scope_is_refused_and_noted_as_any_use_is(world: World, cloud: TencentCloud) -> None:  # B7
    elsewhere = made(world, KEYS[0], scope="project:other")
    found = verify_one(world.vault, elsewhere, place=Place("mine"), timeout=5)
    assert isinstance(found.problem, OutOfScope)
    assert [one.event.outcome for one in log(world, "credential.open")] == ["refused"]
    assert log(world, "credential.verify") == []


def test_a_provider_that_answers_for_ever_has_its_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()

    def never(_: Request) -> Response:
        done.wait()
        return Response(500)

    with clouds({HOSTS[0]: never}) as env:
        settle(monkeypatch, env)
        found = verify_one(world.vault, made(world, KEYS[0]), timeout=0.05)
        done.set()
    assert isinstance(found.problem, Unreachable)
    assert "no answer within" in str(found.problem)


@pytest.mark.parametrize(
    ("problems", "code"),
    [
        ([None, None], 0),
        ([None, Rejected("aws", code="X"), Unreachable("aws", "-")], 1),
        ([Unreachable("aws", "-"), Rejected("aws", code="X")], 1),
        ([None, Unreachable("aws", "-")], 6),
        ([None, NotVerifiable("exec")], 0),
        ([NotVerifiable("exec")], 3),
        ([None, OutOfScope("n", "project:p", Place())], 0),
    ],
)
def test_one_rejection_fails_the_whole(
    problems: list[CredentialError | None], code: int, world: World
) -> None:
    credential = made(world, KEYS[0])
    assert exit_code([Verification(credential, None, one) for one in problems]) == code
