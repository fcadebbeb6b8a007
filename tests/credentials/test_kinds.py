"""The catalogue: every kind can be read, says what it needs, and fills the right variables."""

import json
import subprocess
import sys
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials import kinds
from credentials.kinds import InvalidFields, UnknownKind
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


def test_these_kinds_are_there() -> None:  # B6
    assert set(kinds.names()) >= set(VALID)


@pytest.mark.parametrize("name", kinds.names())
def test_every_kind_can_be_read_and_asks_for_something(name: str) -> None:
    kind = kinds.load(name)
    assert kind.name == name
    assert kind.label
    assert all(one.label and one.where_to_get for one in kind.fields)
    assert kind.missing(()) or kind.undecided(()), "an empty credential would be valid"
    assert any(one.secret for one in kind.fields) or name in ("exec",)


@pytest.mark.parametrize("name", sorted(VALID))
def test_every_kind_takes_what_it_asks_for(name: str) -> None:
    assert kinds.load(name).checked(VALID[name]) == VALID[name]


@pytest.mark.parametrize("name", kinds.names())
def test_no_kind_fills_a_variable_that_changes_more_than_its_provider(name: str) -> None:
    for one in kinds.load(name).fields:
        for variable in one.variables:
            assert not variable.endswith(("_FILE", "_PROXY", "PATH", "_CERT_DIR")) or variable == "EXEC_PATH"
            assert not variable.startswith(("LD_", "PYTHON", "PULUMI_", "TIC_", "SSL_"))


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


@pytest.mark.parametrize("name", [name for name in kinds.names() if kinds.load(name).dns])
def test_lego_asks_for_the_variables_that_the_kind_fills(name: str) -> None:  # D2
    """lego, configured with nothing, names what it misses; what the kind fills satisfies it."""
    pytest.importorskip("lego_bridge")
    kind = kinds.load(name)
    configured = {}
    for title, environment in (("empty", {}), ("full", shown(kind.lego_environment(secret(VALID[name]))))):
        request = json.dumps(
            {"action": "configure", "provider": kind.dns, "credentials": environment, "nameservers": []}
        )
        done = subprocess.run(
            [sys.executable, "-c", "import lego_bridge, sys; print(lego_bridge.cmd(sys.stdin.read()))"],
            input=request,
            env={},
            capture_output=True,
            text=True,
            check=True,
        )
        configured[title] = json.loads(done.stdout)
    assert configured["full"] == {"success": True}
    if name != "aws":  # which also looks for a profile or an instance role, when it is used
        wanted = [one for field in kind.fields if field.required for one in field.lego]
        assert all(variable in configured["empty"]["error"] for variable in wanted), configured["empty"]


@pytest.mark.parametrize(
    ("name", "fields", "problems"),
    [
        ("aws", {}, ["access-key-id is missing", "secret-access-key is missing"]),
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


@given(
    st.sampled_from(kinds.names()),
    st.dictionaries(st.text(max_size=20), st.text(max_size=50), max_size=4),
    st.data(),
)
def test_any_input_is_taken_or_refused_in_words(
    name: str, extra: dict[str, str], data: st.DataObject
) -> None:
    kind = kinds.load(name)
    fields = data.draw(
        st.dictionaries(st.sampled_from([one.name for one in kind.fields]), st.text(max_size=30))
    )
    try:
        kept = kind.checked({**fields, **extra})
    except InvalidFields as refused:
        shown = str(refused)
    else:
        shown = "taken"
        assert all(kept.values())
        assert not kind.missing(kept)
    assert shown.isprintable()
