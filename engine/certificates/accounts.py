"""Which accounts at CAs the stacks have, as rows that follow their states, and which certificates use them.

The rows hold what the states' plain inputs and outputs say of the accounts: no key, no secret. An account
that no stack has made, whose URI and key were given to a program, is known by the certificates that use it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import orjson
from sqlalchemy import Connection, delete, insert, select, update

from engine.state.tables import ACME_ACCOUNT, ACME_TERMS, CERTIFICATE, STACK
from stacks.provider.acme.account_facts import ACCOUNT, FIRST_KEY_EPOCH, contact_urls


@dataclass(frozen=True, slots=True)
class Account:
    """An account as a state holds it.

    `directory` is the CA's URL, `contacts` are URLs; `terms` is the URL of what was agreed to, `agreed_at`
    when (RFC 3339): None where the CA has none, `agreed_at` also where an older version made the account.
    """

    urn: str
    uri: str
    directory: str
    contacts: tuple[str, ...]
    key_type: str
    key_epoch: int
    terms: str | None
    agreed_at: str | None
    eab_credential: str | None

    @property
    def name(self) -> str:
        """The resource's name in its program."""
        return self.urn.rpartition("::")[2]

    @classmethod
    def read(cls, resource: Mapping[str, Any]) -> Self | None:
        """From a resource of a deployment; None where it is no account, or none has come of it yet."""
        if resource.get("type") != ACCOUNT or resource.get("delete"):
            return None
        inputs, outputs = resource.get("inputs") or {}, resource.get("outputs") or {}
        urn, uri, directory = resource.get("urn"), outputs.get("accountUri"), inputs.get("directoryUrl")
        if not (isinstance(urn, str) and isinstance(uri, str) and isinstance(directory, str)):
            return None  # a creation that never ended, or what its program declared secret
        epoch = inputs.get("keyEpoch")
        return cls(
            urn,
            uri,
            directory,
            tuple(contact_urls(_plain(inputs.get("email")), _plain(inputs.get("contacts")))),
            _plain(inputs.get("keyType")) or "",
            int(epoch) if isinstance(epoch, int | float) else FIRST_KEY_EPOCH,
            _plain(outputs.get("termsOfService")),
            _plain(outputs.get("termsAgreedAt")),
            _plain(inputs.get("eabCredential")),
        )


@dataclass(frozen=True, slots=True)
class Known:
    """An account of some stack (`project/stack`) or of none, and the certificates that use it.

    `newer_terms` is what the CA shows now, where that is not what was agreed to.
    """

    stack: str | None
    directory: str
    uri: str
    account: Account | None
    certificates: tuple[str, ...]
    newer_terms: str | None

    @property
    def stacks(self) -> tuple[str, ...]:
        """The stacks that have it or whose certificates use it."""
        using = {each.rpartition("/")[0] for each in self.certificates}
        return tuple(sorted(using | ({self.stack} if self.stack else set())))


def found(resources: Iterable[Any] | None) -> tuple[Account, ...]:
    """The accounts among the resources of a deployment."""
    one_by_one = (Account.read(each) for each in resources or () if isinstance(each, dict))
    return tuple(each for each in one_by_one if each is not None)


def follow(connection: Connection, stack_id: int, accounts: Iterable[Account]) -> None:
    """Make the stack's rows those of `accounts`."""
    of_stack = ACME_ACCOUNT.c.stack_id == stack_id
    rows = {row.urn: row for row in connection.execute(select(ACME_ACCOUNT).where(of_stack))}
    here = {one.urn: _values(one) for one in accounts}
    if gone := [row.id for urn, row in rows.items() if urn not in here]:
        connection.execute(delete(ACME_ACCOUNT).where(ACME_ACCOUNT.c.id.in_(gone)))
    for urn, values in here.items():
        row = rows.get(urn)
        if row is None:
            connection.execute(insert(ACME_ACCOUNT).values(stack_id=stack_id, **values))
        elif values != {name: getattr(row, name) for name in values}:
            connection.execute(update(ACME_ACCOUNT).where(ACME_ACCOUNT.c.id == row.id).values(**values))


def every(connection: Connection) -> list[Known]:
    """The accounts of all stacks and of their certificates, by CA, stack and name."""
    shown = {row.directory: row.terms for row in connection.execute(select(ACME_TERMS))}
    users = _users(connection)
    known = []
    for stack, account in _of_states(connection):
        using = users.pop((account.directory, account.uri), ())
        terms = shown.get(account.directory)
        newer = terms if account.terms and terms != account.terms else None
        known.append(Known(stack, account.directory, account.uri, account, tuple(using), newer))
    known += [
        Known(None, directory, uri, None, tuple(using), None) for (directory, uri), using in users.items()
    ]
    return sorted(known, key=lambda one: (one.directory, one.stack or "", one.uri))


def lent(connection: Connection, stack_id: int, stack: str) -> list[Known]:
    """The accounts of a stack that certificates of other stacks come from, with those alone."""
    of_stack = select(ACME_ACCOUNT.c.id).where(ACME_ACCOUNT.c.stack_id == stack_id).limit(1)
    if connection.execute(of_stack).first() is None:
        return []
    found = []
    for one in every(connection):
        others = tuple(each for each in one.certificates if each.rpartition("/")[0] != stack)
        if one.stack == stack and others:
            found.append(replace(one, certificates=others))
    return found


def agreed(connection: Connection, directory: str) -> set[str]:
    """The terms that the accounts at this CA agreed to."""
    return {one.terms for _, one in _of_states(connection, directory) if one.terms}


def view(one: Known) -> dict[str, Any]:
    """As JSON tells it."""
    account = one.account
    return {
        "directory": one.directory,
        "uri": one.uri,
        "stack": one.stack,
        "name": account and account.name,
        "urn": account and account.urn,
        "contacts": list(account.contacts) if account else None,
        "key_type": account and account.key_type,
        "key_epoch": account and account.key_epoch,
        "terms": account and account.terms,
        "terms_agreed_at": account and account.agreed_at,
        "newer_terms": one.newer_terms,
        "eab_credential": account and account.eab_credential,
        "stacks": list(one.stacks),
        "certificates": list(one.certificates),
    }


def _of_states(connection: Connection, directory: str | None = None) -> list[tuple[str, Account]]:
    query = select(ACME_ACCOUNT, STACK.c.project, STACK.c.name.label("stack_name")).join(
        STACK, STACK.c.id == ACME_ACCOUNT.c.stack_id
    )
    if directory is not None:
        query = query.where(ACME_ACCOUNT.c.directory == directory)
    return [(f"{row.project}/{row.stack_name}", _account(row)) for row in connection.execute(query)]


def _users(connection: Connection) -> dict[tuple[str, str], list[str]]:
    """The full names of the certificates, by the CA and the account that they come from.

    Of each row only that is read, because there may be a million.
    """
    query = select(STACK.c.project, STACK.c.name, CERTIFICATE.c.name, CERTIFICATE.c.facts).join(
        STACK, STACK.c.id == CERTIFICATE.c.stack_id
    )
    users: dict[tuple[str, str], list[str]] = {}
    for project, stack, name, text in connection.execute(query):
        facts = orjson.loads(text)
        if account := facts.get("account"):
            users.setdefault((facts["directory"], account), []).append(f"{project}/{stack}/{name}")
    return {account: sorted(names) for account, names in users.items()}


def _values(one: Account) -> dict[str, Any]:
    facts = {
        "contacts": one.contacts,
        "keyType": one.key_type,
        "keyEpoch": one.key_epoch,
        "terms": one.terms,
        "agreedAt": one.agreed_at,
        "eabCredential": one.eab_credential,
    }
    return {
        "urn": one.urn,
        "uri": one.uri,
        "directory": one.directory,
        "facts": orjson.dumps(facts).decode(),
    }


def _account(row: Any) -> Account:
    facts = orjson.loads(row.facts)
    return Account(
        row.urn,
        row.uri,
        row.directory,
        tuple(facts["contacts"]),
        facts["keyType"],
        facts["keyEpoch"],
        facts["terms"],
        facts["agreedAt"],
        facts["eabCredential"],
    )


def _plain(value: Any) -> Any:
    """A value as the state has it; None for a secret, which is an object."""
    return None if isinstance(value, dict) else value
