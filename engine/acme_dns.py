"""ACME-DNS: an account for each domain, registered when it is first needed and kept in the credential.

lego keeps accounts in a file. It gets one in memory that only its worker and this process see; what it adds
goes into the vault before anybody is told of it, so the next run, and any other one, uses the same account.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from credentials.files.acme_dns import Account, read, written
from credentials.files.unfit import UnfitFile
from credentials.secret import SecretBytes
from engine.dns_bindings import ACME_DNS
from stacks.dns.publisher import ProviderFailed, Publisher, Record
from stacks.dns.worker import LegoWorker

if TYPE_CHECKING:
    from credentials.credential import OpenedCredential
    from engine.leases import Lessee

FIELD: Final = "accounts"
FILE: Final = "ACME_DNS_STORAGE_PATH"


class CnameMissing(ProviderFailed):
    """The CA would not find what ACME-DNS publishes: the challenge's name does not lead to it."""

    def __init__(self, record: Record, account: Account) -> None:
        asked = record.challenge.name
        instead = "is no CNAME" if record.name == asked else f"leads to {record.name}"
        super().__init__(
            f"{asked} {instead}, and ACME-DNS answers for {record.challenge.domain} at {account.fulldomain} "
            "(the account for it is kept in the credential)",
            hint=f"set this CNAME in the zone of {record.challenge.domain} and run it again (tic stack up): "
            f"{asked}. CNAME {account.fulldomain}.",
            untouched=True,
        )


class KeepingAccounts:
    """A Publisher that has lego publish, and keeps the accounts that lego registers."""

    def __init__(self, worker: LegoWorker, lessee: "Lessee", token: str, server: str) -> None:
        """`token` is the credential's, `server` the URL of ACME-DNS."""
        self._worker = worker
        self._lessee = lessee
        self._token = token
        self._server = server

    @property
    def usable(self) -> bool:
        """See Publisher."""
        return self._worker.usable

    @property
    def nameservers(self) -> tuple[str, ...]:
        """See Publisher."""
        return self._worker.nameservers

    def perform(self, record: Record) -> None:
        """Publish with the domain's account. Raises CnameMissing, also where one was registered just now."""
        domain = record.challenge.domain
        account = self._accounts().get(domain)
        if account is not None and not _leads_to(record, account):
            raise CnameMissing(record, account)
        try:
            self._worker.perform(record)
        except ProviderFailed:
            registered = self._accounts().get(domain)
            if account is not None or registered is None:
                raise
            if not registered.fulldomain.strip("."):
                raise ProviderFailed(
                    f"ACME-DNS at {self._server} registered no account: its answer names no domain",
                    hint="check the credential's api-base: tic creds rotate NAME",
                    untouched=True,
                ) from None
        else:
            return
        self._keep(domain, registered)
        raise CnameMissing(record, registered)

    def cleanup(self, record: Record) -> None:
        """Nothing is withdrawn: ACME-DNS keeps the last two values, at a name that serves nothing else."""

    def stop(self) -> None:
        """See Publisher."""
        self._worker.stop()

    def close(self) -> None:
        """See Publisher."""
        self._worker.close()

    def _accounts(self) -> Mapping[str, Account]:
        """What lego has; nothing where a crash cut its file short."""
        try:
            return read(self._worker.written(FILE))
        except UnfitFile:
            return {}

    def _keep(self, domain: str, account: Account) -> None:
        """Where another run was quicker, its account stays: its CNAME may be set already."""

        def with_it(present: str) -> str:
            accounts = of_server(read(present.encode()), self._server)
            return present if domain in accounts else written({**read(present.encode()), domain: account})

        self._lessee.amend(self._token, FIELD, with_it, secrets=[account.password.reveal()])


def keeping_accounts(publisher: Publisher, opened: "OpenedCredential", lessee: "Lessee") -> Publisher:
    """The publisher itself, unless it is a worker that has ACME-DNS accounts to keep."""
    if opened.credential.kind != ACME_DNS or not isinstance(publisher, LegoWorker):
        return publisher
    if "storage-base-url" in opened.fields:
        return publisher  # that server keeps them
    server = opened.fields["api-base"].reveal().decode()
    return KeepingAccounts(publisher, lessee, opened.credential.token, server)


def accounts_at(fields: Mapping[str, SecretBytes]) -> SecretBytes:
    """The file for lego: the accounts of the credential's server, and of no other that it had before."""
    kept = read(fields[FIELD].reveal()) if FIELD in fields else {}
    return SecretBytes(written(of_server(kept, fields["api-base"].reveal().decode())).encode())


def of_server(accounts: Mapping[str, Account], server: str) -> dict[str, Account]:
    """Those that were registered at this server."""
    return {domain: one for domain, one in accounts.items() if one.is_of(server)}


def _leads_to(record: Record, account: Account) -> bool:
    return record.name.lower().rstrip(".") == account.fulldomain.lower().rstrip(".")
