"""Dynamic updates (RFC 2136), signed with TSIG (RFC 8945) where there is a key.

An update adds one value, or deletes exactly one value of one name, so whatever else stands at the name stays.
"""

import base64
import binascii
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update

from stacks.dns.asking import NO_ROUTE, endpoint, host_and_port
from stacks.dns.publisher import ProviderFailed, Record
from stacks.errors import StackError

ALGORITHMS: Mapping[str, dns.name.Name] = {
    "hmac-md5": dns.tsig.HMAC_MD5,
    "hmac-sha1": dns.tsig.HMAC_SHA1,
    "hmac-sha224": dns.tsig.HMAC_SHA224,
    "hmac-sha256": dns.tsig.HMAC_SHA256,
    "hmac-sha384": dns.tsig.HMAC_SHA384,
    "hmac-sha512": dns.tsig.HMAC_SHA512,
}
DEFAULT_ALGORITHM = "hmac-sha256"
DEFAULT_TTL = 60
DNS_PORT = 53
ANSWER_SECONDS = 3.0
UNTRUSTED = (dns.tsig.BadSignature, dns.tsig.BadKey, dns.tsig.BadTime, dns.message.UnknownTSIGKey)
CHECK_KEY = "make name, secret and algorithm those of the key on the name server: tic creds rotate NAME"


class SettingsMalformed(StackError):
    """The settings of a name server or of its key can't be used; the text never holds the secret."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """A name server that takes updates: its address, port, and TSIG key (None: updates go unsigned)."""

    host: str
    port: int
    key: dns.tsig.Key | None = field(repr=False)
    ttl: int = DEFAULT_TTL

    @classmethod
    def read(
        cls,
        nameserver: str,
        key: str = "",
        secret: str = "",
        algorithm: str = "",
        *,
        ttl: int = DEFAULT_TTL,
    ) -> "Settings":
        """From a credential's fields: `host[:port]`, the key's name, its base64 secret, its algorithm;
        `ttl` of the records in seconds.

        Raises SettingsMalformed.
        """
        try:
            host, port = host_and_port(nameserver)
        except ValueError as error:
            raise SettingsMalformed(
                f"the name server {nameserver!r} is not a host with an optional port",
                hint="write it as ns1.example.org, 192.0.2.53:53 or [2001:db8::53]:53: tic creds rotate NAME",
            ) from error
        if not key and not secret:
            return cls(host, port, None, ttl)
        if not key or not secret:
            has, lacks = ("name", "secret") if key else ("secret", "name")
            raise SettingsMalformed(
                f"the TSIG key for {nameserver} has a {has} and no {lacks}",
                hint="give both tsig-key and tsig-secret, or neither: tic creds rotate NAME",
            )
        return cls(host, port, _key(key, secret, algorithm or DEFAULT_ALGORITHM), ttl)

    def __str__(self) -> str:
        return endpoint(self.host, self.port)

    def addresses(self) -> tuple[str, ...]:
        """The addresses of the name server, as the system orders them. Raises SettingsMalformed."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)
        except OSError as error:
            raise SettingsMalformed(
                f"the name server {self.host!r} has no address: {error.strerror}",
                hint="correct the credential's nameserver: tic creds rotate NAME",
            ) from error
        return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


class DynamicUpdates:
    """A Publisher over RFC 2136; several threads may use it at once."""

    usable = True

    def __init__(self, settings: Settings, *, seconds: float = ANSWER_SECONDS) -> None:
        """`seconds` is how long an answer may take, over UDP and once more over TCP."""
        self.settings = settings
        self.seconds = seconds

    def perform(self, record: Record) -> None:
        """Add the value; where it is there already the server keeps one of it (RFC 2136 3.4.2.2).

        All values of a name have one TTL (RFC 2181 5.2), which the last one that is added would change: so it
        gets that of the others.
        """
        zone = self._zone_of(record.name)
        update = dns.update.UpdateMessage(zone)
        ttl = self._ttl_of(record.name)
        update.add(_relative(record.name, zone), ttl, "TXT", f'"{record.value}"')
        self._accepted(self._ask(update), f"adding the TXT record {record.name}", zone)

    def cleanup(self, record: Record) -> None:
        """Delete the value and nothing else at that name (RFC 2136 2.5.4)."""
        zone = self._zone_of(record.name)
        update = dns.update.UpdateMessage(zone)
        update.delete(_relative(record.name, zone), "TXT", f'"{record.value}"')
        self._accepted(self._ask(update), f"deleting the TXT record {record.name}", zone)

    @property
    def nameservers(self) -> tuple[str, ...]:
        """The server itself where its port is its own: then the zone's NS records can't lead to it."""
        if self.settings.port == DNS_PORT:
            return ()
        return tuple(endpoint(address, self.settings.port) for address in self.settings.addresses())

    def stop(self) -> None:
        """Each update has its time limit; nothing hangs."""

    def close(self) -> None:
        """Nothing is held between two updates."""

    def _zone_of(self, name: str) -> dns.name.Name:
        """The zone at this server that holds `name`, by the SOA in its answer."""
        owner = dns.name.from_text(name)
        query = dns.message.make_query(owner, dns.rdatatype.SOA)
        query.flags &= ~dns.flags.RD
        answer = self._ask(query)
        if answer.rcode() in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN} and answer.flags & dns.flags.AA:
            for rrset in (*answer.answer, *answer.authority):
                if rrset.rdtype == dns.rdatatype.SOA and owner.is_subdomain(rrset.name):
                    return rrset.name
        raise ProviderFailed(
            f"the name server {self.settings} holds no zone for {name} (it answers {_code(answer)})",
            hint="give the credential the zone's primary name server, and check that it has the zone loaded",
            untouched=True,
        )

    def _ttl_of(self, name: str) -> int:
        """The TTL of the TXT values that are at the name already, else that of the settings."""
        query = dns.message.make_query(name, dns.rdatatype.TXT)
        query.flags &= ~dns.flags.RD
        for rrset in self._ask(query).answer:
            if rrset.rdtype == dns.rdatatype.TXT and rrset.name == dns.name.from_text(name):
                return rrset.ttl
        return self.settings.ttl

    def _ask(self, message: dns.message.Message) -> dns.message.Message:
        if self.settings.key is not None:
            message.use_tsig(self.settings.key)
        try:
            return self._exchanged(message)
        except dns.tsig.PeerBadKey as error:
            raise self._refused("does not know the TSIG key {key} with {algorithm} (BADKEY)") from error
        except (dns.tsig.PeerBadSignature, dns.tsig.PeerBadTruncation) as error:
            raise self._refused("has another secret for the TSIG key {key} (BADSIG)") from error
        except dns.tsig.PeerBadTime as error:
            raise self._refused(
                "finds the time of this machine wrong (BADTIME)",
                hint="set the clocks of this machine and the server; TSIG allows 300 s between them",
            ) from error
        except (
            dns.tsig.BadSignature,
            dns.tsig.BadKey,
            dns.tsig.BadTime,
            dns.message.UnknownTSIGKey,
        ) as error:
            raise ProviderFailed(
                f"the answer of the name server {self.settings} is not signed with the TSIG key",
                hint=CHECK_KEY,
            ) from error
        except dns.exception.DNSException as error:
            raise ProviderFailed(
                f"the name server {self.settings} sends what is no DNS answer ({type(error).__name__})",
                hint="check that a name server listens at this address and port",
            ) from error

    def _exchanged(self, message: dns.message.Message) -> dns.message.Message:
        """The next address is tried only where there is no way to this one."""
        for address in self.settings.addresses():
            try:
                return self._exchanged_at(address, message)
            except (dns.exception.Timeout, EOFError) as error:
                raise self._unreachable(
                    f"no answer within {self.seconds:g} s over UDP, nor over TCP"
                ) from error
            except OSError as error:
                if error.errno not in NO_ROUTE:
                    raise self._unreachable(error.strerror or str(error)) from error
        raise self._unreachable("this machine has no route to it")

    def _exchanged_at(self, address: str, message: dns.message.Message) -> dns.message.Message:
        port, seconds = self.settings.port, self.seconds
        try:
            return dns.query.udp(
                message, address, seconds, port, ignore_unexpected=True, raise_on_truncation=True
            )
        except (dns.exception.Timeout, dns.message.Truncated):
            return dns.query.tcp(message, address, seconds, port)

    def _accepted(self, answer: dns.message.Message, doing: str, zone: dns.name.Name) -> None:
        code = answer.rcode()
        if code == dns.rcode.NOERROR:
            return
        name = zone.to_text(omit_final_dot=True)
        who = "this address" if self.settings.key is None else "this key"
        hints = {
            dns.rcode.REFUSED: f"let {who} update TXT records of {name} (BIND: update-policy, allow-update)",
            dns.rcode.NOTAUTH: f"give the credential the primary name server of {name}",
            dns.rcode.NOTZONE: f"give the credential the primary name server of {name}",
        }
        raise ProviderFailed(
            f"the name server {self.settings} refuses {doing} in the zone {name} ({_code(answer)})",
            hint=hints.get(code, "its log says why: correct that and run again"),
            untouched=True,
        )

    def _refused(self, text: str, *, hint: str = CHECK_KEY) -> ProviderFailed:
        key = self.settings.key
        names = {"key": key.name, "algorithm": key.algorithm} if key else {}
        said = text.format(**{name: value.to_text(omit_final_dot=True) for name, value in names.items()})
        return ProviderFailed(f"the name server {self.settings} {said}", hint=hint, untouched=True)

    def _unreachable(self, why: str) -> ProviderFailed:
        return ProviderFailed(
            f"the name server {self.settings} can't be reached for dynamic updates: {why}",
            hint="check that it runs, and that UDP and TCP to this port are allowed from here",
        )


def _key(name: str, secret: str, algorithm: str) -> dns.tsig.Key:
    plain = algorithm.lower().rstrip(".").removesuffix(".sig-alg.reg.int")
    if plain not in ALGORITHMS:
        raise SettingsMalformed(
            f"the TSIG algorithm {algorithm!r} is not known",
            hint=f"use one of {', '.join(ALGORITHMS)}: tic creds rotate NAME",
        )
    try:
        decoded = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not decoded:  # raised here, because the decoder's own error would be chained and quote the secret
        raise SettingsMalformed(f"the secret of the TSIG key {name!r} is not base64", hint=CHECK_KEY)
    try:
        return dns.tsig.Key(dns.name.from_text(name), decoded, ALGORITHMS[plain])
    except (dns.exception.DNSException, UnicodeError) as error:
        raise SettingsMalformed(f"the TSIG key's name {name!r} is not a DNS name", hint=CHECK_KEY) from error


def _relative(name: str, zone: dns.name.Name) -> dns.name.Name:
    return dns.name.from_text(name).relativize(zone)


def _code(answer: dns.message.Message) -> str:
    return dns.rcode.to_text(answer.rcode())
