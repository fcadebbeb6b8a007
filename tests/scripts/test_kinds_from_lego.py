"""The script that writes kind files: what it takes from lego, and what stays as it was written by hand."""

import sys
from pathlib import Path

import pytest

from credentials.kinds import Kind
from credentials.kinds.reader import parse
from scripts import kinds_from_lego

DESCRIPTION = """
Name = "Example DNS"
URL = "https://dns.example"
Code = "example"
[Configuration]
[Configuration.Credentials]
EXAMPLE_API_USER = "API user"
EXAMPLE_API_KEY = "API key."
'default credentials' = "in words"
[Configuration.Additional]
EXAMPLE_HTTP_TIMEOUT = "API request timeout in seconds (Default: 30)"
EXAMPLE_TTL = "The TTL of the TXT record in seconds (Default: 120)"
EXAMPLE_ENDPOINT = "API endpoint URL"
EXAMPLE_SANDBOX = "Activate the sandbox (boolean)"
"""
CODE = """
const (
	envNamespace = "EXAMPLE_"
	EnvAPIUser = envNamespace + "API_USER"
	EnvAPIKey  = envNamespace + "API_KEY"
)
const minTTL = 60

func NewDNSProvider() (*DNSProvider, error) {
	values, err := env.Get(EnvAPIUser, EnvAPIKey)
	return NewDNSProviderConfig(config)
}

func (d *DNSProvider) Sequential() time.Duration { return 0 }
"""


@pytest.fixture
def lego(tmp_path: Path) -> Path:
    """A lego with one provider."""
    folder = tmp_path / "lego" / "providers" / "dns" / "example"
    folder.mkdir(parents=True)
    (folder / "example.toml").write_text(DESCRIPTION, encoding="utf-8")
    (folder / "example.go").write_text(CODE, encoding="utf-8")
    (folder / "example_test.go").write_text("const minTTL = 1", encoding="utf-8")
    return tmp_path / "lego"


@pytest.fixture
def kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where kind files are written, in place of the catalogue."""
    folder = tmp_path / "kinds"
    folder.mkdir()
    monkeypatch.setattr(kinds_from_lego, "KINDS", folder)
    return folder


def written(lego: Path, kinds: Path, choices: str, monkeypatch: pytest.MonkeyPatch) -> Kind:
    (kinds.parent / "choices.toml").write_text(choices, encoding="utf-8")
    monkeypatch.setattr(kinds_from_lego, "CHOICES", kinds.parent / "choices.toml")
    monkeypatch.setattr(sys, "argv", ["kinds_from_lego.py", str(lego)])
    kinds_from_lego.main()
    return parse("mine", (kinds / "mine.toml").read_text(encoding="utf-8"))


def test_a_kind_comes_from_description_and_code(
    lego: Path, kinds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = written(lego, kinds, '[mine]\nlego = "example"', monkeypatch)
    assert (kind.label, kind.where_to_get, kind.dns) == ("Example DNS", "https://dns.example", "example")
    assert kind.sequential
    assert [one.name for one in kind.fields] == [
        *("api-user", "api-key", "endpoint", "sandbox", "ttl", "http-timeout"),
    ]
    user, key, endpoint, sandbox, ttl, timeout = kind.fields
    assert (user.label, user.secret, user.required, user.lego) == (
        "API user",
        False,
        True,
        ("EXAMPLE_API_USER",),
    )
    assert (key.label, key.secret, key.required, key.tuning) == ("API key", True, True, False)
    assert (endpoint.tuning, endpoint.expects) == (True, "a URL that begins with https:// or http://")
    assert (sandbox.tuning, sandbox.choices) == (True, ("true", "false"))
    assert (ttl.seconds, ttl.default, ttl.label) == (
        True, "120", "TTL of challenge records, in seconds, at least 60",
    )  # fmt: skip
    assert (timeout.seconds, timeout.default) == (True, "30")


def test_the_choices_say_what_lego_does_not(lego: Path, kinds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choices = """
    [mine]
    lego = "example"
    label = "Mine"
    one-of = [["api-key"], ["identity"]]
    skip = ["EXAMPLE_SANDBOX"]
    renamed-prefix = ["EXAMPLE_", "OLD_"]
    unread = ["EXAMPLE_DEBUG"]
    [mine.fields.api-user]
    required = false
    needs = ["api-key"]
    [[mine.added]]
    name = "identity"
    label = "Identity"
    choices = ["machine"]
    """
    kind = written(lego, kinds, choices, monkeypatch)
    user, key, identity, *tuning = kind.fields
    assert kind.one_of == (("api-key",), ("identity",))
    assert (user.required, user.needs, user.aliases) == (False, ("api-key",), ("OLD_API_USER",))
    assert (key.required, identity.choices) == (False, ("machine",))
    assert [one.name for one in tuning] == ["endpoint", "ttl", "http-timeout", "debug"]
    assert (tuning[-1].lego, tuning[-1].aliases) == ((), ("EXAMPLE_DEBUG",))


def test_what_is_written_by_hand_stays(lego: Path, kinds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_hand = """label = "Cloud"
where-to-get = "a page"
purpose = ["cloud", "dns"]
dns = "example"

[[fields]]
name = "key"
label = "Key"
required = true
"""
    (kinds / "mine.toml").write_text(by_hand, encoding="utf-8")
    choices = '[mine]\nlego = "example"\ntuning-only = true'
    for _ in range(2):
        kind = written(lego, kinds, choices, monkeypatch)
        assert (kinds / "mine.toml").read_text(encoding="utf-8").startswith(by_hand)
        assert [one.name for one in kind.fields] == ["key", "ttl", "http-timeout"]
