"""Another key for an account (RFC 8555 7.3.5: keyChange), in a way that no kill loses.

The new key is noted at the broker before the CA is asked: it is there whatever becomes of this process, and
of the state that the run is to write.
"""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stacks.account_notes import KeyNote
from stacks.errors import StackError
from stacks.provider.acme.keys import make_key, signer, type_of
from stacks.provider.acme.problems import AuthorityError
from stacks.provider.run import Run

if TYPE_CHECKING:
    from stacks.provider.acme.authority import Access, Conversation

DOING = "change the account's key"
CONFLICT = 409


def rolled_over(run: Run, talk: "Conversation", key_type: str, epoch: int) -> str:
    """The account's new key, of this type, for this epoch; the CA has it when this returns.

    A key that was noted for the same, by a run that ended before the CA had it, is taken. Raises BrokerError
    where it can't be noted, and then the CA was not asked; AuthorityError, StackError.
    """
    uri = str(talk.access.account_uri)
    if "keyChange" not in talk.directory:
        raise StackError(
            f"the CA at {talk.access.directory_url} changes no account's key: its directory has no keyChange",
            hint="take `keyEpoch` and `keyType` back; another key needs another account there, which is a "
            "resource of another name",
        )
    note = run.account_notes.key(uri)
    present = str(talk.access.account_key_pem)
    if note is None or note.key_pem == present or note.epoch != epoch or type_of(note.key_pem) != key_type:
        note = KeyNote(uri, epoch, make_key(key_type), present)
        run.account_notes.note_key(note)
    refused: AuthorityError | None = None
    try:
        talk.post(talk.directory["keyChange"], signed_by_both(talk, note.key_pem), DOING)
    except AuthorityError as error:
        refused = error
    owner = _owner(run, talk.access, note.key_pem, refused)
    if owner != uri:
        if refused is not None and refused.status != CONFLICT:
            raise refused
        run.account_notes.note_key(KeyNote(uri, epoch, present, present))
        raise _not_taken(owner or (refused.location if refused else ""))
    run.authorities.took(note.key_pem)
    return note.key_pem


def signed_by_both(talk: "Conversation", new_key_pem: str) -> dict[str, Any]:
    """What the new key signs, account and old key (the inner JWS); the old key signs the request."""
    from acme.jws import JWS

    new, algorithm = signer(new_key_pem)
    old, _ = signer(str(talk.access.account_key_pem))
    said = {"account": talk.access.account_uri, "oldKey": json.loads(old.public_key().json_dumps())}
    body = json.dumps(said).encode()
    inner = JWS.sign(body, key=new, alg=algorithm, nonce=None, url=talk.directory["keyChange"])
    content: dict[str, Any] = json.loads(inner.json_dumps())
    return content


def _owner(run: Run, access: "Access", key_pem: str, refused: AuthorityError | None) -> str | None:
    """Which account has the key at the CA, whatever the CA answered: an answer may be lost, or mean nothing.

    Asked on another connection. Where that fails as well, what was refused is raised.
    """
    try:
        with run.authorities.talk(replace(access, account_uri=None, account_key_pem=key_pem)) as alone:
            return alone.account_of_key()
    except AuthorityError as error:
        raise refused or error from error


def _not_taken(owner: str) -> StackError:
    why = f"another account ({owner}) has the new key already" if owner else "the CA did not take the new key"
    return StackError(
        f"could not {DOING}: {why}, so that was dropped; the account keeps the key that it has",
        hint="run `tic stack up` again; it makes another key",
    )
