"""A client of the state service that speaks its protocol call by call, as no CLI would."""

import gzip
import http.client
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from tests.engine.state.journals import resource

STACK = "/api/stacks/tic/proj/dev"


@dataclass(frozen=True)
class Answer:
    """An answer's code and its JSON."""

    code: int
    value: Any

    @property
    def message(self) -> str:
        """What a refusal says."""
        assert self.value["code"] == self.code
        message: str = self.value["message"]
        return message


class Client:
    """Calls with an access token, or with the update token that a call names."""

    def __init__(self, url: str, token: str) -> None:
        self.address = urlsplit(url).netloc
        self.token = token

    def __call__(
        self, method: str, path: str, value: Any = None, *, lease: str | None = None, zipped: bool = False
    ) -> Answer:
        """One call; a value that is bytes goes as it is."""
        scheme = f"update-token {lease}" if lease is not None else f"token {self.token}"
        headers = {"Authorization": scheme, "User-Agent": "pulumi-cli/1 (v3.259.0; linux)"}
        body = value if isinstance(value, bytes) else b"" if value is None else orjson.dumps(value)
        if zipped:
            body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        return Answer(answer.status, orjson.loads(said) if said else None)

    def make_stack(self, name: str = "dev") -> None:
        """Make a stack of the project `proj`."""
        answer = self("POST", "/api/stacks/tic/proj", {"stackName": name})
        assert answer.code == 200, answer

    def begin(self, kind: str = "update", **options: Any) -> tuple[str, str]:
        """Create and start an update; returns its path and its lease."""
        path = f"{STACK}/{kind}/{self.create(kind, **options)}"
        started = self("POST", path, {"journalVersion": 1})
        assert started.code == 200, started
        return path, started.value["token"]

    def create(self, kind: str = "update", **options: Any) -> str:
        """Create an update; returns its id."""
        created = self("POST", f"{STACK}/{kind}", {"options": options})
        assert created.code == 200, created
        update_id: str = created.value["updateID"]
        return update_id

    def export(self) -> dict[str, Any]:
        """The deployment as it is exported."""
        deployment: dict[str, Any] = self("GET", f"{STACK}/export").value["deployment"]
        return deployment


def created(number: int, name: str, **more: Any) -> dict[str, Any]:
    """The journal entry of a resource that was made."""
    state = resource(name, **more)
    return {"version": 1, "kind": 1, "sequenceID": number, "operationID": number, "state": state}


def names(client: Client) -> list[str]:
    """The resources in the state by name, in their order."""
    return [found["urn"].rpartition("::")[2] for found in client.export().get("resources") or ()]
