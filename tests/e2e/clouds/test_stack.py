"""A whole way through a cloud: a key in the vault, a stack, a real CA's certificate for apex and wildcard."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from tests.e2e.clouds.world import ZONE, name_server
from tests.e2e.command import Tic, setting
from tests.emulators.alicloud import HOSTS
from tests.emulators.alicloud_dns import Alidns
from tests.emulators.proxy import clouds
from tests.emulators.signing import Key
from tests.servers.pebble import pebble

pytestmark = pytest.mark.server

SECRET = "canary-" + secrets.token_hex(16)
KEY = Key("LTAIkey", SECRET, "1000", "dns", denied=frozenset({"alidns:AddDomainRecord"}))
DOMAINS = (ZONE, f"*.{ZONE}")


@contextmanager
def there(folder: Path, api: Alidns) -> Iterator[Tic]:
    """`tic` beside the cloud, with the key in its vault and the stack `site`, never run."""
    work = folder / "work"
    work.mkdir()
    with (
        clouds(dict.fromkeys(HOSTS, api)) as env,
        name_server(api.txt) as names,
        pebble(folder, dns=names.address, reuse_authorizations=0) as ca,
    ):
        tic = Tic(folder / "home", work, dict(env))
        tic("vault", "init")
        key = json.dumps({"secret-key": SECRET})
        fields = ("--field", f"access-key={KEY.id}", "--secrets-from", "-")
        tic("creds", "new", "dns", "--provider", "alicloud", *fields, stdin=key)
        tic(
            "stack", "new", "site", "--template", "certificate",
            *setting("domains", DOMAINS),
            *setting("directory", ca.directory_url),
            *setting("caFile", str(ca.ca_file)),
            *setting("nameservers", [names.address]),
            *setting("deployDirectory", str(work / "deployed")),
        )  # fmt: skip
        yield tic


def test_what_a_key_may_not_is_named_and_once_it_may_the_certificate_is_there(tmp_path: Path) -> None:
    """C2, D1, D5, D6."""
    api = Alidns([KEY])
    api.products.domains[KEY.account] = {ZONE}
    with there(tmp_path, api) as tic:
        refused = tic("stack", "up", "site", code=1)
        assert "dns (alicloud) lacks the permission alidns:AddDomainRecord: " in refused.err
        assert "tic creds privileges alicloud --for apply --format policy" in refused.err
        assert SECRET not in refused.out + refused.err
        assert api.txt() == {}
        api.keys[KEY.id] = replace(KEY, denied=frozenset())
        tic("stack", "up", "site")
        assert api.txt() == {}
        pem = (tmp_path / "work" / "deployed" / "cert.pem").read_bytes()
        names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        assert set(names.value.get_values_for_type(x509.DNSName)) == set(DOMAINS)
        tic("stack", "destroy", "site", "--yes")
    assert {action for _, action in api.calls} >= {"AddDomainRecord", "DeleteDomainRecord"}
