"""tic:deploy/cloudflareCertificate:CloudflareCertificate: a custom certificate of a zone at Cloudflare.

https://developers.cloudflare.com/api/resources/custom_certificates/: replacing one that clients choose by SNI
gives it another id, and the old id is gone with that. A certificate is never given back: it is known by its
names and the second in which it ends.
https://developers.cloudflare.com/ssl/edge-certificates/custom-certificates/bundling-methodologies/
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from stacks.broker import OpenedFields
from stacks.provider.deploy.bundle import Bundle
from stacks.provider.deploy.calls import SECONDS, Account, Refused, ca_file, sdk, unless_gone
from stacks.provider.deploy.stored import Found, StoredCertificate
from stacks.provider.deploy.unnamed import Unnamed
from stacks.provider.properties import Change, Kind, Property
from stacks.provider.properties import Refused as BadValue
from stacks.provider.resource import Values
from stacks.provider.run import Operation

if TYPE_CHECKING:
    from cloudflare import APIStatusError, Cloudflare
    from cloudflare.types.custom_certificates import CustomCertificate

T = TypeVar("T")

HOST: Final = "api.cloudflare.com"
EDIT: Final = "Zone / SSL and Certificates / Edit"
AGAIN: Final = 1  # times, of a call that may be made twice
_BASE: Final = f"https://{HOST}/client/v4/"
_PER_PAGE: Final = 50
# "Authentication error", "Unauthorized to access requested resource": said of what a token may not do.
_DENIED: Final = ("10000", "9109")
_UNKNOWN: Final = ("1000", "6003", "6111", "9103", "9106")  # no such token or key, or none that is one


def zone_id(given: str) -> str:
    """A zone's id; its name is another thing."""
    if not re.fullmatch(r"[0-9a-f]{32}", given):
        raise BadValue("must be the zone's id, 32 hexadecimal digits: the zone's overview, API, Zone ID")
    return given


class Zones:
    """The custom certificates that one credential may see and change; every call raises StackError."""

    def __init__(self, label: str, unnamed: Unnamed, fields: Mapping[str, str], *secrets: str) -> None:
        with sdk("cloudflare", "cloudflare", "httpx", "httpcore"):
            import cloudflare  # noqa: F401  (that it is there)
        self.unnamed = unnamed
        self._fields = fields
        kept = (fields.get("api-token", ""), fields.get("api-key", ""), *secrets)
        self._account = Account("cloudflare", label, kept)

    def ask(self, doing: str, question: Callable[["Cloudflare"], T], *, once: bool = False) -> T:
        """The answer; `once` where asking again would do it twice."""
        import ssl

        import httpx
        from cloudflare import APIConnectionError, APIStatusError, Cloudflare

        trusted = ssl.create_default_context(cafile=ca_file())
        with (
            httpx.Client(verify=trusted, timeout=SECONDS, base_url=_BASE) as http,
            Cloudflare(base_url=_BASE, max_retries=0 if once else AGAIN, http_client=http) as client,
        ):
            self._sign(client)
            try:
                return question(client)
            except APIStatusError as error:
                raise self._refusal(doing, error) from None
            except APIConnectionError as error:
                raise self._account.unreachable(doing, HOST, error) from None
            except (AttributeError, TypeError, ValueError):  # what the SDK makes of another's answer
                raise self._account.unreadable(doing, HOST) from None

    def ask_one(
        self, doing: str, question: Callable[["Cloudflare"], object], *, once: bool = False
    ) -> "CustomCertificate":
        """The certificate that it is about."""
        from cloudflare.types.custom_certificates import CustomCertificate

        answer = self.ask(doing, question, once=once)
        if not isinstance(answer, CustomCertificate) or not isinstance(answer.id, str):
            raise self._account.unreadable(doing, HOST)
        return answer

    def _sign(self, client: "Cloudflare") -> None:
        """With the credential, and with nothing that the environment holds."""
        client.api_token = client.api_email = client.api_key = client.user_service_key = None
        if "api-token" in self._fields:
            client.api_token = self._fields["api-token"]
        else:
            client.api_email, client.api_key = self._fields["email"], self._fields["api-key"]

    def _refusal(self, doing: str, error: "APIStatusError") -> Refused:
        first = next(iter(getattr(error, "errors", None) or ()), None)
        code, words = (str(first.code), str(first.message)) if first is not None else ("", "")
        denied = code in _DENIED
        return self._account.refused(
            EDIT if denied else doing,
            error.status_code,
            code,
            words,
            denied=denied,
            unknown=code in _UNKNOWN or error.status_code == 401,
        )


class CloudflareCertificate(StoredCertificate[Zones]):
    """In place; nothing at Cloudflare points to a certificate by its id, which may be another one then."""

    token = "tic:deploy/cloudflareCertificate:CloudflareCertificate"  # noqa: S105  (a type token)
    kind = "cloudflare"
    label = "Cloudflare"
    description = (
        "A custom certificate of a zone at Cloudflare (plans Business and Enterprise). A renewed one takes "
        "its place; the id is another one then, unless it is for clients without SNI."
    )
    own_inputs = (
        Property("zoneId", Kind.STRING, "The zone's id.", required=True, rule=zone_id),
        Property(
            "bundleMethod",
            Kind.STRING,
            "What is served with it: `force` serves the chain as it is, the others Cloudflare chooses.",
            default="force",
            change=Change.UPDATE,
            choices=("force", "optimal", "ubiquitous"),
        ),
        Property(
            "clients",
            Kind.STRING,
            "Whom it is for: `sni_custom` clients that name the host, `legacy_custom` all.",
            default="sni_custom",
            choices=("sni_custom", "legacy_custom"),
        ),
    )

    def open(self, operation: Operation, account: OpenedFields, inputs: Values) -> Zones:
        """With the token, or the user's email address and global key."""
        secrets = (inputs.get("privateKeyPem") or "").splitlines()
        return Zones(self.label, Unnamed(operation, self.token), account.fields, *secrets)

    def upload(self, service: Zones, inputs: Values, sent: Bundle, name: str) -> Found:
        """The one that is there without an owner, else a new one."""
        zone = inputs["zoneId"]
        return service.unnamed.found_or_uploaded(
            (zone, sent.fingerprint),
            lambda: self._there(service, zone, sent),
            lambda: self._created(service, inputs, sent),
        )

    def replace(self, service: Zones, state: Values, inputs: Values, sent: Bundle) -> Found | None:
        """In its place; None where it is gone."""
        edited = unless_gone(
            lambda: service.ask_one(
                "replacing a custom certificate",
                lambda client: client.custom_certificates.edit(
                    state["certificateId"],
                    zone_id=state["zoneId"],
                    bundle_method=inputs["bundleMethod"],
                    certificate=sent.fullchain_pem,
                    private_key=sent.private_key_pem,
                ),
            )
        )
        return None if edited is None else Found(edited.id)

    def find(self, service: Zones, state: Values, id_: str) -> Found | None:
        """By its id; whether it is the state's, its names and its end tell."""
        found = unless_gone(
            lambda: service.ask_one(
                "reading a custom certificate",
                lambda client: client.custom_certificates.get(id_, zone_id=state["zoneId"]),
            )
        )
        if found is None or found.status == "deleted":
            return None
        return Found(id_, _fingerprint(found, state))

    def remove(self, service: Zones, state: Values, id_: str) -> None:
        """Delete it."""
        unless_gone(
            lambda: service.ask(
                "deleting a custom certificate",
                lambda client: client.custom_certificates.delete(id_, zone_id=state["zoneId"]),
            )
        )

    def _created(self, service: Zones, inputs: Values, sent: Bundle) -> Found:
        made = service.ask_one(
            "adding a custom certificate",
            lambda client: client.custom_certificates.create(
                zone_id=inputs["zoneId"],
                bundle_method=inputs["bundleMethod"],
                certificate=sent.fullchain_pem,
                private_key=sent.private_key_pem,
                type=inputs["clients"],
            ),
            once=True,
        )
        return Found(made.id)

    def _there(self, service: Zones, zone: str, sent: Bundle) -> Iterable[Found]:
        listed = service.ask(
            "listing custom certificates",
            lambda client: list(client.custom_certificates.list(zone_id=zone, per_page=_PER_PAGE)),
        )
        for each in listed:
            if each.status != "deleted" and _is_of(each, sent.domains, sent.not_after):
                yield Found(each.id)


def _fingerprint(found: Any, state: Values) -> str:
    """The state's, where the certificate is the state's; else words that tell which it is."""
    from stacks.provider.acme.certificates import read_issued

    issued = read_issued(state["certificatePem"])
    if _is_of(found, issued.domains, issued.not_after):
        return str(state["fingerprint"])
    ends = f" until {found.expires_on:%Y-%m-%d %H:%M} UTC" if found.expires_on else ""
    return f"one for {', '.join(found.hosts or ('no name',))}{ends}"


def _is_of(found: Any, names: Iterable[str], not_after: datetime) -> bool:
    same_names = {each.lower() for each in found.hosts or ()} == {each.lower() for each in names}
    if not same_names or found.expires_on is None:
        return False
    ends = found.expires_on if found.expires_on.tzinfo else found.expires_on.replace(tzinfo=UTC)
    return bool(abs((ends - not_after).total_seconds()) < 1)
