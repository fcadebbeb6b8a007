"""A kind: what it takes, what it refuses in which words, and the variables and files that it fills."""

from collections.abc import Mapping

import pytest

from credentials import kinds
from credentials.kinds import DeliveredFile, InvalidFields, UnknownKind
from credentials.secret import SecretBytes

VALID: Mapping[str, dict[str, str]] = {
    "acme-account": {"kid": "kid-1", "hmac": "c2VjcmV0LWhtYWM"},
    "alicloud": {"access-key": "LTAI", "secret-key": "s", "region": "cn-hangzhou"},
    "aws": {"access-key-id": "AKIA", "secret-access-key": "s"},
    "cloudflare": {"api-token": "t"},
    "exec": {"path": "/usr/local/bin/update-dns"},
    "httpreq": {"endpoint": "https://dns.example/api"},
    "rfc2136": {"nameserver": "192.0.2.1:5353", "tsig-key": "k.", "tsig-secret": "c2VjcmV0"},
    "tencentcloud": {"secret-id": "AKID", "secret-key": "s", "session-token": "t", "region": "ap-guangzhou"},
    "username-password": {"username": "me", "password": "correct horse"},
}


def secret(fields: Mapping[str, str]) -> dict[str, SecretBytes]:
    return {name: SecretBytes(value.encode()) for name, value in fields.items()}


def shown(environment: Mapping[str, SecretBytes]) -> dict[str, str]:
    return {name: value.reveal().decode() for name, value in environment.items()}


@pytest.mark.parametrize("name", sorted(VALID))
def test_every_kind_takes_what_it_asks_for(name: str) -> None:
    assert kinds.load(name).checked(VALID[name]) == VALID[name]


@pytest.mark.parametrize(
    ("name", "pulumi", "lego"),
    [
        (
            "tencentcloud",
            {
                "TENCENTCLOUD_SECRET_ID": "AKID",
                "TENCENTCLOUD_SECRET_KEY": "s",
                "TENCENTCLOUD_SECURITY_TOKEN": "t",
                "TENCENTCLOUD_REGION": "ap-guangzhou",
            },
            {
                "TENCENTCLOUD_SECRET_ID": "AKID",
                "TENCENTCLOUD_SECRET_KEY": "s",
                "TENCENTCLOUD_SESSION_TOKEN": "t",
                "TENCENTCLOUD_REGION": "ap-guangzhou",
            },
        ),
        (
            "alicloud",
            {"ALICLOUD_ACCESS_KEY": "LTAI", "ALICLOUD_SECRET_KEY": "s", "ALICLOUD_REGION": "cn-hangzhou"},
            {"ALICLOUD_ACCESS_KEY": "LTAI", "ALICLOUD_SECRET_KEY": "s", "ALICLOUD_REGION_ID": "cn-hangzhou"},
        ),
        (
            "aws",
            {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s"},
            {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1"},
        ),
        ("cloudflare", {"CLOUDFLARE_API_TOKEN": "t"}, {"CLOUDFLARE_DNS_API_TOKEN": "t"}),
        ("exec", {}, {"EXEC_PATH": "/usr/local/bin/update-dns"}),
        ("acme-account", {}, {}),
        ("username-password", {}, {}),
    ],
)
def test_the_variables_of_a_kind(name: str, pulumi: dict[str, str], lego: dict[str, str]) -> None:  # C2, D2
    kind, fields = kinds.load(name), secret(VALID[name])
    assert shown(kind.environment(fields)) == pulumi
    assert shown(kind.lego_environment(fields)) == lego


def test_a_region_of_its_own_wins_over_the_constant() -> None:
    fields = secret({**VALID["aws"], "region": "eu-central-1", "hosted-zone-id": "Z1"})
    assert shown(kinds.load("aws").lego_environment(fields))["AWS_REGION"] == "eu-central-1"


@pytest.mark.parametrize(
    ("name", "fields", "pulumi", "lego"),
    [
        ("azure", {"client-secret": "s"}, {"ARM_CLIENT_SECRET": "s", "AZURE_CLIENT_SECRET": "s"}, "env"),
        ("azure", {"identity": "managed"}, {"ARM_USE_MSI": "true"}, "msi"),
        ("azure", {"client-certificate": "PEM"}, {}, "env"),
    ],
)
def test_the_way_that_was_chosen_is_said(
    name: str, fields: dict[str, str], pulumi: dict[str, str], lego: str
) -> None:  # D4
    kind = kinds.load(name)
    assert shown(kind.environment(secret(fields))) == pulumi
    assert shown(kind.lego_environment(secret(fields)))["AZURE_AUTH_METHOD"] == lego
    assert "AZURE_AUTH_METHOD" in kind.lego_variables


def delivered(files: tuple[DeliveredFile, ...]) -> list[tuple[str, tuple[str, ...], bool]]:
    return [(one.name, one.env, one.folder) for one in files]


@pytest.mark.parametrize(
    ("name", "fields", "files"),
    [
        ("kubernetes", {"kubeconfig": "a: b"}, [("kubeconfig", ("KUBECONFIG",), False)]),
        ("kubernetes", {"server": "https://k", "token": "t"}, [("kubeconfig", ("KUBECONFIG",), False)]),
        (
            "container-registry",
            {"server": "ghcr.io", "username": "u", "password": "p"},
            [("config.json", ("DOCKER_CONFIG",), True), ("auth.json", ("REGISTRY_AUTH_FILE",), False)],
        ),
        ("maven-settings", {"settings": "<s/>"}, [("settings.xml", ("MAVEN_SETTINGS",), False)]),
        (
            "maven-settings",
            {"server-id": "i", "username": "u", "password": "p"},
            [("settings.xml", ("MAVEN_SETTINGS",), False)],
        ),
        ("username-password", {"username": "u", "password": "p"}, []),
        (
            "username-password",
            {"username": "u", "password": "p", "url": "https://a.example/"},
            [("netrc", ("NETRC",), False)],
        ),
        (
            "azure",
            {"client-certificate": "PEM"},
            [
                (
                    "client-certificate.pem",
                    ("ARM_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PATH"),
                    False,
                )
            ],
        ),
        ("tencentcloud", VALID["tencentcloud"], []),
    ],
)
def test_the_files_of_a_kind(
    name: str, fields: dict[str, str], files: list[tuple[str, tuple[str, ...], bool]]
) -> None:  # C2
    assert delivered(kinds.load(name).files(secret(fields))) == files


def test_a_file_holds_what_its_field_holds_and_no_repr_shows_it() -> None:
    (file,) = kinds.load("transip").lego_files(secret({"private-key": "line\nline\n"}))
    assert (file.name, file.env) == ("private-key.pem", ("TRANSIP_PRIVATE_KEY_PATH",))
    assert file.content.reveal() == b"line\nline\n"
    assert "line" not in repr(file)


@pytest.mark.parametrize(
    ("name", "fields", "problems"),
    [
        ("aws", {}, ["give access-key-id and secret-access-key, or credentials-file, or identity"]),
        ("aws", {**VALID["aws"], "profile": "p"}, ["credentials-file is missing"]),
        ("azure", {"client-secret": "s"}, ["client-id is missing", "tenant-id is missing"]),
        ("kubernetes", {"kubeconfig": "a\0"}, ["kubeconfig holds a control character (U+0000)"]),
        ("kubernetes", {"server": "https://k"}, ["token is missing"]),
        ("digitalocean", {"auth-token": "t", "ttl": "soon"}, ["ttl must be a whole number of seconds"]),
        ("aws", {"access-key-id": "a", "secret-access-key": ""}, ["secret-access-key is missing"]),
        ("aws", {**VALID["aws"], "colour": "red"}, ["colour is no field of it"]),
        (
            "tencentcloud",
            {"secretId": "a", "secret_key": "b"},
            [
                "secretId is no field of it (did you mean secret-id?)",
                "secret_key is no field of it (did you mean secret-key?)",
                "secret-id is missing",
                "secret-key is missing",
            ],
        ),
        ("aws", {**VALID["aws"], "AKIA3SECRET9": "red"}, ["one name is no field of it"]),
        (
            "aws",
            {**VALID["aws"], "secret-access-key": "a\nb"},
            ["secret-access-key holds a control character (U+000A)"],
        ),
        (
            "aws",
            {**VALID["aws"], "secret-access-key": "a\0"},
            ["secret-access-key holds a control character (U+0000)"],
        ),
        (
            "aws",
            {**VALID["aws"], "secret-access-key": "\ud800"},
            ["secret-access-key is not valid Unicode (it holds half of a surrogate pair)"],
        ),
        (
            "aws",
            {**VALID["aws"], "secret-access-key": "x" * 70000},
            ["secret-access-key has 70000 characters (65536 at most)"],
        ),
        ("aws", {**VALID["aws"], "secret-access-key": 5}, ["secret-access-key is not text"]),
        ("aws", {**VALID["aws"], "region": "a b"}, ["region must be the name of a region"]),
        ("cloudflare", {}, ["give api-token, or email and api-key"]),
        ("cloudflare", {"email": "a@b"}, ["api-key is missing"]),
        (
            "cloudflare",
            {"api-token": "t", "email": "a@b", "api-key": "k"},
            ["give only api-token, or email and api-key"],
        ),
        ("cloudflare", {"email": "a@b", "api-key": "k", "zone-api-token": "z"}, ["api-token is missing"]),
        ("rfc2136", {"nameserver": "ns", "tsig-key": "k"}, ["tsig-secret is missing"]),
        ("rfc2136", {"nameserver": "ns", "tsig-secret": "c2VjcmV0"}, ["tsig-key is missing"]),
        ("httpreq", {**VALID["httpreq"], "password": "p"}, ["username is missing"]),
        ("httpreq", {**VALID["httpreq"], "mode": "raw"}, ["mode must be default or RAW"]),
        ("exec", {"path": "update-dns"}, ["path must be an absolute path"]),
    ],
)
def test_every_fault_is_named_at_once_and_no_value(
    name: str, fields: dict[str, str], problems: list[str]
) -> None:
    with pytest.raises(InvalidFields) as refused:
        kinds.load(name).checked(fields)
    assert list(refused.value.problems) == problems
    assert "AKIA3SECRET9" not in str(refused.value)
    assert f"tic creds kinds --kind {name}" in refused.value.hint


@pytest.mark.parametrize(
    "server",
    [
        "ns",
        "ns.example.",
        "ns:53",
        "ns_1-a.example:65535",
        "192.0.2.1",
        "192.0.2.1:1",
        "::1",
        "[::1]",
        "[2001:db8::1]:53",
    ],
)
def test_servers_that_rfc2136_takes(server: str) -> None:
    assert kinds.load("rfc2136").checked({"nameserver": server})


@pytest.mark.parametrize(
    "server",
    [
        "ns:",
        "ns:x",
        "ns:0",
        "ns:65536",
        "127.0.0.1:99999",
        "ns:5³",
        "[::1]:0",
        "[::1]x",
        "[ns]:53",
        "[::1",
        "::g",
        "1:2:3",
        "fe80::1%eth0",
        "999.1.1.1",
        "10.1",
        "-ns",
        "ns-.example",
        "ns..example",
        "a" * 64,
        "a." * 130,
        "n$",
        "http://ns",
        "ns ",
        "ns/53",
    ],
)
def test_servers_that_rfc2136_refuses(server: str) -> None:
    with pytest.raises(InvalidFields, match="nameserver must be a host or host:port"):
        kinds.load("rfc2136").checked({"nameserver": server})


def test_old_variable_names_are_understood() -> None:  # D2
    found = kinds.load("cloudflare").from_environment({"CF_API_EMAIL": "a@b", "CF_API_KEY": "k", "HOME": "/"})
    assert found == {"email": "a@b", "api-key": "k"}
    assert kinds.load("rfc2136").from_environment({"RFC2136_NAMESERVER": "ns"}) == {"nameserver": "ns"}
    both = {"CF_DNS_API_TOKEN": "old", "CLOUDFLARE_API_TOKEN": "new", "CF_ZONE_API_TOKEN": ""}
    assert kinds.load("cloudflare").from_environment(both) == {"api-token": "new"}


@pytest.mark.parametrize(
    ("name", "given", "before", "carried"),
    [
        ("tencentcloud", ["secret-id", "secret-key"], ["secret-id", "secret-key", "region"], ["region"]),
        ("tencentcloud", ["secret-key"], ["secret-id", "secret-key"], []),
        ("rfc2136", ["tsig-secret"], ["nameserver", "tsig-key", "tsig-secret"], ["nameserver", "tsig-key"]),
        ("cloudflare", ["api-key"], ["email", "api-key"], ["email"]),
        ("cloudflare", ["api-token"], ["email", "api-key"], []),
        ("username-password", ["password"], ["username", "password"], ["username"]),
        ("aws", ["region"], ["region"], []),
        ("kubernetes", ["kubeconfig"], ["server", "token", "ca"], []),
        ("kubernetes", ["token"], ["server", "token", "ca"], ["server", "ca"]),
        ("digitalocean", ["auth-token"], ["auth-token", "ttl"], ["ttl"]),
    ],
)
def test_what_a_rotation_keeps(
    name: str, given: list[str], before: list[str], carried: list[str]
) -> None:  # B5
    assert list(kinds.load(name).carried(given, before)) == carried


@pytest.mark.parametrize("name", ["", "awss", "../secret", "AWS", "aws.toml", "a\0b"])
def test_an_unknown_kind_is_refused(name: str) -> None:
    with pytest.raises(UnknownKind) as refused:
        kinds.load(name)
    assert refused.value.hint == "see all kinds: tic creds kinds"


def test_a_close_name_is_suggested() -> None:
    with pytest.raises(UnknownKind, match="did you mean tencentcloud"):
        kinds.load("tencent-cloud")
