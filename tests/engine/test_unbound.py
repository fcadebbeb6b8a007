"""A1: what failed for want of a credential is told with the provider's name and both ways out."""

import pytest

from engine import unbound
from engine.bindings import Binding
from engine.events import Diagnostic

URN = "urn:pulumi:dev::site::{}::x"


def failed(type_: str = "", message: str = "failed") -> Diagnostic:
    return Diagnostic("error", message, URN.format(type_) if type_ else "")


def told(bound: list[Binding], *errors: Diagnostic, serving: tuple[str, ...] = ()) -> list[str]:
    return [notice.message for notice in unbound.notices("site/dev", bound, errors, serving)]


@pytest.mark.parametrize(
    "error",
    [
        failed("alicloud:dns/alidnsRecord:AlidnsRecord"),
        failed("my:component:Site$alicloud:vpc/network:Network"),
        failed("pulumi:providers:alicloud"),
        failed(message="invoke of alicloud:index/getCallerIdentity:getCallerIdentity failed"),
        failed("pulumi:pulumi:Stack", "could not configure pulumi:providers:alicloud"),
    ],
)
def test_a_provider_that_failed_unbound_is_named_with_both_ways_out(error: Diagnostic) -> None:
    (said,) = told([], error)
    assert "stack site/dev is bound to nothing for alicloud" in said
    assert "tic creds new NAME --provider alicloud" in said
    assert "tic role enable alicloud --role ROLE" in said
    assert "tic stack bind site/dev --provider alicloud" in said


def test_what_the_vault_has_is_the_first_way() -> None:
    (said,) = told([], failed("alicloud:vpc/network:Network"), serving=("alicloud",))
    assert "bind what the vault has for it: tic stack bind site/dev --provider alicloud" in said
    assert "creds new" not in said


def test_a_slot_alone_serves_instances_that_say_so() -> None:
    (said,) = told([Binding("alicloud:prod", "p", "tic_p")], failed("alicloud:vpc/network:Network"))
    assert "of alicloud it has prod alone" in said


def test_nothing_is_said_of_what_is_bound_or_takes_no_credential() -> None:
    own = Binding("alicloud", "a", "tic_a")
    assert told([own], failed("alicloud:vpc/network:Network")) == []
    assert told([], failed("random:index/randomId:RandomId"), failed("", "no route: a:b"), failed()) == []


def test_each_provider_is_named_once() -> None:
    assert len(told([], *[failed("alicloud:vpc/network:Network")] * 3, failed("aws:s3/bucket:Bucket"))) == 2
