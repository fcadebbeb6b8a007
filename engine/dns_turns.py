"""Which challenges can't be published at once: what lego does to the other values at a name (SPEC D2).

Read from the Present, CleanUp and Sequential of each provider in lego's sources (5.3.1):

- Some providers are `sequential` by lego's own word: one challenge of a credential at a time.
- Many withdraw a value by deleting whatever stands at its name, or whatever they last published there. A
  second challenge of that name (an apex and its wildcard, another stack's certificate) would lose its value
  before the CA has looked.
- Some read all values, add or take away one, and write all back. One worker does so call by call; two that do
  so at once lose what the other wrote in between.

All others publish and withdraw each value as a record of its own, and so do dynamic updates.
"""

from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING

from credentials import kinds
from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.challenge_notes import Author, Note
    from stacks.dns.publisher import Record
    from stacks.dns.zones import Place

WHOLE_NAME = frozenset(
    {
        # Everything at the name is deleted with one value, or the first record that is found there.
        "azure", "bindman", "bluecat", "cloudns", "designate", "dnsimple", "dnsmadeeasy", "dyn",
        "gandiv5", "gcloud", "namecheap", "namedotcom", "ns1", "rackspace", "selectel",
        "vegadns", "versio", "vscale", "vultr",
        # The second value takes the first one's place: in the client's memory (glesys), at the server, which
        # keeps two (acme-dns), or it is refused as there is a record set already (nifcloud).
        "acme-dns", "glesys", "nifcloud",
    }
)  # fmt: skip
"""One value of a name at a time."""
WHOLE_ZONE = frozenset({"gandi"})
"""One challenge of a zone at a time: it is copied, and the copy takes its place until the record goes."""
REWRITTEN = frozenset({"aws", "edgedns", "godaddy", "huaweicloud", "iijdpf", "sakuracloud"})
"""A name's values are read and written back: two workers take turns, one may publish several. Huawei Cloud's
client is tic's own; of PowerDNS's, which also is, `Database.alone` keeps any two calls apart.
"""


class Turns(Enum):
    """Whose challenges wait for one another."""

    NONE = "none"
    NAME = "name"
    ZONE = "zone"
    CREDENTIAL = "credential"


class NameTaken(EngineError):
    """Another challenge holds what this one needs, and has not let go in time."""


def turns(kind: str) -> Turns:
    """Which challenges of a kind of credential have to wait for one another within one run."""
    if kinds.load(kind).sequential:
        return Turns.CREDENTIAL
    if kind in WHOLE_ZONE:
        return Turns.ZONE
    return Turns.NAME if kind in WHOLE_NAME else Turns.NONE


def in_the_way(
    author: "Author", record: "Record", place: "Place", notes: "Iterable[Note]", now: float
) -> "Note | None":
    """The first of the notes that this record has to wait for, whichever stack and credential it is of.

    A note that no run looks after any more holds nobody up. Decides from the notes alone.
    """
    for note in notes:
        if (note.record.name, note.record.value) == (record.name, record.value) or note.is_left(now):
            continue
        same_name = note.record.name == record.name
        same_worker = (note.stack_id, note.credential) == (author.stack_id, author.credential)
        for kind in {author.provider, note.provider}:
            if same_name and (turns(kind) is not Turns.NONE or (kind in REWRITTEN and not same_worker)):
                return note
            if turns(kind) is Turns.ZONE and note.zone == place.zone:
                return note
            if turns(kind) is Turns.CREDENTIAL and note.credential == author.credential:
                return note
    return None


def taken(record: "Record", by: "Note", seconds: float) -> NameTaken:
    """What is said after `seconds` of waiting."""
    return NameTaken(
        f"{record.name} was not published: {why(by)}, which has lasted for {seconds:g} s",
        hint=f"run it again once {by.stack} is done (tic stack show {by.stack} says so): tic stack up",
    )


def why(by: "Note") -> str:
    """What a record waits for."""
    return (
        f"the stack {by.stack} proves {by.record.challenge.identifier} now, and two challenges at once would "
        f"cost one of them its value at {by.provider}"
    )
