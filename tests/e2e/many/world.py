"""A stack with many certificates: names in several zones of one BIND, which three credentials may update."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.command import Tic
from tests.servers.bind import Bind, TsigKey, Zone, bind
from tests.servers.pebble import Pebble, pebble

SLOTS = ("", "second", "third")
PROGRAM = """
from pathlib import Path

import pulumi
from stacks.resources import Account, IssuedCertificate

ca = {{"directory_url": {directory!r}, "ca_certificates": Path({ca_file!r}).read_text()}}
account = Account("account", **ca)
serials = {{
    name: IssuedCertificate(
        name, **ca, domains=[name], provider=provider, nameservers=[{nameserver!r}],
        account_uri=account.account_uri, account_key_pem=account.private_key_pem,
    ).serial
    for name, provider in {names!r}
}}
pulumi.export("serials", serials)
"""
# For the exec provider: it adds a value, and clears the name. It writes down when each call ends.
PUBLISHES = """#!{python} -I
import sys
import dns.query, dns.update
action, name, value = sys.argv[1:]
zone = ".".join(name.rstrip(".").split(".")[-2:])
update = dns.update.UpdateMessage(zone)
if action == "present":
    update.add(name, 1, "TXT", value)
else:
    update.delete(name, "TXT")
answer = dns.query.tcp(update, {host!r}, port={port}, timeout=5)
assert answer.rcode() == 0, answer
with open({log!r}, "a") as log:
    log.write(f"{{action}} {{name}}\\n")
"""


@dataclass(frozen=True, slots=True)
class Many:
    """`tic` runs in the project `many` in `folder`; `names` go with the provider that publishes for them."""

    tic: Tic
    bind: Bind
    ca: Pebble
    folder: Path
    names: Sequence[tuple[str, str]]
    keys: Sequence[TsigKey] = field(repr=False)

    def bind_keys(self) -> None:
        """A credential for each key, and the stack `dev` bound to all of them."""
        for number, key in enumerate(self.keys):
            public = {"nameserver": self.bind.address, "tsig-key": key.name, "tsig-algorithm": key.algorithm}
            self.tic(
                "creds", "new", f"dns{number}", "--provider", "rfc2136",
                *(word for each in public.items() for word in ("--field", "=".join(each))),
                "--secrets-from", "-", stdin=json.dumps({"tsig-secret": key.secret}),
            )  # fmt: skip
        self.tic("stack", "new", "dev", "--provider", "rfc2136")
        self.bind_slots()

    def bind_slots(self) -> None:
        """The first credential serves by itself, each other one in its slot; `destroy` ends that."""
        for number, slot in enumerate(SLOTS[: len(self.keys)]):
            words = ("--as", slot) if slot else ()
            self.tic("stack", "bind", "many/dev", f"dns{number}", *words)

    def bind_program(self) -> Path:
        """A program publishes as well; returns where it writes its calls down."""
        log, path = self.folder.parent / "calls", self.folder.parent / "publish"
        host, port = self.bind.host, self.bind.port
        path.write_text(PUBLISHES.format(python=sys.executable, host=host, port=port, log=str(log)))
        path.chmod(0o700)
        self.tic("creds", "new", "program", "--provider", "exec", "--field", f"path={path}")
        self.tic("stack", "bind", "many/dev", "program")
        return log

    def serials(self) -> dict[str, str]:
        """The certificate of each name."""
        outputs = self.tic("stack", "outputs", "many/dev", "--json").json()["serials"]
        assert isinstance(outputs, dict)
        return outputs


def provider(slot: str) -> str:
    """What a certificate says for the key in this slot."""
    return f"rfc2136:{slot}" if slot else "rfc2136"


@contextmanager
def many(folder: Path, names: int, zones: int, *, programs: int = 0) -> Iterator[Many]:
    """`names` spread over `zones`; each zone has one of the keys, but for the last `programs` of them, which
    a program publishes for. `retry_after` of the CA is one second.
    """
    keys = [TsigKey(f"key{number}") for number in range(len(SLOTS) - bool(programs))]
    kept = [keys[number % len(keys)] if number < zones - programs else None for number in range(zones)]
    served = [Zone(f"zone{number}.test", key) for number, key in enumerate(kept)]
    by = [provider(SLOTS[keys.index(key)]) if key else "exec" for key in kept]
    spread = [(f"name{each}.zone{each % zones}.test", by[each % zones]) for each in range(names)]
    work = folder / "work"
    work.mkdir()
    with ExitStack() as servers:
        server = servers.enter_context(bind(folder, served))
        ca = servers.enter_context(
            pebble(folder, dns=server.address, reuse_authorizations=0, reject_nonces=0)
        )
        tic = Tic(folder / "home", work, {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"})
        tic("vault", "init")
        (work / "Pulumi.yaml").write_text("name: many\nruntime: python\n")
        given = {"directory": ca.directory_url, "ca_file": str(ca.ca_file), "nameserver": server.address}
        (work / "__main__.py").write_text(PROGRAM.format(names=spread, **given))
        yield Many(tic, server, ca, work, spread, keys)
