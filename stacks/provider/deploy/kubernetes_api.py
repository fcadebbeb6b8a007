"""Secrets of a Kubernetes cluster: read, made, and replaced or deleted only as they were when they were read.

https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/ and, for what a
refusal says, https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/. Four calls are
all that is needed: the official client is 126 MB, and logs the answers, with the keys in them.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

from stacks.broker import OpenedFields
from stacks.errors import StackError
from stacks.provider.deploy.calls import Account, Refused, silence
from stacks.provider.deploy.cluster import Cluster
from stacks.provider.deploy.exchange import Answer, exchange
from stacks.provider.run import Operation

Object = dict[str, Any]
"""A Secret as the API has it."""

GET, CREATE, UPDATE, DELETE = (f"{verb} secrets" for verb in ("get", "create", "update", "delete"))
EXISTS, CONFLICT = "AlreadyExists", "Conflict"
MANAGER: Final = "tic"
_METHODS: Final = {GET: "GET", CREATE: "POST", UPDATE: "PUT", DELETE: "DELETE"}
_WAITS: Final = 3  # times that a busy server is waited for, as long as it says
_LONGEST_WAIT: Final = 10.0


class Secrets:
    """The Secrets that one credential may see and change; every call raises StackError."""

    def __init__(self, operation: Operation, account: OpenedFields, label: str, *secrets: str) -> None:
        silence()
        self.cluster = Cluster.read(account.fields)
        self._operation = operation
        self._account = Account(account.kind, label, (*self.cluster.secrets, *secrets))
        self._pool = self.cluster.connect()

    def read(self, namespace: str, name: str) -> Object | None:
        """The Secret of this name, or None where there is none."""
        try:
            return self._secret(GET, namespace, name)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def create(self, namespace: str, secret: Object) -> Object:
        """Make it; Refused with the code EXISTS where there is one."""
        return self._secret(CREATE, namespace, "", secret)

    def replace(self, namespace: str, secret: Object) -> Object:
        """Write one that was read; Refused with the code CONFLICT where it is another one by now."""
        return self._secret(UPDATE, namespace, secret["metadata"]["name"], secret)

    def delete(self, namespace: str, secret: Object) -> None:
        """Delete one that was read; Refused with the code CONFLICT where it is another one by now."""
        metadata = secret["metadata"]
        same = {key: metadata[key] for key in ("uid", "resourceVersion")}
        asked = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": same}
        try:
            self._ask(DELETE, namespace, metadata["name"], asked)
        except Refused as refused:
            if refused.status != 404:
                raise

    def _secret(self, action: str, namespace: str, name: str, body: Object | None = None) -> Object:
        said = self._ask(action, namespace, name, body)
        if not _is_secret(said):
            raise self._account.unreadable(action, self._host)
        return said

    def _ask(self, action: str, namespace: str, name: str, body: Object | None = None) -> Object:
        from urllib3.exceptions import HTTPError

        url = f"{self.cluster.server.rstrip('/')}/api/v1/namespaces/{quote(namespace, safe='')}/secrets"
        url += f"/{quote(name, safe='')}" if name else ""
        url += f"?fieldManager={MANAGER}" if action in (CREATE, UPDATE) else ""
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self.cluster.token:
            headers["Authorization"] = f"Bearer {self.cluster.token}"
        sent = None if body is None else json.dumps(body).encode()
        for waited in range(_WAITS + 1):
            try:
                answer = exchange(self._pool, _METHODS[action], url, headers, sent)
            except (HTTPError, OSError) as error:
                raise self._account.unreachable(action, self._host, error) from None
            wait = answer.retry_after(datetime.now(UTC)) if answer.status == 429 else None
            if wait is None or wait > _LONGEST_WAIT or waited == _WAITS:
                break
            self._operation.wait(wait, f"{self._host}, which is busy")
        said = answer.json()
        if answer.status >= 300:
            raise self._refusal(action, namespace, answer, said)
        if said is None:
            raise self._account.unreadable(action, self._host)
        return said

    def _refusal(
        self, action: str, namespace: str, answer: Answer, said: Mapping[str, Any] | None
    ) -> StackError:
        if answer.status < 500 and (said is None or said.get("kind") != "Status"):
            return self._account.unreadable(action, self._host)
        reason, words = (str((said or {}).get(key) or "") for key in ("reason", "message"))
        verb = action.partition(" ")[0]
        refused = self._account.refused(
            action,
            answer.status,
            reason,
            words if answer.status < 500 else "",
            # a quota, or a namespace that is going, is told in the same way as a permission that is missing
            denied=answer.status == 403 and f"cannot {verb} resource" in words,
            unknown=answer.status == 401,
        )
        if answer.status == 404 and action == CREATE:
            refused.hint = f"make the namespace, as kubectl create namespace {namespace}; then tic stack up"
        return refused

    @property
    def _host(self) -> str:
        return urlsplit(self.cluster.server).netloc


def _is_secret(said: Mapping[str, Any]) -> bool:
    """Whether it is one, with all that is read of it in its place."""
    metadata, data = said.get("metadata"), said.get("data", {})
    return (
        said.get("kind") == "Secret"
        and isinstance(metadata, dict)
        and all(isinstance(metadata.get(key), str) for key in ("name", "uid", "resourceVersion"))
        and isinstance(metadata.get("annotations", {}), dict)
        and isinstance(metadata.get("labels", {}), dict)
        and isinstance(data, dict)
        and all(isinstance(one, str) for one in data.values())
    )
