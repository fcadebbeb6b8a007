"""tic:deploy/webhook:Webhook: a receiver of its own is told of a certificate, and puts it where it is needed.

What it gets is JSON, signed (Standard Webhooks): `{"type": "certificate.deployed", "timestamp": ..., "data":
{"deployment", "names", "serial", "fingerprint", "notBefore", "notAfter", "certificatePem", "chainPem",
"fullchainPem"}}`, with `privateKeyPem` only where that was asked for; `certificate.removed` has no PEM. A
message that a killed run may have sent goes out again under the same id; so does the first one of a
deployment that was destroyed and made anew with the very same certificate.
"""

import ipaddress
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from stacks.errors import StackError
from stacks.provider.acme.keys import private_key
from stacks.provider.deploy.account import credential, opened
from stacks.provider.deploy.bundle import MATERIAL, bundle
from stacks.provider.deploy.command import limit
from stacks.provider.deploy.key_form import telling_lines
from stacks.provider.deploy.owner import owner
from stacks.provider.deploy.posting import Receiver
from stacks.provider.deploy.replaced import is_its_replacements
from stacks.provider.deploy.signed_message import Message, message_id, secret_bytes
from stacks.provider.properties import Change, Checked, Failure, Kind, Output, Property, Refused
from stacks.provider.resource import Created, ResourceType, Values
from stacks.provider.run import Operation

KIND: Final = "webhook"
DEPLOYED, REMOVED = "certificate.deployed", "certificate.removed"
SECONDS: Final = 120.0
_PLAIN: Final = re.compile(r"[!-\[\]-~]+")  # printable ASCII but the space and the backslash
# What a message depends on; where none of it changes, nothing is sent.
_TOLD: Final = ("url", "certificatePem", "chainPem", "sendPrivateKey")


def address(given: str) -> str:
    """A URL that a key may be sent to; plain HTTP stays on this machine."""
    try:
        where = urlsplit(given)
        _ = where.port
    except ValueError:
        raise Refused("is no URL") from None
    if not _PLAIN.fullmatch(given) or where.scheme not in ("https", "http") or not where.hostname:
        raise Refused("must be https://host/path")
    if where.username is not None or where.fragment:
        raise Refused("must have no user name and no # in it")
    if where.scheme == "http" and not _is_loopback(where.hostname):
        raise Refused("must be https://: what is sent to another machine over http can be read on the way")
    return given


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Webhook(ResourceType):
    """Everything is an update: the same receiver is told of what is new."""

    token = "tic:deploy/webhook:Webhook"  # noqa: S105  (a type token)
    description = (
        "A receiver that is told of a certificate: JSON over HTTPS, signed as Standard Webhooks says with a "
        "secret of the vault, again while it is busy. Where the key is not asked for, it is not sent."
    )
    inputs = (
        Property(
            "url",
            Kind.STRING,
            "Where to: https://host/path, or http:// on this machine. Redirects are not followed.",
            required=True,
            change=Change.UPDATE,
            rule=address,
        ),
        credential(KIND),
        *(each for each in MATERIAL if each.name != "privateKeyPem"),
        Property(
            "privateKeyPem",
            Kind.STRING,
            "Its private key, in PEM, where it is to be checked or sent.",
            secret=True,
            change=Change.UPDATE,
            rule=private_key,
        ),
        Property(
            "sendPrivateKey",
            Kind.BOOLEAN,
            "Whether the receiver gets the private key.",
            default=False,
            change=Change.UPDATE,
        ),
        Property(
            "announceRemoval",
            Kind.BOOLEAN,
            "Whether the receiver is told when this is destroyed, or goes to another `url`.",
            default=False,
            change=Change.UPDATE,
        ),
        Property(
            "timeoutSeconds",
            Kind.NUMBER,
            "How long to try, in all.",
            default=SECONDS,
            change=Change.UPDATE,
            rule=limit,
        ),
    )
    outputs = (
        Output("messageId", Kind.STRING, "The id of the last message (`webhook-id`)."),
        Output("deliveredAt", Kind.STRING, "When the receiver took it, in UTC (RFC 3339)."),
        Output("serial", Kind.STRING, "The serial number of the certificate in it, in hexadecimal."),
        Output("fingerprint", Kind.STRING, "SHA-256 of that certificate's DER, in hexadecimal."),
    )

    def check(self, given: Values) -> Checked:
        """Besides each property's own rules: what is to be sent is there."""
        checked = super().check(given)
        if checked.inputs.get("sendPrivateKey") is True and not checked.inputs.get("privateKeyPem"):
            checked.failures.append(Failure("privateKeyPem", "is required where sendPrivateKey is true"))
        return checked

    def preview_update(self, state: Values, inputs: Values) -> dict[str, Any]:
        """Another message, where what it tells has changed or is not known yet."""
        return self.kept(state) if _same(state, inputs) else self.preview_create(inputs)

    def create(self, operation: Operation, inputs: Values) -> Created:
        """Check that it belongs together, tell the receiver."""
        outputs = _deployed(operation, inputs, "")
        return Created(outputs["messageId"], outputs)

    def update(self, operation: Operation, state: Values, inputs: Values) -> dict[str, Any]:
        """Tell the receiver where there is something new; and the former one, where it asked for that."""
        if _same(state, inputs):
            return self.kept(state)
        outputs = _deployed(operation, inputs, state["messageId"])
        if state["url"] != inputs["url"]:
            try:
                self.delete(operation, state)
            except StackError as error:
                operation.warn(f"the former receiver was not told that it is removed: {error}; {error.hint}")
        return outputs

    def delete(self, operation: Operation, state: Values) -> None:
        """Tell the receiver, where that was asked for; not where its replacement has told it anew."""
        if not state.get("announceRemoval"):
            return
        if is_its_replacements(operation, self.token, str(_place(state)), _place):
            return
        from stacks.provider.acme.certificates import read_issued

        issued = read_issued(state["certificatePem"])
        told = {
            "deployment": owner(operation.urn),
            "names": list(issued.domains),
            "serial": issued.serial,
            "fingerprint": state["fingerprint"],
        }
        _post(operation, state, REMOVED, told, state["messageId"])


def _same(state: Values, inputs: Values) -> bool:
    return all(state.get(each) == inputs.get(each) for each in _TOLD)


def _place(outputs: Values) -> str | None:
    """Which certificate was told to whom; None where that is not known."""
    url, told = outputs.get("url"), outputs.get("fingerprint")
    return f"{url} {told}" if url and told else None


def _deployed(operation: Operation, inputs: Values, before: str) -> dict[str, Any]:
    sent = bundle(inputs, urlsplit(inputs["url"]).netloc, keyless=True)
    from stacks.provider.acme.certificates import read_issued

    issued = read_issued(sent.certificate_pem)
    told = {
        "deployment": owner(operation.urn),
        "names": list(sent.domains),
        "serial": sent.serial,
        "fingerprint": sent.fingerprint,
        "notBefore": f"{issued.not_before:%Y-%m-%dT%H:%M:%SZ}",
        "notAfter": f"{sent.not_after:%Y-%m-%dT%H:%M:%SZ}",
        "certificatePem": sent.certificate_pem,
        "chainPem": sent.chain_pem,
        "fullchainPem": sent.fullchain_pem,
    }
    if inputs["sendPrivateKey"]:
        told["privateKeyPem"] = sent.private_key_pem
    id_ = _post(operation, inputs, DEPLOYED, told, before)
    operation.run.uploaded[f"{inputs['url']} {sent.fingerprint}"] = operation.urn
    return {
        "messageId": id_,
        "deliveredAt": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "serial": sent.serial,
        "fingerprint": sent.fingerprint,
    }


def _post(operation: Operation, values: Values, event: str, told: Mapping[str, Any], before: str) -> str:
    """Send it; the id is made of what is told, and of the message before, so that going back to an earlier
    certificate is news.
    """
    public = (str(told[each]) for each in told if each != "privateKeyPem")
    id_ = message_id(operation.urn, values["url"], event, before, *public, str("privateKeyPem" in told))
    where = urlsplit(values["url"]).netloc
    secret = opened(operation, values, KIND, where).fields["secret"]
    hidden = (secret, *telling_lines(values.get("privateKeyPem")))
    receiver = Receiver(
        values["url"],
        secret_bytes(secret),
        float(values["timeoutSeconds"]),
        None if "privateKeyPem" in told else hidden,
    )
    receiver.post(operation, Message.about(id_, event, told, datetime.now(UTC)))
    return id_
