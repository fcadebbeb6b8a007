"""A custom certificate of a zone at Cloudflare: its own ways, besides what every target in place promises."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from stacks.errors import StackError
from stacks.provider.deploy.cloudflare_certificate import CloudflareCertificate
from stacks.provider.properties import Change
from tests.emulators.cloudflare import HOST, Token, User
from tests.emulators.cloudflare_certificates import EDIT, ZONE, CloudflareCertificates
from tests.emulators.proxy import Request, Response
from tests.stacks.provider.acme.chains import Chain, chain
from tests.stacks.provider.deploy.placed import Placed, placed
from tests.stacks.provider.deploy.promises import CANARY, NeedsPackage, Promises, Unnamed, renewal

TOKEN = Token("token-of-web", CANARY + "A" * 30)
USER = User("user", "web@a.test", "0123456789abcdef0123456789abcdef01234")


@dataclass(slots=True)
class AtCloudflare:
    cloud: CloudflareCertificates
    place: Placed

    def has(self) -> dict[str, str]:
        return {id_: one.sha256 for id_, one in self.cloud.kept.items()}

    def put(self, made: Chain) -> str:
        pem = made.certificate + made.intermediate
        return self.cloud.put({"certificate": pem, "private_key": made.key, "type": "sni_custom"})

    def swap(self, id_: str, made: Chain) -> None:
        self.cloud.kept[id_] = self.cloud.kept.pop(self.put(made))

    def lose(self, id_: str) -> None:
        del self.cloud.kept[id_]

    def deny(self, *actions: str) -> None:
        self.cloud.denied = {TOKEN.id} if actions else set()

    def taken(self) -> list[str]:
        return self.cloud.taken()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator[AtCloudflare]:
    cloud = CloudflareCertificates(TOKEN, USER)
    monkeypatch.setattr("cloudflare._base_client.INITIAL_RETRY_DELAY", 0.01)
    with placed(monkeypatch, CloudflareCertificate(), cloud, (HOST,), zoneId=ZONE) as place:
        place.bind(api_token=TOKEN.value)
        yield AtCloudflare(cloud, place)


class TestCloudflareCertificate(Promises, Unnamed, NeedsPackage):
    WRITE = EDIT
    DELETE = EDIT
    SDK = "cloudflare"
    EXTRA = "cloudflare"
    SAME_ID = False


def test_the_chain_is_served_as_it_is(at: AtCloudflare) -> None:
    at.place.up(chain("a.test"))
    (kept,) = at.cloud.kept.values()
    assert (kept.links, kept.bundle_method, kept.type) == (2, "force", "sni_custom")


def test_one_for_clients_without_sni_keeps_its_id(at: AtCloudflare) -> None:
    at.place.inputs["clients"] = "legacy_custom"
    at.place.up(chain("a.test"))
    id_ = at.place.id
    state = at.place.up(renewal(2))
    assert at.has() == {id_: state["fingerprint"]}


def test_another_way_of_bundling_is_an_update(at: AtCloudflare) -> None:
    made = chain("a.test")
    at.place.up(made)
    assert at.place.diff(made, bundleMethod="optimal") == {"bundleMethod": Change.UPDATE}
    at.place.up(made, bundleMethod="optimal")
    assert [one.bundle_method for one in at.cloud.kept.values()] == ["optimal"]
    assert at.place.diff(made, bundleMethod="optimal") == {}


def test_a_replacement_that_nobody_heard_of_is_found(at: AtCloudflare) -> None:
    at.place.up(chain("a.test"))
    new = renewal(2)
    at.swap(at.place.id, new)
    there = f"{99:032x}"
    at.cloud.kept = {there: next(iter(at.cloud.kept.values()))}
    at.place.up(new)
    assert set(at.has()) == {there} == {at.place.id}


def test_the_global_key_of_a_user_deploys_too(at: AtCloudflare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "of-somebody-else" * 3)  # the machine's own is not asked
    at.place.bind(email=USER.email, api_key=USER.key)
    at.place.up(chain("a.test"))
    assert set(at.has()) == {at.place.id}


def test_a_token_that_reads_zones_besides_is_not_used(at: AtCloudflare) -> None:
    at.place.bind(api_token=TOKEN.value, zone_api_token="B" * 40)
    at.place.up(chain("a.test"))
    assert set(at.has()) == {at.place.id}


def test_a_token_that_cloudflare_does_not_know_is_told(at: AtCloudflare) -> None:
    at.place.bind(api_token="C" * 40)
    with pytest.raises(StackError, match="1000 Invalid API Token") as refused:
        at.place.up(chain("a.test"))
    assert "tic creds rotate" in refused.value.hint


def test_an_answer_that_is_none_of_cloudflares_is_told(at: AtCloudflare) -> None:
    def portal(request: Request) -> Response:
        return Response(200, {"content-type": "text/html"}, b"<html>log in</html>")

    at.place.faults.cloud = portal
    with pytest.raises(StackError, match="none of Cloudflare's answers"):
        at.place.up(chain("a.test"))


def test_a_key_that_the_service_quotes_is_not_told(at: AtCloudflare) -> None:
    def quoting(request: Request) -> Response:
        said = {"code": 2200, "message": f"{request.headers['authorization']} {request.body.decode()}"}
        return Response.json({"success": False, "errors": [said]}, 400)

    made = chain("a.test")
    at.cloud.calls.clear()
    at.place.faults.cloud = lambda request: (
        quoting(request) if request.method == "POST" else at.cloud(request)
    )
    with pytest.raises(StackError, match="2200"):
        at.place.up(made)
    secrets = [CANARY, *made.key.splitlines()[1:-1]]
    assert [each for each in secrets if each in at.place.failures[0]] == []


@pytest.mark.parametrize("given", ["example.com", "", "A" * 32])
def test_a_zone_that_is_no_id_is_refused(given: str) -> None:
    failures = CloudflareCertificate().check({"zoneId": given}).failures
    assert [each.path for each in failures if each.path == "zoneId"]
