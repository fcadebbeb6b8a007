"""Where a record belongs: zones, name servers, CNAMEs and delegations, in a small DNS of the test's own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import dns.rcode
import pytest
from dns.message import Message

from engine.sandbox.ports import free_port
from stacks.dns.asking import NameserverMalformed, given
from stacks.dns.zones import SystemResolver, ZoneNotFound, Zones, place_at
from tests.servers.bind import Zone as BindZone
from tests.servers.bind import bind
from tests.stacks.dns.answering import Answering, Query, answering, response

NAME = "_acme-challenge.example.test"
APEX_SOA = "{zone}. SOA ns1.{zone}. admin.{zone}. 1 2 3 4 1"
Respond = Callable[[Query], Message]


def zone_server(zone: str, *records: str, delegations: tuple[str, ...] = ()) -> Respond:
    """Answers with authority for one zone, refers for what is delegated, and refuses everything else."""

    def respond(query: Query) -> Message:
        name = f"{query.name}."
        if not f".{name}".endswith(f".{zone}."):
            return response(query, code=dns.rcode.REFUSED, authoritative=False)
        for delegation in delegations:
            if f".{name}".endswith(f".{delegation.split()[0]}"):
                return response(query, authority=[delegation], authoritative=False)
        here = [each for each in records if each.split()[0] == name]
        fitting = [each for each in here if each.split()[1] in {query.kind, "CNAME"}]
        code = dns.rcode.NOERROR if here else dns.rcode.NXDOMAIN
        return response(query, *fitting, authority=() if fitting else [APEX_SOA.format(zone=zone)], code=code)

    return respond


def resolver(zones: dict[str, tuple[str, ...]], addresses: dict[str, str]) -> Respond:
    """Answers recursively for SOA, NS and A, from a table: zone -> its name servers."""

    def respond(query: Query) -> Message:
        name = f"{query.name}."
        zone = max((z for z in zones if f".{name}".endswith(f".{z}.")), key=len, default="")
        soa = APEX_SOA.format(zone=zone) if zone else ". SOA a. b. 1 2 3 4 1"
        if query.kind == "SOA" and name == f"{zone}.":
            return response(query, soa, authoritative=False)
        if query.kind == "NS" and query.name in zones:
            return response(query, *(f"{name} NS {each}." for each in zones[query.name]), authoritative=False)
        if query.kind == "NS" and name == ".":
            return response(query, ". NS a.", authoritative=False)
        if query.kind == "A" and query.name in addresses:
            return response(query, f"{name} A {addresses[query.name]}", authoritative=False)
        exists = query.name in addresses
        code = dns.rcode.NOERROR if exists else dns.rcode.NXDOMAIN
        return response(query, authority=[soa], code=code, authoritative=False)

    return respond


@dataclass
class Net:
    """A DNS of the test's own: a recursive resolver, and zone servers at loopback addresses on one port."""

    stack: ExitStack
    port: int = field(default_factory=free_port)
    resolver: Answering | None = None

    def serve(self, respond: Respond, host: str) -> Answering:
        return self.stack.enter_context(answering(respond, host=host, port=self.port))

    def zones(self, zones: dict[str, tuple[str, ...]], addresses: dict[str, str]) -> Zones:
        self.resolver = self.stack.enter_context(answering(resolver(zones, addresses)))
        return Zones(SystemResolver([given(self.resolver.address)]), port=self.port)


@pytest.fixture
def net() -> Iterator[Net]:
    with ExitStack() as stack:
        yield Net(stack)


ADDRESSES = {"ns1.example.test": "127.0.0.2", "ns2.example.test": "127.0.0.3", "ns.other.test": "127.0.0.4"}
EXAMPLE = {"test": ("ns.other.test",), "example.test": ("ns1.example.test", "ns2.example.test")}


def test_every_address_of_every_name_server_of_the_zone_is_found(net: Net) -> None:  # D1
    net.serve(zone_server("example.test"), "127.0.0.2")
    net.serve(zone_server("example.test"), "127.0.0.3")
    place = net.zones(EXAMPLE, ADDRESSES).place(NAME)
    assert (place.name, place.zone, place.aliases) == (NAME, "example.test", ())
    assert [str(each) for each in place.servers] == [
        f"ns1.example.test (127.0.0.2:{net.port})",
        f"ns2.example.test (127.0.0.3:{net.port})",
    ]


def test_the_resolver_is_never_asked_about_the_record_itself(net: Net) -> None:
    """It would keep "no such name", and a CA that shares it would not see the record."""
    net.serve(zone_server("example.test"), "127.0.0.2")
    net.serve(zone_server("example.test"), "127.0.0.3")
    net.zones(EXAMPLE, ADDRESSES).place(NAME)
    assert net.resolver is not None
    assert NAME not in {query.name for query in net.resolver.asked}


def test_a_cname_into_another_zone_is_followed(net: Net) -> None:  # D5
    zones = {**EXAMPLE, "other.test": ("ns.other.test",)}
    net.serve(zone_server("example.test", f"{NAME}. CNAME x.other.test."), "127.0.0.2")
    net.serve(zone_server("example.test", f"{NAME}. CNAME x.other.test."), "127.0.0.3")
    net.serve(zone_server("other.test"), "127.0.0.4")
    place = net.zones(zones, ADDRESSES).place(NAME)
    assert (place.name, place.zone, place.aliases) == ("x.other.test", "other.test", (NAME,))
    assert {each.address for each in place.servers} == {"127.0.0.4"}


def test_a_record_whose_own_name_is_delegated_belongs_to_the_servers_behind_it(net: Net) -> None:
    delegation = f"{NAME}. NS ns.other.test."
    net.serve(zone_server("example.test", delegations=(delegation,)), "127.0.0.2")
    net.serve(zone_server("example.test", delegations=(delegation,)), "127.0.0.3")
    net.serve(zone_server(NAME), "127.0.0.4")
    place = net.zones(EXAMPLE, ADDRESSES).place(NAME)
    assert place.zone == NAME
    assert {each.address for each in place.servers} == {"127.0.0.4"}


def test_cnames_in_a_circle_are_refused(net: Net) -> None:
    circle = (f"{NAME}. CNAME b.example.test.", f"b.example.test. CNAME {NAME}.")
    net.serve(zone_server("example.test", *circle), "127.0.0.2")
    net.serve(zone_server("example.test", *circle), "127.0.0.3")
    with pytest.raises(ZoneNotFound, match="more than 8 CNAMEs"):
        net.zones(EXAMPLE, ADDRESSES).place(NAME)


def test_one_name_server_that_answers_is_enough_to_find_the_place(net: Net) -> None:
    net.serve(lambda query: response(query, code=dns.rcode.REFUSED, authoritative=False), "127.0.0.2")
    net.serve(zone_server("example.test"), "127.0.0.3")
    assert len(net.zones(EXAMPLE, ADDRESSES).place(NAME).servers) == 2


def test_name_servers_that_all_refuse_are_named_with_what_they_say(net: Net) -> None:
    net.serve(lambda query: response(query, code=dns.rcode.REFUSED, authoritative=False), "127.0.0.2")
    net.serve(lambda query: response(query, authoritative=False), "127.0.0.3")
    with pytest.raises(ZoneNotFound) as failed:
        net.zones(EXAMPLE, ADDRESSES).place(NAME)
    assert "ns1.example.test" in str(failed.value)
    assert "REFUSED" in str(failed.value)
    assert "without authority" in str(failed.value)


def test_a_domain_that_does_not_exist_is_told_so(net: Net) -> None:
    with pytest.raises(ZoneNotFound, match="does not exist in DNS") as failed:
        net.zones({}, {}).place("_acme-challenge.nowhere.invalid")
    assert "spelling" in failed.value.hint


def test_a_zone_whose_name_servers_have_no_address_is_told_so(net: Net) -> None:
    with pytest.raises(
        ZoneNotFound, match=r"none of the name servers of example\.test \(ns1\.example\.test, "
    ):
        net.zones(EXAMPLE, {}).place(NAME)


def test_zones_are_looked_up_once_for_many_records(net: Net) -> None:
    net.serve(zone_server("example.test"), "127.0.0.2")
    net.serve(zone_server("example.test"), "127.0.0.3")
    zones = net.zones(EXAMPLE, ADDRESSES)
    zones.place(NAME)
    assert net.resolver is not None
    before = len(net.resolver.asked)
    zones.place(NAME)
    assert len(net.resolver.asked) == before


@pytest.mark.server
def test_servers_that_are_given_are_asked_for_cname_and_zone(tmp_path: Path) -> None:  # D5
    zones = [
        BindZone("example.test", records="_acme-challenge.www IN CNAME x.other.test."),
        BindZone("other.test"),
    ]
    with bind(tmp_path, zones) as server:
        plain = place_at(NAME, [server.address])
        delegated = place_at("_acme-challenge.www.example.test", [server.address])
    assert (plain.name, plain.zone) == (NAME, "example.test")
    assert (delegated.name, delegated.zone) == ("x.other.test", "other.test")
    assert [str(each) for each in plain.servers] == [server.address]


def test_a_server_without_zones_leaves_the_parent_as_the_zone() -> None:
    with answering(
        lambda query: response(query, authority=["elsewhere.invalid. SOA a. b. 1 2 3 4 5"])
    ) as server:
        assert place_at(NAME, [server.address]).zone == "example.test"


@pytest.mark.parametrize(
    "text", ["ns1.example.org", "192.0.2.1:0", "192.0.2.1:x", "", "[::1", "1.2.3.4:99999"]
)
def test_a_name_server_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(NameserverMalformed, match="is not an IP address") as refused:
        given(text)
    assert "192.0.2.53:5353" in refused.value.hint


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("192.0.2.1", "192.0.2.1:53"),
        ("192.0.2.1:5353", "192.0.2.1:5353"),
        ("2001:db8::1", "[2001:db8::1]:53"),
        ("[2001:db8::1]:5353", "[2001:db8::1]:5353"),
    ],
)
def test_a_name_server_is_an_address_with_an_optional_port(text: str, endpoint: str) -> None:
    assert given(text).endpoint == endpoint
