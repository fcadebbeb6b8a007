"""What a run may read of another stack: nothing, until that is shared with it; then its outputs alone."""

import base64
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from engine.database import Database
from engine.state import sharing, stacks
from engine.state.reach import Reach
from engine.state.sealing import encrypter, sealed_value
from engine.state.service import Access, StateService
from tests.engine.state.client import STACK, Client
from tests.engine.state.conftest import Wax
from tests.engine.state.journals import resource

INNER = "the innermost secret"


@dataclass(frozen=True)
class Two:
    """The stack `proj/dev`, which has outputs, and a run of `shop/web`."""

    database: Database
    owner: Client
    run: Client
    sealed: dict[str, str]  # ciphertexts by what they are

    def share(self, reader: str) -> None:
        with self.database.write() as connection:
            source = stacks.find(connection, "proj", "dev")
            assert source is not None
            sharing.share(connection, source, reader)

    def opened(self, what: str) -> Any:
        answer = self.run("POST", f"{STACK}/decrypt", {"ciphertext": self.sealed[what]})
        assert answer.code == 200, answer.value
        return orjson.loads(base64.b64decode(answer.value["plaintext"]))


@pytest.fixture
def two(client: Client, url: str, service: StateService, database: Database, sealing: Wax) -> Two:
    assert client("POST", "/api/stacks/tic/shop", {"stackName": "web"}).code == 200
    with database.read() as connection:
        source, reader = (stacks.find(connection, *name) for name in (("proj", "dev"), ("shop", "web")))
    assert source is not None
    assert reader is not None
    encrypt = encrypter(sealing, source.id)
    inner = sealed_value(INNER, encrypt)
    secrets = {
        "inner": inner,
        "outer": sealed_value({"deep": inner}, encrypt),
        "own": sealed_value("o", encrypt),
    }
    root = resource(
        "proj-dev", type="pulumi:pulumi:Stack", outputs={"plain": "p", "hidden": secrets["outer"]}
    )
    root["urn"] = "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev"
    state = {
        "secrets_providers": {"type": "service", "state": {}},
        "resources": [root, resource("a", outputs={"password": secrets["own"]})],
    }
    assert client("POST", f"{STACK}/import", {"version": 3, "deployment": state}).code == 200
    run = Client(url, service.admit(Access("run", stack_id=reader.id)))
    return Two(database, client, run, {name: value["ciphertext"] for name, value in secrets.items()})


def test_without_sharing_a_run_learns_only_how_to_share(two: Two) -> None:  # C2
    refused = two.run("GET", STACK)
    assert refused.code == 403
    assert "next: if there is such a stack" in refused.message
    assert "tic stack share proj/dev 'shop/web'" in refused.message
    missing = two.run("GET", STACK.replace("dev", "none"))
    assert (missing.code, missing.message) == (403, refused.message.replace("dev", "none"))


@pytest.mark.parametrize("reader", ["shop/web", "shop/*"])
def test_a_run_reads_the_outputs_that_are_shared_with_it_and_nothing_else(two: Two, reader: str) -> None:
    two.share(reader)
    shown = two.run("GET", STACK).value
    assert shown == {
        "id": shown["id"],
        "orgName": "tic",
        "projectName": "proj",
        "stackName": "dev",
        "version": 1,
    }
    exported = two.run("GET", f"{STACK}/export").value["deployment"]
    assert [set(found) for found in exported["resources"]] == [{"urn", "type", "custom", "outputs"}]
    assert exported["secrets_providers"]["state"]["stack"] == "dev"
    assert two.opened("inner") == INNER
    assert two.opened("outer")["deep"]["ciphertext"] == two.sealed["inner"]
    refused = two.run("POST", f"{STACK}/decrypt", {"ciphertext": two.sealed["own"]})
    assert (refused.code, "its outputs" in refused.message) == (403, True)
    batch = {"ciphertexts": [two.sealed["inner"], two.sealed["own"]]}
    assert two.run("POST", f"{STACK}/batch-decrypt", batch).code == 403


WRITES_AND_HISTORY = (
    *(("GET", path) for path in ("/tags", "/export/1", "/update/1/events")),
    *(("GET", f"/updates{path}") for path in ("", "/1", "/latest", "/latest/previews")),
    *(("POST", path) for path in ("/rename", "/import", "/encrypt", "/batch-encrypt", "/update/1/cancel")),
    *(("POST", f"/{kind}") for kind in ("update", "preview", "refresh", "destroy")),
    ("DELETE", ""),
    ("PATCH", "/tags"),
    ("PUT", "/config"),
)


def test_what_is_shared_can_only_be_read(two: Two) -> None:
    two.share("shop/web")
    for method, path in WRITES_AND_HISTORY:
        body = {"version": 3, "deployment": {}} if path == "/import" else {}
        assert two.run(method, STACK + path, body).code in (400, 403, 404), path
    assert two.run("GET", "/api/orgs/tic/search/resources?query=project:proj").value["total"] == 0


def test_a_run_can_neither_share_its_stack_nor_take_the_name_of_one_that_may_read(two: Two) -> None:
    own = "/api/stacks/tic/shop/web"
    two.share("shop/other")
    assert two.run("PATCH", f"{own}/tags", {"tic:readers": "evil/stack", "a": "b"}).code == 200
    update = two.run("POST", f"{own}/update", {}).value["updateID"]
    tags = {"tic:readers": "evil/*", "c": "d"}
    assert two.run("POST", f"{own}/update/{update}", {"tags": tags}).code == 200
    assert two.run("GET", f"{own}/tags").value == {"c": "d"}
    assert two.run("POST", f"{own}/rename", {"newName": "other", "newProject": "shop"}).code == 403
    assert two.run("DELETE", f"{own}?force=true").code == 403


def test_the_right_follows_a_stack_that_is_renamed_and_ends_with_one_that_is_removed(two: Two) -> None:
    two.share("shop/web")
    assert two.owner("POST", "/api/stacks/tic/shop/web/rename", {"newName": "site"}).code == 200
    assert two.run("GET", f"{STACK}/export").code == 200
    assert two.owner("GET", f"{STACK}/tags").value["tic:readers"] == "shop/site"
    assert two.owner("DELETE", "/api/stacks/tic/shop/site").code == 200
    assert "tic:readers" not in two.owner("GET", f"{STACK}/tags").value


def test_a_token_of_a_project_reads_what_is_shared_with_all_of_it(
    two: Two, url: str, service: StateService
) -> None:
    token = Client(url, service.admit(Access("somebody", reach=Reach(project="shop"))))
    two.share("shop/web")
    assert token("GET", f"{STACK}/export").code == 403  # which stack of shop it is, nobody knows
    assert token("GET", "/api/stacks/tic/shop/none").code == 404
    two.share("shop/*")
    assert len(token("GET", f"{STACK}/export").value["deployment"]["resources"]) == 1


def test_secrets_that_another_provider_sealed_are_not_opened_by_way_of_sharing(two: Two) -> None:
    state = {"secrets_providers": {"type": "passphrase", "state": {}}, "resources": []}
    assert two.owner("POST", f"{STACK}/import", {"version": 3, "deployment": state}).code == 200
    two.share("shop/web")
    for refused in (
        two.run("POST", f"{STACK}/decrypt", {"ciphertext": two.sealed["inner"]}),
        two.run("GET", f"{STACK}/export"),
    ):
        assert (refused.code, "sealed by passphrase" in refused.message) == (400, True)
