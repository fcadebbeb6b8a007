"""The account that a deployment logs in with: a credential that the stack is bound to, as it is now."""

from stacks.broker import OpenedFields
from stacks.errors import StackError
from stacks.provider.properties import Change, Kind, Property
from stacks.provider.resource import Values
from stacks.provider.run import Operation


def credential(kind: str) -> Property:
    """The input that names it."""
    return Property(
        "credential",
        Kind.STRING,
        f"The name of the credential that deploys, or its slot; by default the stack's own for {kind}.",
        change=Change.UPDATE,
    )


def opened(operation: Operation, values: Values, kind: str, label: str) -> OpenedFields:
    """Open it for a deployment to what `label` names. Raises BrokerError, StackError for another kind."""
    reference = values.get("credential") or kind
    account = operation.run.broker.open_credential(reference, purpose=f"deploy to {label}")
    if account.kind != kind:
        raise StackError(
            f"{reference} is a credential of {account.kind}, and {label} needs one of {kind}",
            hint=f"bind one: tic stack bind STACK CREDENTIAL --as {kind}",
        )
    return account
