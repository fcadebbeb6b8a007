"""tic:acme/account:Account: an account at a CA (RFC 8555 7.3), with a key that is made here."""

from typing import Any

from stacks.errors import StackError
from stacks.provider.acme.directories import CA_CERTIFICATES, DIRECTORY_URL
from stacks.provider.acme.keys import KEY_TYPES, make_key
from stacks.provider.acme.problems import AuthorityError
from stacks.provider.properties import Change, Kind, Output, Property, Refused
from stacks.provider.resource import Created, ResourceType, Values
from stacks.provider.run import Operation

GONE = {"accountDoesNotExist", "unauthorized"}


def email(given: str) -> str:
    """One address, without what a `mailto:` URL may not hold here (RFC 8555 7.3)."""
    address = given.strip().removeprefix("mailto:")
    if (
        address.count("@") != 1
        or address.startswith("@")
        or address.endswith("@")
        or set(address) & set(",? \t")
    ):
        raise Refused("must be one e-mail address")
    return address


class Account(ResourceType):
    """Made once, used by every order of the stack; deactivated at the CA when the stack no longer has it."""

    token = "tic:acme/account:Account"  # noqa: S105  (a type token)
    description = "An account at a CA (RFC 8555 7.3). Its private key is made here and kept as a secret."
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
            "termsOfServiceAgreed",
            Kind.BOOLEAN,
            "Whether you agree to the CA's terms; ordering from a CA needs it. The output `termsOfService` "
            "says which terms were agreed to.",
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
            "keyType", Kind.STRING, "The type of the account's key.", default="ec256", choices=KEY_TYPES
        ),
    )
    outputs = (
        Output("accountUri", Kind.STRING, "The account's URL at the CA."),
        Output("privateKeyPem", Kind.STRING, "The account's private key, in PEM.", secret=True),
        Output("termsOfService", Kind.STRING, "The URL of the terms that were agreed to.", optional=True),
    )

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
            answer = talk.post(talk.directory["newAccount"], payload, "make an account")
        outputs = {"accountUri": answer.location, "privateKeyPem": key, "termsOfService": terms}
        return Created(answer.location, outputs)

    def update(self, operation: Operation, state: Values, inputs: Values) -> dict[str, Any]:
        """Tell the CA the new contact (7.3.2); other changes need no word to it."""
        if state.get("email") != inputs.get("email"):
            with operation.run.authorities.talk(_access(state, inputs)) as talk:
                talk.post(state["accountUri"], {"contact": _contact(inputs)}, "change the account's contact")
        return self.kept(state)

    def read(self, operation: Operation, state: Values) -> dict[str, Any] | None:
        """Ask the CA; a deactivated or forgotten account is gone, and the next run makes another."""
        try:
            with operation.run.authorities.talk(_access(state, state)) as talk:
                answer = talk.read(state["accountUri"], "read the account")
        except AuthorityError as error:
            if error.code in GONE or error.status == 404:
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


def _access(state: Values, inputs: Values) -> Any:
    from stacks.provider.acme.authority import Access

    return Access(
        state["directoryUrl"], inputs.get("caCertificates"), state["privateKeyPem"], state["accountUri"]
    )


def _contact(inputs: Values) -> list[str]:
    return [f"mailto:{inputs['email']}"] if inputs.get("email") else []


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
