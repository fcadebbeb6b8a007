"""A certificate service of a cloud that checks signatures, with one deployment."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import pytest

from stacks.broker import OpenedFields
from stacks.provider.deploy.key_form import traditional
from stacks.provider.deploy.stored import StoredCertificate
from tests.emulators.certificate_store import Kept, Store, kept
from tests.emulators.proxy import Request, Response
from tests.emulators.signing import Key
from tests.stacks.provider.acme.chains import Chain
from tests.stacks.provider.deploy.placed import Placed, nothing_told, placed
from tests.stacks.provider.deploy.promises import CANARY

KEY = Key("LTAIone", CANARY, "1300000000000000", "deployer")


class Cloud(Protocol):
    """An emulator with a store, and keys that it checks."""

    keys: dict[str, Key]
    store: Store

    def __call__(self, request: Request) -> Response: ...


@dataclass(slots=True)
class AtStore:
    """The stack's credential is `KEY`, unless a test binds another one: those are `secrets`, too.

    What somebody puts in a certificate's place is called as that was, or `swapped`, where it can't be.
    """

    cloud: Cloud
    place: Placed
    secrets: list[str] = field(default_factory=lambda: [CANARY])
    swapped: str | None = None

    @property
    def store(self) -> Store:
        return self.cloud.store

    def has(self) -> dict[str, str]:
        return {id_: one.sha256 for id_, one in self.store.kept.items()}

    def put(self, made: Chain) -> str:
        return self.store.add(self._kept(f"theirs-{len(self.store.kept)}", made))

    def swap(self, id_: str, made: Chain) -> None:
        self.store.kept[id_] = self._kept(self.swapped or self.store.kept[id_].name, made)

    def lose(self, id_: str) -> None:
        del self.store.kept[id_]

    def deny(self, *actions: str) -> None:
        for id_, key in self.cloud.keys.items():
            self.cloud.keys[id_] = replace(key, denied=frozenset(actions))

    def taken(self) -> list[str]:
        return self.store.taken()

    def use(self, id_: str, *users: str) -> None:
        """From now on these use it, and nothing else."""
        self.store.kept[id_].used_by[:] = users

    def there(self) -> Kept:
        """What the service has of the deployment."""
        return self.store.kept[self.place.id]

    def bind(self, **fields: str) -> None:
        """Let the stack's credential have these fields besides."""
        kind = self.place.target.kind
        opened = self.place.broker.credentials[kind]
        given = {name.replace("_", "-"): value for name, value in fields.items()}
        self.secrets += [value for name, value in given.items() if name != "region"]
        self.place.broker.credentials[kind] = OpenedFields(kind, {**opened.fields, **given})

    @staticmethod
    def _kept(name: str, made: Chain) -> Kept:
        return kept(name, [made.certificate, made.intermediate], traditional(made.key))


@contextmanager
def at_store(
    monkeypatch: pytest.MonkeyPatch,
    target: StoredCertificate[Any],
    cloud: Cloud,
    *hosts: str,
    **more: str,
) -> Iterator[AtStore]:
    """A deployment to a cloud at these hosts, which knows `KEY`; nothing that failed there told a secret.

    `more` are fields of the credential besides.
    """
    with placed(monkeypatch, target, cloud, hosts) as place:
        place.bind(**{"access_key": KEY.id, "secret_key": KEY.secret, **more})
        made = AtStore(cloud, place)
        yield made
        assert place.env.refused == []
        nothing_told(made.secrets, [*place.failures, *place.ear.warned, *place.ear.said])
