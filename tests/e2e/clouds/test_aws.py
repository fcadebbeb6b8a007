"""Route 53 through lego, whose every call is signed with SigV4, at moto behind a gate that checks it."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from credentials.roles import Source
from engine.missing_rights import PermissionMissing
from engine.role_tokens import token_of
from stacks.dns.worker import Limits
from tests.credentials.identity.asking import settle
from tests.credentials.roles.test_aws import AwsCloud
from tests.e2e.clouds.world import ZONE, CloudWorld, called_as_said, cloud_world, granted
from tests.emulators.aws import HOSTS
from tests.emulators.aws_dns import Route53, route53
from tests.emulators.aws_metadata import Instance
from tests.emulators.proxy import Handler
from tests.emulators.signing import Key

CALLED = (
    "route53:ListHostedZonesByName",
    "route53:ListResourceRecordSets",
    "route53:ChangeResourceRecordSets",
    "route53:GetChange",
)
METADATA = "169.254.169.254"
EXTERNAL_ID = "tic-" + secrets.token_hex(8)


def fields(key: Key) -> dict[str, str]:
    token = {"session-token": key.token} if key.token else {}
    return {"access-key-id": key.id, "secret-access-key": key.secret, **token}


@contextmanager
def there(folder: Path, *, instance: bool = False) -> Iterator[tuple[CloudWorld, Route53]]:
    """A world beside an account of AWS; on an instance, whose role may publish."""
    with route53() as api:
        handlers: dict[str, Handler] = dict.fromkeys(HOSTS, api)
        if instance:
            handlers[METADATA] = Instance("machine", api.account.session("machine", *CALLED))
        with cloud_world(folder, handlers, api.txt) as world:
            yield world, api


@pytest.mark.parametrize("temporary", [False, True], ids=["a user's key", "a session's key"])
def test_publishes_and_withdraws(tmp_path: Path, *, temporary: bool) -> None:  # D1, D4
    with there(tmp_path) as (world, api):
        api.zone(ZONE)
        made = api.account.session if temporary else api.account.user
        world.dns.bind("aws", fields(made("dns", *CALLED)))
        world.passes()


def test_it_calls_four_of_the_six_actions_that_it_is_granted(tmp_path: Path) -> None:  # D6
    with there(tmp_path) as (world, api):
        api.zone(ZONE)
        world.dns.bind("aws", fields(api.account.user("dns", *CALLED)))
        called = called_as_said("aws", world.calls(api.taken))
    assert called == set(CALLED)
    assert granted("aws", "Statement", "Action") - called == {
        "route53:ListHostedZones",
        "route53:GetHostedZone",
    }


@pytest.mark.parametrize("action", CALLED)
def test_the_action_that_a_key_lacks_is_named_with_the_policy_to_attach(
    tmp_path: Path, action: str
) -> None:  # D6
    with there(tmp_path) as (world, api):
        api.zone(ZONE)
        key = api.account.user("dns", *(one for one in CALLED if one != action))
        world.dns.bind("aws", fields(key), name="dns")
        world.seconds = 1.0
        refused = world.refusal()
        assert api.txt() == {} or action == "route53:ChangeResourceRecordSets"
    assert str(refused).startswith(f"dns (aws) lacks the permission {action}: route53 failed publishing ")
    assert "tic creds privileges aws --for apply --format policy" in refused.hint
    assert key.secret not in str(refused)


def test_a_hosted_zone_id_chooses_between_zones_of_one_name_and_saves_looking(tmp_path: Path) -> None:  # D4
    with there(tmp_path) as (world, api):
        api.zone(ZONE)
        meant = api.zone(ZONE)
        api.zone(ZONE, private=True)
        world.store = lambda: api.txt(meant)
        key = api.account.user("dns", *CALLED[1:])
        world.dns.bind("aws", {**fields(key), "hosted-zone-id": meant})
        with world.run() as broker:
            world.publish(broker)
            assert api.txt() == api.txt(meant) != {}
        assert api.txt() == {}
        assert set(api.calls) == set(CALLED[1:])


def test_a_change_that_is_on_its_way_is_waited_for(tmp_path: Path) -> None:  # D3
    with there(tmp_path) as (world, api):
        api.zone(ZONE)
        api.pending = 1
        world.dns.bind("aws", fields(api.account.user("dns", *CALLED)))
        world.passes()
        assert api.pending == 0
        assert api.calls.count("route53:GetChange") == 3


def test_what_may_not_be_waited_for_is_told_before_the_worker_is_stopped(tmp_path: Path) -> None:  # D6
    with there(tmp_path) as (world, api):
        api.zone(ZONE)
        world.seconds = 600
        world.dns.bind("aws", fields(api.account.user("dns", *CALLED[:-1])))
        with (
            world.run(limits=Limits(perform=16)) as broker,
            pytest.raises(PermissionMissing, match="GetChange"),
        ):
            world.publish(broker)
        assert world.there() == []


def test_other_values_at_the_name_stay(tmp_path: Path) -> None:  # D1, D5
    with there(tmp_path) as (world, api):
        api.zone(ZONE)
        world.dns.bind("aws", fields(api.account.user("dns", *CALLED)))
        with world.run() as broker:
            world.publish(broker, "one")
            world.publish(broker, "two")
            assert len(world.there()) == 2
            world.withdraw(broker, "one")
            assert len(world.there()) == 1
        assert world.there() == []


def trusting(user: Key, external_id: str) -> str:
    """The trust policy of a role that this user may take on with this external id."""
    condition = {"StringEquals": {"sts:ExternalId": external_id}}
    who = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": user.principal}}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**who, "Condition": condition}]})


def test_a_role_of_the_zones_account_is_taken_on_with_its_external_id(tmp_path: Path) -> None:  # D4
    with there(tmp_path) as (world, api):
        api.zone(ZONE)
        user = api.account.user("dns")
        role = api.account.role("zones", trusting(user, EXTERNAL_ID), *CALLED)
        world.dns.bind("aws", {**fields(user), "assume-role": role, "external-id": EXTERNAL_ID})
        world.passes()
        assert set(api.calls) == {"sts:AssumeRole", *CALLED}


def test_a_role_that_wants_another_external_id_is_told_as_a_missing_permission(tmp_path: Path) -> None:
    with there(tmp_path) as (world, api):
        api.zone(ZONE)
        user = api.account.user("dns", *CALLED)
        role = api.account.role("zones", trusting(user, EXTERNAL_ID), *CALLED)
        world.dns.bind("aws", {**fields(user), "assume-role": role, "external-id": "another"})
        refused = world.refusal()
    assert refused.actions == ("sts:AssumeRole",)
    assert refused.hint.startswith("let it do sts:AssumeRole (IAM console, ")
    assert "let the role's trust policy name who does" in refused.hint


@pytest.mark.slow  # the role is taken on by AWS's own SDK
def test_the_linked_role_is_taken_on_with_its_external_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # A10, D4
    with there(tmp_path) as (world, api):
        api.zone(ZONE)
        settle(monkeypatch, world.env)
        cloud = AwsCloud(api.account)
        with cloud.way("credential", tmp_path) as way:
            source = world.dns.vault.new("source", "aws", fields(cloud.key)).token
            role = replace(way.role, source=Source("credential", credential=source))
            world.dns.vault.linked.link(role)
            world.dns.bindings["aws"] = token_of("aws")
            world.passes()
        assert role.external_id
        assert role.external_id in cloud.policy
        assert api.account.used() == {"alice", "tic"}


def test_a_file_of_credentials_is_read_by_the_profile_that_is_named(tmp_path: Path) -> None:  # D4
    with there(tmp_path) as (world, api):
        api.zone(ZONE)
        key = api.account.user("dns", *CALLED)
        file = tmp_path / "credentials"
        file.write_text(f"[dns]\naws_access_key_id = {key.id}\naws_secret_access_key = {key.secret}\n")
        world.dns.bind("aws", {"credentials-file": str(file), "profile": "dns"})
        world.passes()


def test_an_instance_has_the_keys_of_its_role(tmp_path: Path) -> None:  # D4
    with there(tmp_path, instance=True) as (world, api):
        api.zone(ZONE)
        world.dns.bind("aws", {"identity": "instance"})
        world.passes()


def test_keys_come_before_the_file_and_the_file_before_the_instances_role(tmp_path: Path) -> None:  # D4
    """AWS's own order, of what one credential holds: its keys, its file, the role of the instance."""
    with there(tmp_path, instance=True) as (world, api):
        api.zone(ZONE)
        file = tmp_path / "credentials"
        file.write_text("[somebody]\n")
        world.dns.bind("aws", {"credentials-file": str(file)})
        world.passes()
        assert api.account.used() == {"machine"}
        key = api.account.user("of-file", *CALLED)
        file.write_text(f"[default]\naws_access_key_id = {key.id}\naws_secret_access_key = {key.secret}\n")
        world.passes()
        assert api.account.used() == {"of-file"}
        key = api.account.user("of-vault", *CALLED)
        world.dns.vault.rotate("aws", fields(key))
        world.passes()
        assert api.account.used() == {"of-vault"}


def test_keys_of_tics_own_environment_are_nobodys(tmp_path: Path) -> None:  # C2
    """Which credential is used is what the vault says; what is around a run takes no part."""
    with there(tmp_path) as (world, api):
        api.zone(ZONE)
        bound, around = api.account.user("dns", *CALLED), api.account.user("around")
        world.dns.bind("aws", fields(bound))
        file = tmp_path / "credentials"
        file.write_text(
            f"[default]\naws_access_key_id = {around.id}\naws_secret_access_key = {around.secret}\n"
        )
        variables = {
            "AWS_ACCESS_KEY_ID": around.id,
            "AWS_SECRET_ACCESS_KEY": around.secret,
            "AWS_SHARED_CREDENTIALS_FILE": str(file),
            "AWS_PROFILE": "default",
            "AWS_HOSTED_ZONE_ID": "ZNOTHING",
        }
        with world.run(variables) as broker:
            world.publish(broker)
            assert len(world.there()) == 1
        assert world.there() == []
