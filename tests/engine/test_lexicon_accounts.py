"""What the table says of lexicon's providers is what lexicon itself declares, and what the kinds have."""

import json
import subprocess
import sys

import pytest

from credentials import kinds
from credentials.secret import SecretBytes
from engine import dns_turns
from engine.dns_bindings import WITHOUT_MEMORY
from engine.lexicon_accounts import Way, account_of, ways
from engine.ways_to_delete import IN_MEMORY, WHOLE_NAME, client_can, console

ALL = [(kind, way) for kind, several in ways().items() for way in several]
NAMES = [f"{kind}-{number}" for number, (kind, _) in enumerate(ALL)]
# In a process of its own, as tic has it: parts of lexicon warn when they are only looked at.
ASKING = """
import json, sys
from argparse import ArgumentParser
from importlib import import_module
from lexicon.client import Client
from lexicon.config import ConfigResolver
answers = []
for provider, options in json.load(sys.stdin):
    parser = ArgumentParser(add_help=False)
    import_module(f"lexicon._private.providers.{provider}").Provider.configure_parser(parser)
    config = ConfigResolver().with_dict({"provider_name": provider, "domain": "a.test", provider: options})
    client = Client.__new__(Client)  # its maker asks the network for a list of suffixes
    client.config = config
    client._validate_provider()
    taken = {name: config.resolve(f"lexicon:{provider}:{name}") for name in options}
    answers.append([[action.dest for action in parser._actions], taken])
json.dump(answers, sys.stdout)
"""


def given(way: Way) -> dict[str, str]:
    return {name: f"the {name}" for name in way.options} | dict(way.constants)


@pytest.fixture(scope="module")
def answers() -> list[tuple[list[str], dict[str, str]]]:
    """Of each way, the options that lexicon's provider declares, and what it takes of those given."""
    asked = json.dumps([(way.provider, given(way)) for _, way in ALL])
    command = [sys.executable, "-I", "-c", ASKING]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    found: list[tuple[list[str], dict[str, str]]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("number", range(len(ALL)), ids=NAMES)
def test_lexicon_knows_the_provider_and_every_option(
    answers: list[tuple[list[str], dict[str, str]]], number: int
) -> None:
    _kind, way = ALL[number]
    declared, taken = answers[number]
    assert {*way.options, *way.constants} <= set(declared)
    assert taken == given(way)


@pytest.mark.parametrize(("kind", "way"), ALL, ids=NAMES)
def test_each_option_is_filled_by_a_field_of_the_kind(kind: str, way: Way) -> None:
    names = {one.name for one in kinds.load(kind).fields}
    assert set(way.options.values()) <= names
    required = {one.name for one in kinds.load(kind).fields if one.secret and one.required}
    assert required <= set(way.options.values())


def test_only_what_lego_can_not_withdraw_alone_is_left_to_lexicon() -> None:
    assert ways().keys() <= IN_MEMORY | WHOLE_NAME
    assert not WITHOUT_MEMORY & (IN_MEMORY | WHOLE_NAME)
    assert set(kinds.names()) >= IN_MEMORY | WHOLE_NAME


def test_whatever_waits_for_its_name_is_not_withdrawn_beside_others() -> None:
    one_at_a_time = {"acme-dns", "glesys", "nifcloud"}  # the second value is the trouble there, not the first
    assert dns_turns.WHOLE_NAME - one_at_a_time <= WHOLE_NAME


def test_what_nobody_deletes_by_value_is_told_with_its_console() -> None:
    """Where neither lego nor lexicon can, a person must know where."""
    by_hand = (IN_MEMORY | WHOLE_NAME) - ways().keys()
    assert {"liquidweb", "joker", "gcloud"} <= by_hand
    assert {kind for kind in IN_MEMORY - ways().keys() if console(kind) is None} <= {"liquidweb"}
    assert all(str(console(kind) or "https://").startswith("https://") for kind in kinds.names())


def fields(**given: str) -> dict[str, SecretBytes]:
    return {name.replace("_", "-"): SecretBytes(value.encode()) for name, value in given.items()}


def test_a_credential_becomes_the_account_of_its_way() -> None:
    cloudflare = kinds.load("cloudflare")
    token = account_of(cloudflare, fields(api_token="t"))
    key = account_of(cloudflare, fields(email="me@example.org", api_key="k"))
    assert token is not None
    assert (token.provider, token.options) == ("cloudflare", {"auth_token": "t"})
    assert key is not None
    assert key.options == {"auth_username": "me@example.org", "auth_token": "k"}
    assert "'t'" not in repr(token)
    ovh = account_of(kinds.load("ovh"), fields(application_key="a", application_secret="s", consumer_key="c"))
    assert ovh is not None
    assert ovh.options["auth_entrypoint"] == "ovh-eu"


def test_a_way_that_lexicon_does_not_know_is_none() -> None:
    assert account_of(kinds.load("cloudflare"), fields(api_token="t", zone_api_token="z")) is None
    assert account_of(kinds.load("ovh"), fields(client_id="i", client_secret="s")) is None
    assert account_of(kinds.load("rfc2136"), fields(nameserver="ns.example.org")) is None


@pytest.mark.parametrize(
    ("kind", "own", "others", "can"),
    [
        ("rfc2136", False, ["theirs"], True),
        ("pdns", False, ["theirs"], True),
        ("cloudflare", True, ["theirs"], True),
        ("cloudflare", False, [], False),  # lego knows records of its own process alone
        ("ns1", False, [], True),
        ("ns1", True, ["theirs"], False),  # lego deletes the whole set
        ("linode", False, ["theirs"], True),
    ],
)
def test_who_withdraws_is_decided_by_what_lego_does(
    kind: str, own: bool, others: list[str], can: bool
) -> None:
    assert client_can(kind, own=own, others=others) is can
