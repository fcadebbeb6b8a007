"""The permitted services of each provider's role are those that its least privileges name, and no others."""

from typing import Any

import pytest

from credentials import privileges, roles
from credentials.roles import UnknownRoleProvider
from credentials.roles.services import BadServicesFile, Service, parse, services

GOOD: dict[str, Any] = {
    "name": "dns",
    "label": "DNS",
    "purposes": ["apply"],
    "policies": [],
    "actions": ["dns:List"],
}


def test_every_provider_of_a_role_has_services() -> None:  # A5
    assert {provider: bool(services(provider)) for provider in roles.names()} == dict.fromkeys(
        roles.names(), True
    )


@pytest.mark.parametrize("provider", roles.names())
def test_a_role_is_permitted_what_its_least_privileges_grant(provider: str) -> None:  # A5
    for purpose in privileges.load(provider).purposes.values():
        serving = [one for one in services(provider) if purpose.name in one.purposes]
        assert {action for one in serving for action in one.actions} == granted(purpose.policy), purpose.name


@pytest.mark.parametrize("provider", roles.names())
def test_managed_policies_are_those_of_the_least_privileges(provider: str) -> None:  # A5
    for purpose in privileges.load(provider).purposes.values():
        named = {
            policy for one in services(provider) if purpose.name in one.purposes for policy in one.policies
        }
        assert named <= set(purpose.privileges)


@pytest.mark.parametrize("provider", roles.names())
def test_no_service_is_there_twice_or_holds_an_action_of_another(provider: str) -> None:
    found = services(provider)
    assert len({one.name for one in found}) == len(found)
    assert {one.name for one in found if not all(belongs(one, action) for action in one.actions)} == set()


def test_services_are_read_as_they_are_written() -> None:  # A5
    assert services("tencentcloud")[1] == Service(
        name="ssl",
        label="SSL Certificate Service",
        purposes=("deploy",),
        policies=("QcloudSSLFullAccess",),
        actions=(
            "ssl:DescribeCertificates",
            "ssl:DescribeCertificate",
            "ssl:DescribeCertificateDetail",
            "ssl:UploadCertificate",
            "ssl:CreateCertificateBindResourceSyncTask",
            "ssl:DescribeCertificateBindResourceTaskResult",
            "ssl:DeleteCertificate",
        ),
    )


def test_a_provider_without_roles_is_said_to_be_that() -> None:
    with pytest.raises(UnknownRoleProvider, match="'gandi' has no role that tic can take on") as caught:
        services("gandi")
    assert "tencentcloud" in caught.value.hint


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"more": 1}, "all of them and no more"),
        ({"name": None}, "all of them and no more"),
        ({"label": 1}, "label is not a str"),
        ({"purposes": []}, "its purposes are of apply, deploy, ecs"),
        ({"purposes": ["other"]}, "its purposes are of apply, deploy, ecs"),
        ({"actions": []}, "nothing is called"),
    ],
)
def test_a_file_that_breaks_its_schema_is_a_fault(change: dict[str, Any], fault: str) -> None:
    entry = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    with pytest.raises(BadServicesFile, match=f"cloud, 1: .*{fault}"):
        parse("[[cloud]]\n" + "".join(f"{key} = {value!r}\n" for key, value in entry.items()))


def test_a_file_that_is_no_list_is_a_fault() -> None:
    with pytest.raises(BadServicesFile, match="cloud: not a list of services"):
        parse("cloud = 1\n")


def granted(policy: Any) -> set[str]:
    """What a policy document grants, whatever its provider's form."""
    statements = (
        policy.get("Statement") or policy.get("statement") or policy.get("accessControlList") or [policy]
    )
    found: set[str] = set()
    for one in statements:
        found |= {*one.get("Action", ()), *one.get("action", ())}
        found |= {*one.get("Actions", ()), *one.get("DataActions", ())}
        found |= {f"{one['service']} {permission}" for permission in one.get("permission", ())}
    return found


def belongs(service: Service, action: str) -> bool:
    """Whether an action is one of this service's own."""
    return action.startswith((f"{service.name}:", f"{service.name}/", f"{service.name} "))
