"""A10: real runs of stacks that a linked role serves, against clouds whose sessions are short."""

import base64
import json
import os
import re
import sqlite3
import sys
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import dns.name
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
import pytest
from moto.route53.models import route53_backends

from tests.credentials.roles.test_aws import AwsCloud
from tests.e2e.command import setting
from tests.e2e.role_world import RoleWorld, role_world
from tests.emulators.aws import ACCOUNT
from tests.emulators.proxy import Request, Response
from tests.servers.bind import Bind, TsigKey
from tests.servers.pebble import Pebble

pytestmark = pytest.mark.server

PLUGIN = Path(__file__).parents[1] / "plugins" / "caller.py"
SHORT_SECONDS = 4  # a session is renewed at half of it, so what it gives lives for long enough to be used
LONGER_SECONDS = 6  # a DNS client takes longer to start and to ask
OWN_KEYS = "[default]\naws_access_key_id = AKIAOFTHEUSER\naws_secret_access_key = canary-of-the-user\n"
PROGRAM = """
import pulumi
class Call(pulumi.CustomResource):
    def __init__(self, name, **given):
        outputs = dict.fromkeys(("seen", "found", "names", "copied"))
        super().__init__("caller:index:Call", name, {{**given, **outputs}})
call = Call({name!r}, **{given!r})
pulumi.export("seen", call.seen)
pulumi.export("found", call.found)
pulumi.export("names", call.names)
"""


class Site:
    """The stack site/dev, which an AWS role serves, and whose provider has keys as AWS's SDK finds them."""

    def __init__(self, there: RoleWorld, cloud: AwsCloud) -> None:
        self.there, self.cloud = there, cloud

    def program(self, name: str = "one", *, keys: int = 1, **given: object) -> None:
        """What the stack is to be: one call."""
        text = PROGRAM.format(name=name, given={"keys": keys, **given})
        (self.there.folder / "__main__.py").write_text(text)

    def up(self, *, code: int = 0) -> str:
        """Run it; what was said."""
        return self.there("stack", "up", "site/dev", code=code).err

    def outputs(self) -> Mapping[str, list[str]]:
        """What the call saw."""
        outputs = self.there.json("stack", "outputs", "site/dev")
        assert isinstance(outputs, dict)
        return outputs

    def end_sessions_after(self, seconds: int) -> None:
        """Let this cloud's sessions be shorter than they are asked to be."""
        roles = self.cloud.cloud.roles
        noted = roles.noted

        def shortly(form: Mapping[str, str], answer: bytes) -> bytes:
            return noted({**form, "DurationSeconds": str(seconds)}, answer)

        roles.noted = shortly  # type: ignore[method-assign]

    def lent(self) -> list[str]:
        """The secrets of every session."""
        return self.there.lent()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pulumi_command: Path) -> Iterator[Site]:
    plugins, user = tmp_path / "bin", tmp_path / "user"
    plugins.mkdir()
    plugin = plugins / "pulumi-resource-caller"
    plugin.write_text(f'#!/bin/sh\nexec {sys.executable} {PLUGIN} "$@"\n')
    plugin.chmod(0o755)
    (user / ".aws").mkdir(parents=True)
    (user / ".aws" / "credentials").write_text(OWN_KEYS)
    search = os.pathsep.join([str(plugins), str(pulumi_command.parent), os.environ["PATH"]])
    monkeypatch.setenv("PATH", search)
    monkeypatch.setenv("HOME", str(user))
    with role_world("aws", tmp_path, monkeypatch) as there:
        assert isinstance(there.cloud, AwsCloud)
        (there.folder / "Pulumi.yaml").write_text("name: site\nruntime: python\n")
        made = Site(there, there.cloud)
        made.program()
        there.settle("metadata")
        there.enable()
        there.new_stack()
        yield made


def test_a_provider_of_others_gets_its_keys_from_the_broker_and_from_nowhere_else(site: Site) -> None:
    site.up()
    outputs = site.outputs()
    assert outputs["found"] == ["container-role"]
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} & set(outputs["names"])
    assert "AKIAOFTHEUSER" not in outputs["seen"]
    assert set(outputs["seen"]) <= set(site.cloud.cloud.roles.taken)


def test_a_run_three_times_as_long_as_a_session_succeeds(site: Site) -> None:
    site.end_sessions_after(SHORT_SECONDS)
    begun = datetime.now(UTC)
    site.program(keys=10)
    site.up()
    seen = site.outputs()["seen"]
    ends = [site.cloud.cloud.roles.taken[one].ends for one in seen]
    assert len(seen) == len(set(seen)) == 10
    assert (datetime.now(UTC) - begun).total_seconds() > 3 * SHORT_SECONDS
    assert sum(one < datetime.now(UTC) for one in ends) >= 3  # what it began with is long over


def test_a_session_that_can_not_be_renewed_fails_the_run_with_the_reason(site: Site) -> None:  # A4
    site.cloud.delete_role()
    refused = site.up(code=1)
    assert "can't be taken on" in refused
    assert site.there.linked(code=1)["state"] == "failed"
    site.cloud.create_role()
    site.there("role", "reauthorize", "aws")
    site.up()


def test_sessions_are_named_after_stack_and_run(site: Site) -> None:
    before = set(site.cloud.session_names())
    site.up()
    site.program("two")
    site.up()
    names = set(site.cloud.session_names()) - before
    assert len(names) == 2
    assert all(re.fullmatch(r"tic-site-dev-[0-9a-f]{8}", name) for name in names)


def test_what_a_provider_echoes_of_a_session_is_sealed(site: Site) -> None:
    site.end_sessions_after(SHORT_SECONDS)
    site.program(keys=3, copy=True)
    said = site.up()
    assert "it is kept sealed" in said
    site.there.said += [
        site.there("stack", "show", "site/dev", "--json").out,
        site.there("stack", "history", "site/dev", "--json").out,
        json.dumps(site.there.json("audit", "list")),
    ]
    assert len(site.lent()) > 6
    assert leaking(site) == []


@pytest.fixture
def certified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_bind: Bind, tsig_key: TsigKey
) -> Iterator[Site]:
    """A vault without any key; Route 53, where a role may change records, is what BIND answers."""
    with role_world("aws", tmp_path, monkeypatch) as there:
        assert isinstance(there.cloud, AwsCloud)
        route53_backends[ACCOUNT]["aws"].create_hosted_zone("example.test.", False, None, None, None, None)
        answered = there.clouds.handlers["route53.amazonaws.com"]

        def published(request: Request) -> Response:
            answer = answered(request)
            if answer.status == 200 and request.method == "POST" and "/rrset" in request.path:
                publish(own_bind, tsig_key, request.body)
            return answer

        there.clouds.handlers = {**there.clouds.handlers, "route53.amazonaws.com": published}
        there.settle("metadata")
        there.enable()
        yield Site(there, there.cloud)


def test_a_certificate_is_issued_without_any_key_while_sessions_end(
    certified: Site, own_bind: Bind, own_pebble: Pebble
) -> None:  # A2, A10
    there, deployed = certified.there, certified.there.folder / "deployed"
    before = set(certified.cloud.cloud.roles.taken)
    made = there(
        "stack", "new", "cert", "--template", "certificate",
        *setting("domains", ["example.test", "*.example.test"]),
        *setting("directory", own_pebble.directory_url),
        *setting("caFile", str(own_pebble.ca_file)),
        *setting("nameservers", [own_bind.address]),
        *setting("deployDirectory", str(deployed)),
    )  # fmt: skip
    assert "aws: bound to its linked role" in made.err
    certified.end_sessions_after(LONGER_SECONDS)
    there("stack", "up", "cert")
    assert (deployed / "cert.pem").exists()
    assert own_bind.every_txt() == {}
    taken = [one for id_, one in certified.cloud.cloud.roles.taken.items() if id_ not in before]
    narrowed = [json.loads(one.policy) for one in taken if one.policy is not None]
    assert narrowed
    assert {one["Sid"] for policy in narrowed for one in policy["Statement"]} == {"ApplyDns01"}
    assert leaking(certified) == []
    assert there.credentials() == set()


def publish(server: Bind, key: TsigKey, changes: bytes) -> None:
    """Let the name server answer what was changed at Route 53."""
    name = "{https://route53.amazonaws.com/doc/2013-04-01/}"
    keyring = dns.tsigkeyring.from_text({key.name: (key.algorithm, key.secret)})
    for change in ET.fromstring(changes).iter(f"{name}Change"):  # noqa: S314 - of tic's own
        update = dns.update.UpdateMessage(
            "example.test.", keyring=keyring, keyname=dns.name.from_text(key.name)
        )
        where = dns.name.from_text(change.findtext(f".//{name}Name", ""))
        update.delete(where, "TXT")
        if change.findtext(f"{name}Action") != "DELETE":
            for value in change.iter(f"{name}Value"):
                update.add(where, 1, "TXT", value.text or "")
        answer = dns.query.tcp(update, server.host, port=server.port, timeout=5)
        assert answer.rcode() == dns.rcode.NOERROR, answer


def leaking(site: Site) -> list[str]:
    """Where a secret of a session is, as it is or in base64."""
    forms = [form for one in site.lent() for form in (one.encode(), base64.b64encode(one.encode()))]
    said = [("printed", text.encode()) for text in site.there.said]
    return [place for place, text in (*texts(site), *said) if any(form in text for form in forms)]


def texts(site: Site) -> Iterator[tuple[str, bytes]]:
    """Everything that is kept, and what of it is compressed as it was before."""
    for path in (*site.there.home.rglob("*"), *site.there.folder.rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()
    with closing(sqlite3.connect(site.there.home / "tic.db")) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in connection.execute(f"SELECT * FROM {name}"):  # noqa: S608 - from the schema
                for value in row:
                    if isinstance(value, bytes):
                        with suppress(zlib.error):  # not compressed
                            yield f"a row of {name}", zlib.decompress(value)
