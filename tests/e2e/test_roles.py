"""A1-A10 through the command line, the same for every cloud whose role can be linked."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from credentials import roles
from credentials.roles import Reason
from engine import role_linking
from tests.cli.command import Tic
from tests.credentials.roles.signed_cloud import SignedCloud
from tests.credentials.roles.test_alicloud import AlibabaRoles
from tests.credentials.roles.test_tencentcloud import TencentRoles
from tests.e2e.role_world import CLOUDS, RoleWorld, role_world
from tests.emulators.proxy import Request, Response
from tests.emulators.signing import Key

# Some SDKs take the time with utcnow(), which Python 3.12 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning")

ELSEWHERE = Key("AKOFELSEWHERE", "cAnArY-of-elsewhere", "9999999999", "bob")


@pytest.fixture(
    params=[
        *(pytest.param((name, True), id=name) for name in sorted(CLOUDS)),
        *(
            pytest.param((name, False), id=f"{name}-process", marks=pytest.mark.soak)
            for name in sorted(CLOUDS)
        ),
    ]
)
def there(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[RoleWorld]:
    """One vault beside one cloud; the commands run in this process, in the soak each in one of its own."""
    name, here = request.param
    run = Tic(tmp_path / "home", monkeypatch, capsys) if here else None
    with role_world(name, tmp_path, monkeypatch, run) as made:
        yield made


def test_nothing_is_made_without_authorization_and_both_ways_out_are_named(there: RoleWorld) -> None:  # A1
    refused = there.new_stack(code=3)
    assert f"needs {there.provider}" in refused.err
    assert f"tic creds new NAME --provider {there.provider}" in refused.err
    assert f"tic role enable {there.provider}" in refused.err
    assert there.json("stack", "list") == []


def test_a_role_is_enabled_only_by_taking_it_on(there: RoleWorld) -> None:  # A2
    there.settle(there.keyless)
    there.cloud.delete_role()
    refused = there.enable(code=1)
    module = roles.provider(there.provider)
    assert module.console(None) in refused.err
    assert f"tic role policy {there.provider} --trust" in refused.err
    assert f"tic role policy {there.provider} --for apply" in refused.err
    assert there.way is not None
    if there.way.role.external_id:
        assert there.way.role.external_id in refused.err
    assert there.linked(code=1)["state"] == "authorizing"
    if there.way.identity is None:
        there.new_stack(code=3)
    there.cloud.create_role()
    enabled = there.enable()
    assert "is Enabled: it was taken on as" in enabled.err
    assert there.linked()["state"] == "enabled"
    made = there.new_stack()
    assert f"{there.provider}: bound to its linked role" in made.err
    assert there.served_by() == "role"


def test_what_it_prints_is_what_the_role_needs(there: RoleWorld) -> None:  # A2
    there.settle()
    there.cloud.forget_trust()
    there.enable(code=1)
    trust = there("role", "policy", there.provider, "--trust")
    there.cloud.attach(trust.out)
    there.enable()
    for purpose in ("apply", "deploy"):
        assert there("role", "policy", there.provider, "--for", purpose).out.strip()


def test_waiting_ends_when_the_role_is_there(there: RoleWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    there.settle()  # A2
    there.cloud.delete_role()
    before = len(there.clouds.requests)
    there.enable(code=1)
    each = len(there.clouds.requests) - before
    monkeypatch.setattr(role_linking, "PAUSE_SECONDS", 0)
    appears_after(there, each)
    waited = there.enable("--wait")
    assert "not yet: " in waited.err
    assert "waiting for it" in waited.err
    assert "is Enabled" in waited.err
    assert there.linked()["state"] == "enabled"


def test_a_role_is_not_disabled_while_a_stack_uses_it_and_never_deleted(there: RoleWorld) -> None:  # A3
    there.settle(there.keyless)
    there.enable()
    there.new_stack()
    refused = there("role", "disable", there.provider, "--yes", code=3)
    assert "site/dev" in refused.err
    assert "tic stack destroy site/dev" in refused.err
    assert there.linked()["state"] == "enabled"
    there("stack", "remove", "site/dev", "--yes")
    asked = len(there.clouds.requests)
    disabled = there("role", "disable", there.provider, "--yes")
    assert "the role itself is still there" in disabled.err
    assert len(there.clouds.requests) == asked
    assert there.json("role", "status") == []
    there.enable()


def test_a_deleted_role_shows_before_any_run_and_comes_back(there: RoleWorld) -> None:  # A4
    there.settle(there.keyless)
    there.enable()
    there.new_stack()
    there.cloud.delete_role()
    lost(there, there.cloud.reasons.get("delete_role", Reason.ROLE_GONE))
    there.cloud.create_role()
    is_back(there)


def test_a_role_without_trust_shows_before_any_run_and_comes_back(there: RoleWorld) -> None:  # A4
    there.settle()
    there.enable()
    there.new_stack()
    trust = there("role", "policy", there.provider, "--trust").out
    there.cloud.forget_trust()
    lost(there, there.cloud.reasons.get("forget_trust", Reason.TRUST_GONE))
    there.cloud.attach(trust)
    is_back(there)


def test_the_services_of_its_role_are_listed(there: RoleWorld) -> None:  # A5
    services = there.json("role", "services", there.provider)
    assert {purpose for one in services for purpose in one["purposes"]} >= {"apply", "deploy"}
    assert all(one["provider"] == there.provider and one["label"] and one["actions"] for one in services)
    every = there.json("role", "services")
    assert [one for one in every if one["provider"] == there.provider] == services
    shown = there("role", "services", there.provider).out
    assert all(one["service"] in shown for one in services)


def test_no_credential_is_made_beside_an_enabled_role(there: RoleWorld) -> None:  # A6
    there.settle()
    there.enable()
    before = there.credentials()
    refused = there.new_credential("another", code=3)
    assert f"the linked role of {there.provider} is enabled" in refused.err
    there.cloud.delete_role()
    there("role", "status", code=1)
    there.new_credential("another", code=3)
    assert there.credentials() == before
    there("role", "disable", there.provider, "--yes")
    there.new_credential("another")


def test_clearing_moves_every_stack_to_the_role(there: RoleWorld) -> None:  # A7
    there.settle()
    there.new_credential("second")
    there.new_stack("dev")
    there.new_stack("other")
    there("stack", "bind", "site/other", "second")
    refused = there("creds", "clear", there.provider, "--yes", code=3)
    assert f"tic role enable {there.provider}" in refused.err
    assert there.credentials() == {"first", "second"}
    there.enable()
    there("stack", "bind", "site/dev", "second")
    if there.cloud.usual == "credential":
        refused = there("creds", "clear", there.provider, "--yes", code=3)
        assert "--keep-source" in refused.err
    assert (there.served_by("dev"), there.served_by("other")) == ("second", "second")
    cleared = there("creds", "clear", there.provider, "--keep-source", "--yes")
    assert "site/dev, site/other" in cleared.err
    assert (there.served_by("dev"), there.served_by("other")) == ("role", "role")
    assert there.credentials() == ({"first"} if there.cloud.usual == "credential" else set())
    assert there.linked()["stacks"] == ["site/dev", "site/other"]


def test_a_machine_or_a_token_needs_no_key_at_all(there: RoleWorld) -> None:  # A2, A7
    if there.keyless == "credential":
        return
    there.new_credential("old")
    there.new_stack()
    there.settle(there.keyless)
    enabled = there.enable("--source", there.keyless)
    assert ("metadata service" if there.keyless == "metadata" else "OIDC token in") in enabled.err
    there("creds", "clear", "--yes")
    assert there.credentials() == set()
    assert there.served_by() == "role"
    there("role", "disable", there.provider, "--yes", code=3)


def test_a_deleted_credentials_stacks_fall_back_to_the_role(there: RoleWorld) -> None:  # A8
    there.settle()
    there.new_credential("second")
    there.new_stack()
    for name in ("first", "second"):
        there("stack", "bind", "site/dev", name)
        refused = there("creds", "delete", name, "--yes", code=3)
        assert "tic stack destroy site/dev" in refused.err
    there("creds", "activate", "second")
    there("stack", "bind", "site/dev", "first")
    refused = there("creds", "delete", "second", "--yes", code=3)
    assert "Active" in refused.err
    there("creds", "activate", "first")
    there("stack", "bind", "site/dev", "second")
    there.enable()
    deleted = there("creds", "delete", "second", "--yes")
    assert "site/dev" in deleted.err
    assert there.served_by() == "role"


def test_nothing_falls_back_to_a_role_that_failed(there: RoleWorld) -> None:  # A8
    there.settle()
    there.new_credential("second")
    there.new_stack()
    there("stack", "bind", "site/dev", "second")
    there.enable()
    there.cloud.delete_role()
    there("role", "status", code=1)
    there("creds", "delete", "second", "--yes", code=3)
    refused = there("creds", "clear", there.provider, "--keep-source", "--yes", code=3)
    assert f"tic role reauthorize {there.provider}" in refused.err
    assert there.served_by() == "second"


def test_a_stack_keeps_the_credential_that_it_is_bound_to(there: RoleWorld) -> None:  # A9
    there.settle()
    there.new_credential("second")
    there.new_stack()
    enabled = there.enable()
    assert f"tic creds clear {there.provider}" in enabled.err
    assert there.served_by() == "first"
    there.new_stack("other")
    assert there.served_by("other") == "role"
    bound = there("stack", "bind", "site/other", "second")
    assert "uses credential second" in bound.err
    assert (there.served_by(), there.served_by("other")) == ("first", "second")
    account = there.linked()["account"]
    assert account
    verified = there.json("creds", "verify", "second")
    assert verified["account"] in (account, "")  # "": the provider does not tell
    assert account in there("role", "status").out


def test_no_stack_changes_accounts_unawares(there: RoleWorld) -> None:  # A9
    if not isinstance(there.cloud, SignedCloud | AlibabaRoles | TencentRoles):
        return  # its emulator has one account
    there.cloud.emulator.keys[ELSEWHERE.id] = ELSEWHERE
    there.settle()
    id_, secret = sorted(there.key, key=lambda name: name == "secret-key")
    there.new_credential("elsewhere", {id_: ELSEWHERE.id, secret: ELSEWHERE.secret})
    there.new_stack()
    there("stack", "bind", "site/dev", "elsewhere")
    there.enable()
    verified = there.json("creds", "verify", "elsewhere")
    for words in (("delete", "elsewhere"), ("clear", there.provider, "--keep-source")):
        if not verified["account"]:  # the provider does not tell whose key it is
            break
        refused = there("creds", *words, "--yes", code=3)
        assert ELSEWHERE.account in refused.err
        assert there.linked()["account"] in refused.err
        assert "site/dev" in refused.err
        assert there.served_by() == "elsewhere"
    told = there("creds", "delete", "elsewhere", "--yes", "--other-account")
    assert "warning: " in told.err
    assert "site/dev" in told.err
    assert there.served_by() == "role"


def test_a_role_of_another_account_than_its_source_takes_no_stack_unawares(there: RoleWorld) -> None:  # A9
    if not isinstance(there.cloud, SignedCloud | AlibabaRoles | TencentRoles):
        return
    there.settle()
    there.new_stack()
    there.enable()
    source = there.cloud.emulator.keys[next(iter(there.cloud.emulator.keys))]
    there.cloud.emulator.keys[source.id] = replace(source, account=ELSEWHERE.account)
    if not there.json("creds", "verify", "first")["account"]:
        return
    refused = there("creds", "clear", there.provider, "--keep-source", "--yes", code=3)
    assert ELSEWHERE.account in refused.err
    assert there.served_by() == "first"


def test_no_temporary_key_is_kept_or_shown(there: RoleWorld) -> None:  # A10
    there.settle()
    there.enable()
    there.new_stack()
    there("role", "status")
    there.cloud.delete_role()
    there("role", "status", code=1)
    there.cloud.create_role()
    there("role", "reauthorize", there.provider)
    there("role", "policy", there.provider, "--trust")
    there.said.append(json.dumps(there.json("audit", "list")))
    secrets = there.lent()
    assert len(secrets) > 3
    files = {str(path): path.read_bytes() for path in sorted(there.home.rglob("*")) if path.is_file()}
    files |= {str(path): path.read_bytes() for path in there.folder.rglob("*") if path.name != "token"}
    texts = {**files, **{f"command {number}": text.encode() for number, text in enumerate(there.said)}}
    for secret in secrets:
        for form in (secret.encode(), base64.b64encode(secret.encode())):
            assert [place for place, text in texts.items() if form in text] == []


def lost(there: RoleWorld, reason: Reason) -> None:
    """The role that serves site/dev is shown as it is, and stays linked."""
    shown = there("role", "status", code=1)
    assert "Authorization failed" in shown.out
    assert "site/dev" in shown.out
    assert reason.value in shown.err
    assert f"tic role reauthorize {there.provider}" in shown.err
    linked = there.linked(code=1)
    assert (linked["state"], linked["stacks"]) == ("failed", ["site/dev"])
    assert reason.value in there("role", "reauthorize", there.provider, code=1).err


def is_back(there: RoleWorld) -> None:
    """One command, and the stack is served as before; nobody edited it."""
    back = there("role", "reauthorize", there.provider)
    assert "is Enabled again" in back.err
    assert "it serves: site/dev" in back.err
    assert there.linked()["state"] == "enabled"
    assert there.served_by() == "role"


def appears_after(there: RoleWorld, requests: int) -> None:
    """Let somebody make the role once the cloud has answered so many requests more."""
    handlers = dict(there.clouds.handlers)
    left = requests

    def counted(request: Request) -> Response:
        nonlocal left
        answer = handlers[request.host](request)
        left -= 1
        if left == 0:
            there.cloud.create_role()
        return answer

    there.clouds.handlers = dict.fromkeys(handlers, counted)
