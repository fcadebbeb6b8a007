"""A key vault's certificates: for bearers of a token for vaults, with what their roles let them do.

https://learn.microsoft.com/rest/api/keyvault/certificates/ and authentication:
https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses; a deleted one keeps
its name until it is purged: https://learn.microsoft.com/azure/key-vault/general/key-vault-recovery
"""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from tests.emulators.azure import LOGIN, Application, Azure, deny
from tests.emulators.proxy import Request, Response
from tests.emulators.signing import Denied

VAULT: Final = "tic-web.vault.azure.net"
URL: Final = f"https://{VAULT}"
SCOPE: Final = "https://vault.azure.net/.default"
_ACTIONS: Final = {"import": "import/action", "recover": "recover/action"}
_AT = re.compile(
    r"/(?P<where>certificates|deletedcertificates)/(?P<name>[0-9A-Za-z-]{1,127})(/(?P<act>\w*))?"
)


@dataclass(slots=True)
class Stored:
    """A certificate with its newest version, of how many, with how many `links`."""

    cer: bytes
    sha256: str
    links: int
    tags: dict[str, str]
    policy: dict[str, Any]
    versions: int = 1


class KeyVault(Azure):
    """One vault; `denied` are the data actions that nobody may do."""

    def __init__(self, *applications: Application) -> None:
        super().__init__(*applications)
        self.kept: dict[str, Stored] = {}
        self.deleted: dict[str, Stored] = {}
        self.denied: set[str] = set()
        self.firewall = False
        self.calls: list[str] = []
        self.audiences: dict[str, str] = {}

    def taken(self) -> list[str]:
        """The data actions that were asked for since this was asked last."""
        calls, self.calls = self.calls, []
        return calls

    def issue_for_vaults(self, client_id: str) -> str:
        """A token for vaults of this application's."""
        token = self.issue(self.applications[client_id])
        self.audiences[token] = SCOPE
        return token

    def put(self, name: str, pfx: bytes, password: str = "", **asked: Any) -> None:
        """A new version of the certificate of this name."""
        key, leaf, chain = pkcs12.load_key_and_certificates(pfx, password.encode() or None)
        assert leaf is not None
        if key is None or key.public_key() != leaf.public_key():
            deny(400, "BadParameter", "The specified PKCS#12 X.509 certificate content can not be read.")
        before = self.kept.get(name)
        self.kept[name] = Stored(
            leaf.public_bytes(Encoding.DER),
            leaf.fingerprint(hashes.SHA256()).hex(),
            1 + len(chain),
            asked.get("tags") or {},
            asked.get("policy") or {},
            before.versions + 1 if before else 1,
        )

    def __call__(self, request: Request) -> Response:
        """What the host answers."""
        if request.host == LOGIN:
            answer = super().__call__(request)
            if request.path.endswith("/oauth2/v2.0/token") and answer.status == 200:
                self.audiences[_token_of(answer)] = request.form["scope"]
            return answer
        try:
            return self._served(request)
        except Denied as refused:
            inner = {"innererror": {"code": refused.code}} if refused.status == 403 else {}
            code = "Forbidden" if refused.status == 403 else refused.code
            if refused.code == "ObjectIsDeletedButRecoverable":
                code, inner = "Conflict", {"innererror": {"code": refused.code}}
            error = {"error": {"code": code, "message": refused.message, **inner}}
            return Response.json(error, refused.status)

    def _served(self, request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.audiences:
            tenant = next(iter(self.applications.values())).tenant
            asked = f'Bearer authorization="https://{LOGIN}/{tenant}", resource="https://vault.azure.net"'
            said = {
                "error": {"code": "Unauthorized", "message": "AKV10000: Request is missing a Bearer token."}
            }
            challenge = Response.json(said, 401)
            return Response(401, {**challenge.headers, "WWW-Authenticate": asked}, challenge.body)
        application = self.bearer(request)
        if SCOPE not in self.audiences[token].split():
            deny(401, "Unauthorized", "AKV10022: Invalid audience.")
        if self.firewall:
            deny(
                403,
                "ForbiddenByFirewall",
                "Client address is not authorized and caller is not a trusted service.",
            )
        at = _AT.fullmatch(request.path)
        assert at is not None
        assert "api-version" in request.parameters
        short = _ACTIONS.get(at["act"] or "", "delete" if request.method == "DELETE" else "read")
        action = f"Microsoft.KeyVault/vaults/certificates/{short}"
        self.calls.append(action)
        if action in self.denied:
            deny(
                403,
                "ForbiddenByRbac",
                "Caller is not authorized to perform action on resource. "
                f"Caller: appid={application.client_id} Action: '{action}' Resource: '{request.path}'",
            )
        return self._answered(request, at["where"] == "deletedcertificates", at["name"], at["act"] or "")

    def _answered(self, request: Request, deleted: bool, name: str, act: str) -> Response:
        if act == "import":
            if name in self.deleted:
                deny(
                    409,
                    "ObjectIsDeletedButRecoverable",
                    f"Certificate {name} is currently in a deleted but recoverable state, and its name "
                    "cannot be reused; in this state, the certificate can only be recovered or purged.",
                )
            given = request.json()
            self.put(
                name,
                base64.b64decode(given["value"]),
                given.get("pwd", ""),
                tags=given.get("tags"),
                policy=given.get("policy"),
            )
            return self._told(name, self.kept[name])
        there = self.deleted if deleted else self.kept
        if name not in there:
            deny(
                404,
                "CertificateNotFound",
                f"A certificate with (name/id) {name} was not found in this key vault.",
            )
        if act == "recover":
            self.kept[name] = self.deleted.pop(name)
            return self._told(name, self.kept[name])
        if request.method == "DELETE":
            self.deleted[name] = self.kept.pop(name)
            return self._told(name, self.deleted[name], recoveryId=f"{URL}/deletedcertificates/{name}")
        return self._told(name, there[name])

    def _told(self, name: str, one: Stored, **more: str) -> Response:
        version = f"{URL}/certificates/{name}/{one.versions:032x}"
        cer = base64.b64encode(one.cer).decode()
        attributes = {"enabled": True, "recoveryLevel": "Recoverable+Purgeable"}
        return Response.json({"id": version, "cer": cer, "attributes": attributes, "tags": one.tags, **more})


def _token_of(answer: Response) -> str:
    return str(json.loads(answer.body)["access_token"])
