"""What a credential makes: for a run, what Pulumi's providers read; for a command, what any program reads."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from credentials import kinds
from credentials.credential import Credential, OpenedCredential, State
from credentials.delivery import (
    Clash,
    Delivery,
    NothingToDeliver,
    check_command,
    environment,
    for_command,
    for_run,
)
from credentials.files import UnfitFile
from credentials.secret import SecretBytes
from tests.credentials.examples import ways

KUBECONFIG = """
current-context: here
clusters: [{name: c, cluster: {server: https://k8s.example.com}}]
users: [{name: u, user: {token: the-token-in-it, password: the-password, client-key-data: aGVyZQ==}}]
contexts: [{name: here, context: {cluster: c, user: u}}]
"""


def opened(kind: str, name: str = "one", /, **fields: str) -> OpenedCredential:
    credential = Credential(
        id=1, token="tic_x", name=name, kind=kind, state=State.ACTIVE, version=1, scope="all",
        created_at=0, updated_at=0, last_used_at=None, last_used_for=None,
    )  # fmt: skip
    given = {field.replace("_", "-"): value for field, value in fields.items()}
    assert kinds.load(kind).checked(given) == given
    return OpenedCredential(
        credential, {field: SecretBytes(value.encode()) for field, value in given.items()}
    )


def shown(variables: Mapping[str, SecretBytes]) -> dict[str, str]:
    return {name: value.reveal().decode() for name, value in variables.items()}


def files(delivery: Delivery) -> dict[tuple[str, ...], str]:
    return {file.env: file.name for file in delivery.files}


AWS = opened("aws", access_key_id="AKIA", secret_access_key="s3cret-key", region="eu-west-1")


def test_a_run_gets_what_pulumis_provider_reads_and_nothing_else() -> None:
    """C2."""
    delivery = for_run([AWS, opened("alicloud", access_key="LTAI", secret_key="k")])
    assert shown(delivery.variables) == {
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "s3cret-key",
        "AWS_REGION": "eu-west-1",
        "ALICLOUD_ACCESS_KEY": "LTAI",
        "ALICLOUD_SECRET_KEY": "k",
    }
    assert delivery.files == ()
    assert set(delivery.secrets) == {b"s3cret-key", b"k"}


def test_a_command_gets_the_older_names_too() -> None:
    variables = shown(for_command([AWS]).variables)
    assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == "eu-west-1"


def test_a_command_gets_what_lego_reads_where_nothing_else_reads_the_kind() -> None:
    delivery = for_command([opened("rfc2136", nameserver="192.0.2.1", tsig_key="k.", tsig_secret="c2VjcmV0")])
    assert "c2VjcmV0" in shown(delivery.variables).values()
    assert for_run([opened("rfc2136", nameserver="192.0.2.1")]).variables == {}


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (opened("kubernetes", kubeconfig=KUBECONFIG), {("KUBECONFIG",): "kubeconfig"}),
        (opened("kubernetes", server="https://k", token="t"), {("KUBECONFIG",): "kubeconfig"}),
        (
            opened("container-registry", server="ghcr.io", username="me", password="p"),
            {("DOCKER_CONFIG",): "config.json", ("REGISTRY_AUTH_FILE",): "auth.json"},
        ),
        (opened("maven-settings", settings="<settings/>"), {("MAVEN_SETTINGS",): "settings.xml"}),
        (
            opened("maven-settings", server_id="nexus", username="me", password="p"),
            {("MAVEN_SETTINGS",): "settings.xml"},
        ),
        (
            opened("username-password", username="me", password="p", url="https://git.example.com"),
            {("NETRC",): "netrc"},
        ),
        (
            opened("jenkins", url="https://ci.example.com", username="me", api_token="t"),
            {("NETRC",): "netrc"},
        ),
    ],
)
def test_what_programs_read_from_a_file_is_a_file(
    given: OpenedCredential, made: dict[tuple[str, ...], str]
) -> None:
    """B6."""
    assert files(for_run([given])) == files(for_command([given])) == made


def test_the_docker_config_is_named_by_its_folder() -> None:
    delivery = for_run([opened("container-registry", server="ghcr.io", username="me", password="p")])
    assert {file.name: file.folder for file in delivery.files} == {"config.json": True, "auth.json": False}


def test_what_is_secret_inside_a_given_file_is_known() -> None:
    """C2. A provider that copies the token alone is noticed too."""
    assert {b"the-token-in-it", b"the-password", b"aGVyZQ=="} <= set(
        for_run([opened("kubernetes", kubeconfig=KUBECONFIG)]).secrets
    )
    settings = (
        "<settings><servers><server><id>a</id><password> a&amp;b </password></server></servers></settings>"
    )
    assert b"a&b" in for_run([opened("maven-settings", settings=settings)]).secrets


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("kubernetes", {"kubeconfig": "canary"}),
        ("maven-settings", {"settings": "canary"}),
        ("maven-settings", {"server-id": "nexus", "username": "me", "password": "canary${env.HOME}"}),
        ("container-registry", {"server": "ghcr.io", "username": "canary:x", "password": "p"}),
    ],
)
def test_what_no_program_could_read_is_refused_before_it_is_kept(kind: str, fields: dict[str, str]) -> None:
    """B1."""
    with pytest.raises(UnfitFile) as refused:
        kinds.load(kind).checked(fields)
    assert "canary" not in str(refused.value) + refused.value.hint


def test_a_file_that_became_unreadable_is_refused_where_it_is_used() -> None:
    kept = opened("kubernetes", kubeconfig=KUBECONFIG)
    with pytest.raises(UnfitFile):
        for_run([replace(kept, fields={"kubeconfig": SecretBytes(b"canary")})])


def test_a_command_keeps_the_users_environment_and_no_other_identity_of_the_kind() -> None:
    environ = {
        "PATH": "/bin", "TENCENTCLOUD_SECRET_ID": "another-cloud", "AWS_TTL": "60",
        "AWS_ACCESS_KEY_ID": "another", "AWS_SESSION_TOKEN": "another", "AWS_PROFILE": "another",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/another", "AWS_DEFAULT_REGION": "us-east-1",
    }  # fmt: skip
    assert environment(for_command([AWS]), environ, {}) == {
        "PATH": "/bin", "TENCENTCLOUD_SECRET_ID": "another-cloud", "AWS_TTL": "60",
        "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s3cret-key",
        "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1",
    }  # fmt: skip


def test_the_users_region_stays_where_the_credential_has_none() -> None:
    anywhere = opened("aws", access_key_id="AKIA", secret_access_key="s")
    made = environment(for_command([anywhere]), {"AWS_REGION": "eu-central-1"}, {})
    assert made["AWS_REGION"] == "eu-central-1"


def test_a_file_of_the_user_gives_way_to_the_credentials_own() -> None:
    delivery = for_command([opened("kubernetes", server="https://k", token="t")])
    made = environment(
        delivery, {"KUBECONFIG": "/home/me/.kube/config"}, {"KUBECONFIG": "/private/kubeconfig"}
    )
    assert made == {"KUBECONFIG": "/private/kubeconfig"}


def test_two_credentials_that_fill_one_variable_are_refused() -> None:
    another = opened("aws", "two", access_key_id="AKIB", secret_access_key="s3cret-key")
    with pytest.raises(Clash, match="AWS_ACCESS_KEY_ID") as refused:
        for_command([AWS, another])
    assert "AKI" not in str(refused.value).replace("AWS_ACCESS_KEY_ID", "")
    clusters = [opened("kubernetes", server=f"https://{name}", token="t") for name in "ab"]
    with pytest.raises(Clash, match="KUBECONFIG"):
        for_run(clusters)
    assert for_command([AWS, AWS]).variables == for_command([AWS]).variables


def test_what_can_stand_in_one_file_does() -> None:
    jenkins = opened("jenkins", url="https://ci.example.com", username="me", api_token="t")
    login = opened("username-password", username="you", password="p", url="https://git.example.com")
    (netrc,) = for_run([jenkins, login]).files
    assert [line.split()[1] for line in netrc.content.reveal().decode().splitlines()] == [
        "ci.example.com",
        "git.example.com",
    ]
    registries = [
        opened("container-registry", server=server, username="me", password="p")
        for server in ("ghcr.io", "docker.io")
    ]
    config, _auth = for_command(registries).files
    assert set(json.loads(config.content.reveal())["auths"]) == {"ghcr.io", "https://index.docker.io/v1/"}
    another = opened("username-password", username="other", password="p", url="https://git.example.com/other")
    with pytest.raises(Clash, match="NETRC"):
        for_command([login, another])
    same = opened("container-registry", server="index.docker.io", username="you", password="p")
    with pytest.raises(Clash, match="DOCKER_CONFIG"):
        for_command([registries[1], same])


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        (opened("username-password", username="me", password="p"), "tic creds rotate one --field url=VALUE"),
        (opened("dingtalk", token="abc"), "tic creds notify one MESSAGE"),
        (opened("acme-account", kid="k", hmac="c2VjcmV0LWhtYWM"), "tic creds kinds --kind acme-account"),
    ],
)
def test_what_makes_nothing_for_a_command_says_what_it_is_for(given: OpenedCredential, hint: str) -> None:
    with pytest.raises(NothingToDeliver) as refused:
        for_command([given])
    assert hint in refused.value.hint
    with pytest.raises(NothingToDeliver) as unopened:
        check_command(given.credential, given.fields)
    assert (str(unopened.value), unopened.value.hint) == (str(refused.value), refused.value.hint)


@pytest.mark.parametrize("kind", kinds.names())
def test_whether_a_credential_makes_anything_shows_without_opening_it(kind: str) -> None:
    """B10."""
    for way in ways(kinds.load(kind)):
        given = opened(kind, **way)
        assert makes(lambda one: for_command([one]), given) == makes(
            lambda one: check_command(one.credential, one.fields), given
        )


def makes(look: Callable[[OpenedCredential], object], given: OpenedCredential) -> bool:
    try:
        look(given)
    except NothingToDeliver:
        return False
    return True
