"""A certificate in an Azure key vault: its own ways, besides what every target in place promises."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from credentials import privileges
from stacks.errors import StackError
from stacks.provider.deploy.azure_key_vault import DELETE, IMPORT, READ, RECOVER, AzureKeyVault
from stacks.provider.deploy.bundle import bundle
from stacks.provider.deploy.key_vault_form import pfx
from stacks.provider.properties import Change
from tests.emulators.azure import LOGIN, Application
from tests.emulators.azure_identities import SERVICE_PATH, Machine
from tests.emulators.azure_key_vault import URL, VAULT, KeyVault
from tests.emulators.oidc import Issuer
from tests.emulators.proxy import Handler
from tests.stacks.provider.acme.chains import Chain, chain
from tests.stacks.provider.deploy.placed import Placed, placed
from tests.stacks.provider.deploy.promises import CANARY, At, Named, NeedsPackage, Promises, renewal

TENANT = "11111111-0000-4000-8000-00000000aaaa"
CLIENT = "22222222-0000-4000-8000-00000000bbbb"
APPLICATION = Application(CLIENT, "33333333-0000-4000-8000-00000000cccc", TENANT, secret=CANARY)
AUDIENCE = "api://AzureADTokenExchange"
IDENTITY, HEADER = "identity.test", "header-of-this-service"


@dataclass(slots=True)
class AtKeyVault:
    vault: KeyVault
    place: Placed

    def has(self) -> dict[str, str]:
        return {f"{URL}/certificates/{name}": one.sha256 for name, one in self.vault.kept.items()}

    def put(self, made: Chain) -> str:
        name = f"theirs-{len(self.vault.kept)}"
        self._put(name, made, {})
        return f"{URL}/certificates/{name}"

    def swap(self, id_: str, made: Chain) -> None:
        self._put(name_of(id_), made, self.vault.kept[name_of(id_)].tags)

    def _put(self, name: str, made: Chain, tags: dict[str, str]) -> None:
        given = {"certificatePem": made.certificate, "chainPem": made.intermediate, "privateKeyPem": made.key}
        content, password = pfx(bundle(given, "a vault"))
        self.vault.put(name, content, password, tags=tags)

    def lose(self, id_: str) -> None:
        self.vault.deleted[name_of(id_)] = self.vault.kept.pop(name_of(id_))

    def deny(self, *actions: str) -> None:
        self.vault.denied = set(actions)

    def taken(self) -> list[str]:
        return self.vault.taken()


def name_of(id_: str) -> str:
    return id_.rpartition("/")[2]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator[AtKeyVault]:
    vault = KeyVault(APPLICATION)
    machine = Machine(vault.issue_for_vaults, lambda: vault.now(), header=HEADER)
    machine.system = CLIENT
    others: dict[str, Handler] = {LOGIN: vault, IDENTITY: machine}
    with placed(monkeypatch, AzureKeyVault(), vault, (VAULT,), others, vaultUrl=URL) as place:
        place.bind(client_id=CLIENT, tenant_id=TENANT, client_secret=CANARY)
        yield AtKeyVault(vault, place)


class TestAzureKeyVault(Promises, Named, NeedsPackage):
    WRITE = IMPORT
    DELETE = DELETE
    SDK = "azure.keyvault.certificates"
    EXTRA = "azure"

    def granted(self, at: At, action: str) -> bool:
        return action in privileges.load("azure").purposes["deploy"].policy["DataActions"]


def test_services_get_the_whole_chain_and_may_take_the_key(at: AtKeyVault) -> None:
    at.place.up(chain("a.test"))
    assert at.place.id == f"{URL}/certificates/site"
    stored = at.vault.kept["site"]
    assert stored.links == 2
    assert stored.policy["key_props"]["exportable"] is True
    assert stored.policy["key_props"]["kty"] == "EC"
    assert stored.policy["key_props"]["crv"] == "P-256"
    assert stored.policy["secret_props"]["contentType"] == "application/x-pkcs12"
    assert stored.tags == {"tic": "proj/dev/site"}


def test_each_renewal_is_a_version_and_the_same_again_is_none(at: AtKeyVault) -> None:
    at.place.up(chain("a.test", key_type="rsa2048"))
    made = renewal(2)
    at.place.up(made)
    at.place.up(made)
    at.place.lose()
    at.place.up(made)
    assert at.vault.kept["site"].versions == 2


def test_a_name_that_somebody_else_has_is_not_taken(at: AtKeyVault) -> None:
    theirs = at.put(chain("theirs.test"))
    with pytest.raises(StackError, match="did not put there") as refused:
        at.place.up(chain("a.test"), certificateName=name_of(theirs))
    assert refused.value.exit_code == 3
    assert f"--id {theirs} --tags tic=proj/dev/site" in refused.value.hint
    at.lose(theirs)
    with pytest.raises(StackError, match="deleted but not yet purged"):
        at.place.up(chain("a.test"), certificateName=name_of(theirs))
    assert at.has() == {}
    at.vault.deleted[name_of(theirs)].tags["tic"] = "proj/dev/site"
    state = at.place.up(chain("a.test"), certificateName=name_of(theirs))
    assert at.has() == {theirs: state["fingerprint"]}


def test_what_was_destroyed_is_recovered_by_the_next_up(at: AtKeyVault) -> None:
    at.place.up(chain("a.test"))
    id_ = at.place.id
    at.place.destroy()
    assert at.has() == {}
    at.deny(RECOVER)
    with pytest.raises(StackError, match="recover/action"):
        at.place.up(renewal(2))
    at.deny()
    state = at.place.up(renewal(2))
    assert at.has() == {id_: state["fingerprint"]}


def test_naming_what_it_is_called_replaces_nothing(at: AtKeyVault) -> None:
    made = chain("a.test")
    at.place.up(made)
    assert at.place.diff(made, certificateName="site") == {"certificateName": Change.UPDATE}
    assert at.place.diff(made, certificateName="other") == {"certificateName": Change.REPLACE}
    at.place.up(made, certificateName="site")
    assert at.place.diff(made) == {"certificateName": Change.UPDATE}


def test_a_vaults_firewall_is_no_missing_permission(at: AtKeyVault) -> None:
    at.vault.firewall = True
    with pytest.raises(StackError, match="403 ForbiddenByFirewall Client address") as refused:
        at.place.up(chain("a.test"))
    assert "privileges" not in refused.value.hint
    assert READ in str(refused.value)


def test_a_client_certificate_and_a_trusted_token_deploy_too(at: AtKeyVault, tmp_path: Path) -> None:
    own = chain("client", key_type="rsa2048")
    at.vault.applications[CLIENT] = Application(
        CLIENT, "object", TENANT, certificate=own.certificate.encode()
    )
    at.place.bind(client_id=CLIENT, tenant_id=TENANT, client_certificate=own.certificate + own.key)
    state = at.place.up(chain("a.test"))
    assert at.has() == {at.place.id: state["fingerprint"]}
    issuer = Issuer(path="/cluster")
    at.vault.federation.web[issuer.host] = issuer
    trusted = {"issuer": issuer.url, "subject": "ci", "audiences": [AUDIENCE]}
    at.vault.federation.credentials[CLIENT] = [trusted]
    file = issuer.written(tmp_path / "token", issuer.token("ci", AUDIENCE))
    at.place.bind(client_id=CLIENT, tenant_id=TENANT, federated_token_file=str(file))
    state = at.place.up(chain("b.test"))
    assert at.has() == {at.place.id: state["fingerprint"]}
    file.unlink()
    with pytest.raises(StackError, match="federated-token-file can't be read"):
        at.place.up(renewal(2))
    at.place.bind(client_id=CLIENT, tenant_id=TENANT, client_certificate="nothing")
    with pytest.raises(StackError, match="no certificate with its private key"):
        at.place.up(renewal(2))


def test_a_services_own_identity_deploys_too(at: AtKeyVault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"https://{IDENTITY}{SERVICE_PATH}")
    monkeypatch.setenv("IDENTITY_HEADER", HEADER)
    monkeypatch.setenv("AZURE_CLIENT_ID", "of-somebody-else")  # the machine's variables are not asked
    at.place.bind(identity="managed")
    state = at.place.up(chain("a.test"))
    assert at.has() == {at.place.id: state["fingerprint"]}


def test_a_wrong_secret_is_told_by_entras_code(at: AtKeyVault) -> None:
    at.place.bind(client_id=CLIENT, tenant_id=TENANT, client_secret="of-somebody-else")
    with pytest.raises(StackError, match="AADSTS7000215") as refused:
        at.place.up(chain("a.test"))
    assert "tic creds rotate" in refused.value.hint
    assert "of-somebody-else" not in at.place.failures[0]


@pytest.mark.parametrize(
    "given", ["http://tic-web.vault.azure.net", "https://vault.azure.net.evil.test", "tic-web", ""]
)
def test_an_address_that_is_no_vaults_is_refused(given: str) -> None:
    failures = AzureKeyVault().check({"vaultUrl": given}).failures
    assert [each.path for each in failures if each.path == "vaultUrl"]


@pytest.mark.parametrize("given", ["a_b", "x" * 128])
def test_a_name_that_a_vault_does_not_take_is_refused(given: str) -> None:
    failures = AzureKeyVault().check({"certificateName": given}).failures
    assert [each.path for each in failures if each.path == "certificateName"]
