"""D2: a record is timed by the credential, else by the record's own settings, else by the environment."""

import pytest

from credentials import kinds
from credentials.secret import SecretBytes
from engine.dns_clients import client
from engine.timing import Timing, TimingRefused, resolve
from stacks.dns.rfc2136 import DynamicUpdates
from stacks.dns.worker import LIMITS

CLOUDFLARE = kinds.load("cloudflare")


def test_the_credential_comes_before_the_record_and_the_record_before_the_environment() -> None:
    environ = {"CLOUDFLARE_TTL": "300", "CLOUDFLARE_POLLING_INTERVAL": "3", "CLOUDFLARE_HTTP_TIMEOUT": "9"}
    found = resolve(CLOUDFLARE, {"ttl": "600"}, {"ttl": 900, "polling-interval": 5}, environ)
    assert found.values == {"ttl": 600, "polling-interval": 5, "http-timeout": 9}


def test_what_nobody_said_is_left_to_the_provider() -> None:
    assert resolve(CLOUDFLARE, {}, {}, {}).values == {}


def test_older_names_of_the_environment_are_understood() -> None:
    assert resolve(kinds.load("rfc2136"), {}, {}, {"RFC2136_TTL": "30"}).seconds("ttl") == 30


def test_nothing_but_times_is_taken_from_the_environment() -> None:  # C2
    environ = {"CLOUDFLARE_DNS_API_TOKEN": "somebody-elses-token", "CLOUDFLARE_BASE_URL": "https://x.test"}
    assert resolve(CLOUDFLARE, {}, {}, environ).values == {}


@pytest.mark.parametrize(
    ("asked", "environ", "says"),
    [
        ({"ttl": 60}, {}, "the record's ttl must be 120 seconds or more"),
        ({"ttl": 120.5}, {}, "the record's ttl must be a whole number of seconds"),
        ({"dns-timeout": 5}, {}, "the record asks for dns-timeout, and cloudflare has no such setting"),
        ({}, {"CLOUDFLARE_TTL": "soon"}, "CLOUDFLARE_TTL must be a whole number of seconds"),
        ({}, {"CLOUDFLARE_TTL": "1"}, "CLOUDFLARE_TTL must be 120 seconds or more"),
        ({"polling-interval": 0}, {}, "the record's polling-interval must be 1 second or more"),
        ({"propagation-timeout": 0}, {}, "the record's propagation-timeout must be 1 second or more"),
        ({"propagation-timeout": -1}, {}, "propagation-timeout must be a whole number of seconds"),
        ({}, {"CLOUDFLARE_HTTP_TIMEOUT": "0"}, "CLOUDFLARE_HTTP_TIMEOUT must be 1 second or more"),
    ],
)
def test_what_the_provider_would_not_take_is_refused_beforehand(
    asked: dict[str, float], environ: dict[str, str], says: str
) -> None:
    with pytest.raises(TimingRefused) as refused:
        resolve(CLOUDFLARE, {}, asked, environ)
    assert says in str(refused.value)
    assert refused.value.hint


def test_records_may_be_published_without_a_pause_between_them() -> None:
    assert resolve(CLOUDFLARE, {}, {"sequence-interval": 0}, {}).seconds("sequence-interval") == 0


def test_no_credential_is_made_with_a_time_that_is_none() -> None:
    """A client takes no time at all for no limit, and looks that follow each other at once for a siege."""
    with pytest.raises(kinds.InvalidFields) as refused:
        kinds.load("exec").checked({"path": "/bin/true", "polling-interval": "0", "propagation-timeout": "0"})
    assert "polling-interval must be 1 second or more" in str(refused.value)
    assert "propagation-timeout must be 1 second or more" in str(refused.value)
    kinds.load("exec").checked({"path": "/bin/true", "sequence-interval": "0"})


def test_a_credential_with_less_than_the_provider_takes_is_refused_when_it_is_made() -> None:
    with pytest.raises(kinds.InvalidFields, match="ttl must be 120 seconds or more"):
        CLOUDFLARE.checked({"dns-api-token": "x" * 40, "ttl": "60"})


def test_every_provider_can_be_told_how_long_to_wait_and_how_often_to_look() -> None:
    asked = {"propagation-timeout": 30, "polling-interval": 1, "sequence-interval": 2}
    for name in kinds.names():
        if kinds.load(name).publishes_records:
            assert dict(resolve(kinds.load(name), {}, asked, {}).values) == asked, name


def test_dynamic_updates_keep_to_the_ttl() -> None:
    fields = {"nameserver": SecretBytes(b"192.0.2.1")}
    made = client(
        kinds.load("rfc2136"),
        fields,
        resolvers=(),
        timing=Timing({"ttl": 30, "dns-timeout": 7}),
        limits=LIMITS,
        machine={},
    )
    assert isinstance(made, DynamicUpdates)
    assert made.settings.ttl == 30
    assert made.seconds == 7
