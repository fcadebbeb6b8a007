"""The catalogue against lego itself: what lego misses, a kind asks for, and what a kind gives is enough.

lego's settings are variables of its process, and stay. So one process is asked about every provider with
nothing set, one about the first way of each kind, one about the second way, and so on.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from credentials import kinds
from credentials.kinds import Kind
from credentials.secret import SecretBytes
from tests.credentials.examples import ways

pytest.importorskip("lego_bridge")

ASK = """
import json, os, sys, lego_bridge
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # some providers print warnings
for line in sys.stdin:
    answers.write(lego_bridge.cmd(line) + "\\n")
"""
# Configuring these asks the network, so whether it succeeds is not the catalogue's to say.
NEEDS_NETWORK = {
    "azure": "gets a token and looks for the zones",
    "designate": "logs in",
    "huaweicloud": "asks for the id of the region's project",
    "namecheap": "looks for this machine's public address",
    "rackspace": "logs in",
}
# Where lego, with nothing set, does not name the variables that the kind asks for.
SAYS_OTHERWISE = {
    "aws": None,  # it looks for a file and a role when it is used
    "lightsail": None,
    "acme-dns": "ACME_DNS_API_BASE",  # then where the accounts are
    "azure": "AZURE_TENANT_ID",  # the first of them
    "dnsimple": "OAuth token is missing",
    "edgedns": "unable to load config from environment",
    "gandiv5": "credentials information are missing",
    "gcloud": "project name missing",
    "ovh": "application_key/application_secret, client_id/client_secret, or access_token",
    "vegadns": "VEGADNS_URL",  # the key is missed when it is used
}
DNS = [one for one in map(kinds.load, kinds.names()) if one.dns is not None]


def ask(requests: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Any]]:
    """What lego says to each kind's variables, by kind; one process, which knows nothing of this one."""
    asked: list[dict[str, Any]] = [
        {"action": "configure", "provider": kinds.load(name).dns, "credentials": variables, "nameservers": []}
        for name, variables in requests.items()
    ]
    done = subprocess.run(
        [sys.executable, "-I", "-c", ASK],
        input="\n".join(map(json.dumps, asked)),
        env={"HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return dict(zip(requests, map(json.loads, done.stdout.splitlines()), strict=True))


@cache
def with_nothing() -> dict[str, dict[str, Any]]:
    return ask({one.name: {} for one in DNS if one.name != "azure"})


def required(kind: Kind) -> set[str]:
    """The variables of what a kind asks for, whatever the way, but for what a constant fills."""
    return {
        variable
        for field in kind.fields
        if field.required
        for variable in (field.lego[:1] or field.file_lego[:1])
    }


def of_ways(kind: Kind) -> set[str]:
    """The variables of the fields that make up its ways."""
    names = {name for way in ways(kind) for name in way}
    return {name for one in kind.fields if one.name in names for name in (*one.lego, *one.file_lego)}


@pytest.mark.parametrize("kind", [one for one in DNS if one.name != "azure"], ids=lambda one: one.name)
def test_lego_misses_what_the_kind_asks_for(kind: Kind) -> None:  # D2
    answer = with_nothing()[kind.name]
    if kind.name in SAYS_OTHERWISE:
        expected = SAYS_OTHERWISE[kind.name]
        assert answer["success"] is (expected is None)
        assert expected is None or expected in answer["error"]
        return
    missed = set(re.findall(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b", answer["error"]))
    assert missed <= kind.lego_variables
    if kind.one_of:
        assert required(kind) <= missed | of_ways(kind)
        assert missed <= of_ways(kind) | {"CLOUDFLARE_ZONE_API_TOKEN"}  # which the other token does as well
    else:
        assert missed - kind.lego_constants == required(kind)


@cache
def with_way(number: int, folder: Path) -> dict[str, dict[str, Any]]:
    requests = {}
    for kind in DNS:
        way = dict(enumerate(ways(kind))).get(number)
        if way is not None and kind.name not in NEEDS_NETWORK and "identity" not in way:
            requests[kind.name] = environment(kind, way, folder)
    return ask(requests)


def environment(kind: Kind, way: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The variables of a credential, the private files written as a delivery writes them."""
    fields = {name: SecretBytes(value.encode()) for name, value in way.items()}
    variables = {name: value.reveal().decode() for name, value in kind.lego_environment(fields).items()}
    for file in kind.lego_files(fields):
        path = folder / f"{kind.name}-{file.name}"
        path.write_bytes(file.content.reveal())
        variables |= dict.fromkeys(file.env, str(path))
    return variables


def every_way() -> Iterator[tuple[str, int]]:
    for kind in DNS:
        for number, way in enumerate(ways(kind)):
            if kind.name not in NEEDS_NETWORK and "identity" not in way:
                yield kind.name, number


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lego")


@pytest.mark.parametrize(("name", "number"), list(every_way()))
def test_what_a_kind_gives_is_enough_for_lego(name: str, number: int, folder: Path) -> None:  # D2, D4
    assert with_way(number, folder)[name] == {"success": True}
