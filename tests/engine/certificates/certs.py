"""Certificates as a table lists them, and states that hold them, for tests of what is due."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from engine.certificates import kept
from engine.certificates.kept import Kept, Standing
from engine.certificates.listing import Listed
from engine.certificates.schedule import due_at
from engine.state import versions
from engine.state.stacks import Stack
from engine.state.versions import Checkpoint
from stacks.provider.acme.epoch import Held

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
OTHER = "https://ca.example/directory"


def listed(
    number: int,
    *,
    stack: int = 1,
    days: float = 90,
    begin: datetime = BEGIN,
    names: tuple[str, ...] | None = None,
    directory: str = OTHER,
    directories: tuple[str, ...] = (),
    renewal_info: bool = False,
    standing: Standing | None = None,
) -> Listed:
    """The certificate number `number`, of a lifetime of `days`; `renewal_info` is of a CA that has ARI."""
    info = f"{directory}/info/{number}" if renewal_info else None
    held = Held(1, f"{number:x}", begin, begin + timedelta(days=days), renewal_info_url=info)
    known = standing or Standing()
    one = Kept(
        f"urn:{number}",
        f"c{number}",
        names or (f"n{number}.example",),
        directory,
        None,
        "CN=ca",
        held,
        f"{directory}/account",
        directories,
    )
    moment = due_at(held, known.window, known.wanted_epoch, known.retry_at)
    return Listed(number, stack, f"shop/s{stack}", one, known, moment)


def resource(stack: str, name: str, serial: int, end: datetime, directory: str, epoch: int = 1) -> Any:
    """A Certificate of 90 days as a state holds it."""
    given = {"domains": [f"{name}.example"], "directoryUrl": directory, "accountUri": f"{directory}/me"}
    return {
        "urn": f"urn:pulumi:{stack}::shop::{kept.TYPE}::{name}",
        "type": kept.TYPE,
        "custom": True,
        "id": "order",
        "inputs": given,
        "outputs": {
            "epoch": epoch,
            "serial": f"{serial:x}",
            "issuer": "CN=ca",
            "notBefore": (end - timedelta(days=90)).isoformat(),
            "notAfter": end.isoformat(),
        },
    }


def save(connection: Connection, stack: Stack, resources: list[Any]) -> None:
    """Make these the stack's resources, as the next version of its state."""
    version = versions.newest(connection, stack.id).version + 1
    versions.save(connection, stack.id, version, Checkpoint(version, 3, (), {"resources": resources}))
