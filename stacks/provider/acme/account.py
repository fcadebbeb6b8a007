"""tic:acme/account:Account: an account at a CA (RFC 8555 7.3), with a key that is made here."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stacks.account_notes import KeyNote
from stacks.broker import BrokerError
from stacks.errors import StackError
from stacks.provider.acme import allowance
from stacks.provider.acme.account_facts import ACCOUNT, FIRST_KEY_EPOCH, contact_urls, contacts, email
from stacks.provider.acme.directories import CA_CERTIFICATES, DIRECTORY_URL
from stacks.provider.acme.keys import KEY_TYPES, make_key, type_of
from stacks.provider.acme.problems import AuthorityError
from stacks.provider.properties import Change, Kind, Output, Property, Refused
from stacks.provider.resource import Created, ResourceType, Values
from stacks.provider.run import Operation
from stacks.provider.values import UNKNOWN, is_unknown

if TYPE_CHECKING:
    from stacks.provider.acme.authority import Access, Conversation

GONE = {"accountDoesNotExist", "unauthorized"}


def key_epoch(given: int) -> int:
    """Counts from 1."""
    if given < FIRST_KEY_EPOCH:
        raise Refused(f"must be at least {FIRST_KEY_EPOCH}")
    return given


class Account(ResourceType):
    """Made once, used by every order of the stack; deactivated at the CA when the stack no longer has it."""

    token = ACCOUNT
    description = (
        "An account at a CA (RFC 8555 7.3). Its private key is made here and kept as a secret. Several "
        "certificates, also of other stacks, can share one."
    )
    inputs = (
        DIRECTORY_URL,
        Property(
            "email",
            Kind.STRING,
            "Where the CA may write to: expiries, incidents.",
            change=Change.UPDATE,
            rule=email,
        ),
        Property(
            "contacts",
            Kind.STRINGS,
            "Further contacts: e-mail addresses, or URLs (tel:) for a CA that takes them.",
            change=Change.UPDATE,
            rule=contacts,
        ),
        Property(
            "termsOfServiceAgreed",
            Kind.BOOLEAN,
            "Whether you agree to the CA's terms; ordering from a CA needs it. The run says which they are, "
            "and the output `termsOfService` keeps it.",
            default=True,
            change=Change.UPDATE,
        ),
        CA_CERTIFICATES,
        Property(
            "eabCredential",
            Kind.STRING,
            "Name or token of an acme-account credential, for a CA that binds accounts to customers (7.3.4).",
        ),
        Property(
            "keyType",
            Kind.STRING,
            "The type of the account's key. Another one gives the account a new key (7.3.5).",
            default="ec256",
            choices=KEY_TYPES,
            change=Change.UPDATE,
        ),
        Property(
            "keyEpoch",
            Kind.INTEGER,
            "Raise it by one for a new key of the account (7.3.5); the account and all that it ordered stay.",
            default=FIRST_KEY_EPOCH,
            change=Change.UPDATE,
            rule=key_epoch,
        ),
    )
    outputs = (
        Output("accountUri", Kind.STRING, "The account's URL at the CA."),
        Output("privateKeyPem", Kind.STRING, "The account's private key, in PEM.", secret=True),
        Output("termsOfService", Kind.STRING, "The URL of the terms that were agreed to.", optional=True),
        Output("termsAgreedAt", Kind.STRING, "When they were agreed to (RFC 3339, UTC).", optional=True),
    )

    def diff(
        self, operation: Operation, state: Values, inputs: Values, ignored: Iterable[str]
    ) -> dict[str, Change]:
        """Besides changed inputs: a key that an earlier run wanted the CA to take, and the state has not."""
        changes = super().diff(operation, state, inputs, ignored)
        note = operation.run.account_notes.key(state["accountUri"])
        if note is not None and note.key_pem != state["privateKeyPem"]:
            changes["privateKeyPem"] = Change.UPDATE
        return changes

    def create(self, operation: Operation, inputs: Values) -> Created:
        """Register a new key (newAccount); a CA that needs a customer's binding gets one."""
        from stacks.provider.acme.authority import Access

        key = make_key(inputs["keyType"])
        with operation.run.authorities.talk(
            Access(inputs["directoryUrl"], inputs.get("caCertificates"), key)
        ) as talk:
            meta = talk.directory.get("meta") or {}
            terms = meta.get("termsOfService")
            if terms and not inputs["termsOfServiceAgreed"]:
                raise StackError(
                    f"the CA at {inputs['directoryUrl']} takes orders only under its terms: {terms}",
                    hint="read them, and set `termsOfServiceAgreed: true`",
                )
            payload: dict[str, Any] = {
                "contact": _contact(inputs),
                "termsOfServiceAgreed": inputs["termsOfServiceAgreed"],
            }
            if inputs.get("eabCredential"):
                payload["externalAccountBinding"] = _binding(operation, inputs, key, talk.directory)
            elif meta.get("externalAccountRequired"):
                raise StackError(
                    f"the CA at {inputs['directoryUrl']} binds each account to a customer (RFC 8555 7.3.4)",
                    hint="get a key id and HMAC key from the CA and keep them: tic creds new NAME "
                    "--provider acme-account; then set `eabCredential: NAME`",
                )
            answer = allowance.account(
                operation,
                inputs["directoryUrl"],
                lambda: talk.post(talk.directory["newAccount"], payload, "make an account"),
            )
        if terms:
            operation.run.account_notes.show_terms(inputs["directoryUrl"], terms, answer.location)
        outputs = {
            "accountUri": answer.location,
            "privateKeyPem": key,
            "termsOfService": terms,
            "termsAgreedAt": datetime.now(UTC).isoformat(timespec="seconds") if terms else None,
        }
        return Created(answer.location, outputs)

    def preview_update(self, state: Values, inputs: Values) -> dict[str, Any]:
        """A new key is not known before the CA has it."""
        outputs = self.kept(state)
        return {**outputs, "privateKeyPem": UNKNOWN} if _wants_key(state, inputs) else outputs

    def update(self, operation: Operation, state: Values, inputs: Values) -> dict[str, Any]:
        """Tell the CA the new contacts (7.3.2), change the key (7.3.5); other changes need no word to it."""
        contacts_changed = _contact(state) != _contact(inputs)
        note = operation.run.account_notes.key(state["accountUri"])
        settled = note is None or note.key_pem == state["privateKeyPem"]
        if settled and not contacts_changed and not _wants_key(state, inputs):
            return self.kept(state)
        with operation.run.authorities.talk(_access(state, inputs)) as talk:
            if contacts_changed:
                talk.post(state["accountUri"], {"contact": _contact(inputs)}, "change the account's contacts")
            key = _key(operation, talk, state, inputs)
        return {**self.kept(state), "privateKeyPem": key}

    def read(self, operation: Operation, state: Values) -> dict[str, Any] | None:
        """Ask the CA; a deactivated or forgotten account is gone, and the next run makes another."""
        try:
            with operation.run.authorities.talk(_access(state, state)) as talk:
                answer = talk.read(state["accountUri"], "read the account")
        except AuthorityError as error:
            if error.code in GONE or error.status == 404 or _is_strange(operation, state, error):
                return None
            raise
        return self.kept(state) if answer.body.get("status", "valid") == "valid" else None

    def delete(self, operation: Operation, state: Values) -> None:
        """Deactivate it (7.3.6): nobody holds its key any more. A CA that can't be asked holds up nothing."""
        try:
            with operation.run.authorities.talk(_access(state, state)) as talk:
                talk.post(state["accountUri"], {"status": "deactivated"}, "deactivate the account")
        except AuthorityError as error:
            operation.warn(f"{error}; the account stays at the CA without a key, which is harmless")
        try:
            operation.run.account_notes.forget_key(state["accountUri"])
        except BrokerError as error:
            operation.warn(f"the note of the account's key stays until the stack is removed: {error}")


def _key(operation: Operation, talk: "Conversation", state: Values, inputs: Values) -> str:
    """The key that the CA has once the inputs are met: the present one, or one that takes its place."""
    notes, uri = operation.run.account_notes, state["accountUri"]
    present = str(talk.access.account_key_pem)
    came_later = present != state["privateKeyPem"]
    note = notes.key(uri)
    if _wants_key(state, inputs):
        is_it = came_later and note is not None and note.epoch == inputs["keyEpoch"]
        if is_it and type_of(present) == inputs["keyType"]:
            return present  # an earlier run had the CA take it, and ended before the state was written
        operation.say("changing the account's key")
        from stacks.provider.acme.rollover import rolled_over

        return rolled_over(operation.run, talk, inputs["keyType"], inputs["keyEpoch"])
    if note is not None and note.key_pem != present:  # the CA never took that, and nobody wants it any more
        notes.note_key(KeyNote(uri, note.epoch, present, present))
    return present


def _is_strange(operation: Operation, state: Values, error: AuthorityError) -> bool:
    """Whether the CA refuses the signature because the account has another key, which nobody here knows.

    As after a key rollover in another home: without its key the account is of no use here.
    """
    if error.code != "malformed":
        return False
    alone = replace(_access(state, state), account_uri=None)
    with operation.run.authorities.talk(alone) as talk:
        return talk.account_of_key() != str(state["accountUri"])


def _wants_key(state: Values, inputs: Values) -> bool:
    """Whether the inputs mean another key than the state's; an older state knows no epoch."""
    epochs = [values.get("keyEpoch", FIRST_KEY_EPOCH) for values in (state, inputs)]
    return any(map(is_unknown, epochs)) or epochs[0] != epochs[1] or state["keyType"] != inputs["keyType"]


def _access(state: Values, inputs: Values) -> "Access":
    from stacks.provider.acme.authority import Access

    return Access(
        state["directoryUrl"], inputs.get("caCertificates"), state["privateKeyPem"], state["accountUri"]
    )


def _contact(inputs: Values) -> list[str]:
    return contact_urls(inputs.get("email"), inputs.get("contacts"))


def _binding(operation: Operation, inputs: Values, key: str, directory: Values) -> dict[str, Any]:
    """The account's public key, signed with the customer's HMAC key (RFC 8555 7.3.4)."""
    from acme.messages import Directory, ExternalAccountBinding

    from stacks.provider.acme.keys import signer

    reference = inputs["eabCredential"]
    opened = operation.run.broker.open_credential(reference, purpose="acme account")
    try:
        return ExternalAccountBinding.from_data(
            signer(key)[0].public_key(),
            opened.fields["kid"],
            opened.fields["hmac"],
            Directory({"newAccount": directory["newAccount"]}),
        )
    except (KeyError, ValueError, TypeError):
        raise StackError(
            f"the credential {reference!r} can't bind an account: it needs `kid` and a base64url `hmac`",
            hint=f"put the CA's values into it: tic creds rotate {reference}",
        ) from None
