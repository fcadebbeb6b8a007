"""`tic creds verify`: transcripts. Who it is on stdout, problems on stderr, a secret on neither."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.command import Tic, anything, refusal
from tests.credentials.identity.asking import settle
from tests.emulators.proxy import Clouds, clouds
from tests.emulators.signing import Key
from tests.emulators.tencentcloud import HOSTS, TencentCloud

SECRET = "cAnArY-7e31d0-sk"
WHO = "qcs::cam::uin/100000000001:uin/100000000002"
KEY = Key("AKIDEXAMPLE", SECRET, "100000000001", "100000000002")


@pytest.fixture
def cloud() -> TencentCloud:
    return TencentCloud([KEY])


@pytest.fixture
def env(cloud: TencentCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clouds]:
    with clouds(dict.fromkeys(HOSTS, cloud)) as made:
        settle(monkeypatch, made)
        yield made


def new(tic: Tic, name: str, *, id_: str = KEY.id, secret: str = SECRET) -> None:
    fields = json.dumps({"secret-id": id_, "secret-key": secret})
    made = tic("creds", "new", name, "--provider", "tencentcloud", "--secrets-from", "-", stdin=fields)
    assert made.code == 0, made.err


def test_one_is_told_who_it_is(tic: Tic, env: Clouds) -> None:  # B9
    new(tic, "prod")
    said = tic("creds", "verify", "prod")
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        "name:      prod\n"
        "provider:  tencentcloud\n"
        "account:   100000000001\n"
        "who:       qcs::cam::uin/100000000001:uin/100000000002\n"
        "type:      SubAccount\n"
        "user id:   100000000002\n"
        "can:       apply: list DNS domains (dnspod:DescribeDomainList)\n"
        "           deploy: list certificates (ssl:DescribeCertificates)\n"
    )


def test_what_it_can_not_do_is_said_with_where_to_look(
    tic: Tic, env: Clouds, cloud: TencentCloud
) -> None:  # B9
    new(tic, "prod")
    cloud.keys[KEY.id] = replace(KEY, denied=frozenset({"dnspod:DescribeDomainList"}))
    said = tic("creds", "verify", "prod")
    assert said.code == 0
    assert said.out.splitlines()[-1] == "can't:     apply: list DNS domains (dnspod:DescribeDomainList)"
    assert said.err == "  next: see what it has to be allowed: tic creds privileges tencentcloud\n"


def test_one_as_json(tic: Tic, env: Clouds) -> None:
    new(tic, "prod")
    said = tic("creds", "verify", "prod", "--json")
    assert (said.code, said.err) == (0, "")
    assert json.loads(said.out) == anything(
        name="prod", provider="tencentcloud", result="accepted", account="100000000001", cannot=[], error=None
    )


def test_a_rejected_one_fails_with_the_providers_code(tic: Tic, env: Clouds) -> None:
    new(tic, "prod", secret="cAnArY-wrong")
    said = tic("creds", "verify", "prod")
    assert said.code == 1
    error, following = refusal(said)
    assert error.startswith("tencentcloud rejects this credential: AuthFailure.SignatureFailure: ")
    assert error.endswith("(request 5a63903e690bcd18d9ddf5c2ca75e827)")
    assert following == "look at the key in the provider's console, then: tic creds rotate prod"
    as_json = tic("creds", "verify", "prod", "--json")
    assert as_json.code == 1
    assert json.loads(as_json.out) == anything(
        result="rejected", code="AuthFailure.SignatureFailure", request="5a63903e690bcd18d9ddf5c2ca75e827"
    )
    assert "cAnArY" not in said.out + said.err + as_json.out + as_json.err


def test_a_clock_that_is_off_is_said_with_how_far(tic: Tic, env: Clouds, cloud: TencentCloud) -> None:
    new(tic, "prod")
    cloud.now = lambda: datetime.now(UTC) - timedelta(hours=2)
    said = tic("creds", "verify", "prod", "--json")
    assert (said.code, json.loads(said.out)["result"]) == (1, "clock is off")
    assert json.loads(said.out)["clock_seconds"] == pytest.approx(7200, abs=60)


def test_all_are_asked_about_and_one_rejection_fails(tic: Tic, env: Clouds) -> None:  # B9
    new(tic, "prod")
    new(tic, "old", id_="AKIDGONE", secret="cAnArY-old")
    tic("creds", "new", "program", "--provider", "exec", "--field", "path=/bin/true")
    said = tic("creds", "verify", "--all")
    assert said.code == 1
    assert said.out.splitlines() == [
        "NAME     PROVIDER      RESULT         CAN'T  ACCOUNT       WHO",
        "program  exec          nobody to ask  -      -             -",
        "old      tencentcloud  rejected       -      -             -",
        f"prod     tencentcloud  accepted       0      100000000001  {WHO}",
    ]
    progress, rest = said.err.splitlines()[:3], said.err.splitlines()[3:]
    assert [line.split(" ")[2] for line in progress] == ["1/3", "2/3", "3/3"]
    assert {line.split(" ", 3)[3] for line in progress} == {
        "program: nobody to ask",
        "old: rejected",
        "prod: qcs::cam::uin/100000000001:uin/100000000002",
    }
    assert [line.partition(":")[0] for line in rest] == ["program", "  next", "old", "  next"]
    assert "cAnArY" not in said.out + said.err


def test_all_as_json(tic: Tic, env: Clouds) -> None:
    new(tic, "prod")
    tic("creds", "new", "program", "--provider", "exec", "--field", "path=/bin/true")
    said = tic("creds", "verify", "--all", "--json")
    assert said.code == 0
    assert [(one["name"], one["result"]) for one in json.loads(said.out)] == [
        ("program", "nobody to ask"),
        ("prod", "accepted"),
    ]


def test_no_credentials_are_no_failure(tic: Tic) -> None:
    said = tic("creds", "verify", "--all")
    assert (said.code, said.out) == (0, "")
    assert said.err.startswith("no credentials yet\n  next: tic creds new")
    assert json.loads(tic("creds", "verify", "--all", "--json").out) == []


def test_uses_and_answers_are_in_the_audit_log(tic: Tic, env: Clouds) -> None:  # B10
    new(tic, "prod")
    tic("creds", "verify", "prod")
    entries = json.loads(tic("audit", "list", "--json").out)
    last = [(one["action"], one["outcome"], one["name"]) for one in entries][-2:]
    assert last == [("credential.open", "done", "prod"), ("credential.verify", "done", "prod")]


@pytest.mark.parametrize("words", [(), ("prod", "--all")])
def test_one_or_all(tic: Tic, words: tuple[str, ...]) -> None:
    said = tic("creds", "verify", *words)
    assert (said.code, refusal(said)[0]) == (2, "one credential is named, or --all is given")


def test_one_that_is_not_there(tic: Tic) -> None:
    assert tic("creds", "verify", "nobody").code == 4


def test_one_that_nobody_can_be_asked_about(tic: Tic) -> None:
    tic("creds", "new", "program", "--provider", "exec", "--field", "path=/bin/true")
    said = tic("creds", "verify", "program")
    assert said.code == 3
    assert refusal(said)[0].startswith("nobody can be asked who a credential of the kind exec is")
