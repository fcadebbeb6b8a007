"""Registering over the resource monitor: order, what is refused, and that one failure stops the rest."""

import threading
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import resource_pb2

from engine.past.drift import UNKNOWN
from engine.rollback.registering import Refused, Registering
from engine.rollback.registration import REFUSED, Link, Options, Package, Registration, Source
from engine.state.sealing import SECRET
from engine.state.urns import SIGNATURE

ROOT = "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev"


def urn(name: str) -> str:
    return f"urn:pulumi:dev::proj::pkg:m:A::{name}"


def registration(name: str, **more: Any) -> Registration:
    return Registration(**{"urn": urn(name), "type": "pkg:m:A", "name": name, "id": f"{name}-1", **more})


class Monitor:
    """Takes registrations as the engine does; `ids` are what things are called, '' in a preview."""

    def __init__(self, ids: dict[str, str] | None = None, *, fails: str = "", meet: int = 0) -> None:
        self.ids = ids or {}
        self.fails = fails
        self.asked: list[Any] = []
        self.outputs: dict[str, dict[str, Any]] = {}
        self._together = threading.Barrier(meet) if meet else None

    def RegisterResource(self, request: Any) -> resource_pb2.RegisterResourceResponse:  # noqa: N802
        if self._together is not None:
            self._together.wait(timeout=30)
        self.asked.append(request)
        if request.name == self.fails:
            raise grpc.RpcError(request.name)
        identity = self.ids.get(request.name, f"{request.name}-1")
        return resource_pb2.RegisterResourceResponse(
            urn=urn(request.name), id=identity, object=ParseDict({"host": f"{identity}.example"}, Struct())
        )

    def ReadResource(self, request: Any) -> resource_pb2.ReadResourceResponse:  # noqa: N802
        self.asked.append(request)
        identity = self.ids.get(request.name, request.id)
        found = ParseDict({"host": f"{identity}.example"}, Struct())
        return resource_pb2.ReadResourceResponse(urn=urn(request.name), properties=found)

    def RegisterResourceOutputs(self, request: Any) -> None:  # noqa: N802
        self.outputs[request.urn] = MessageToDict(request.outputs)

    @property
    def names(self) -> list[str]:
        return [request.name for request in self.asked]

    def inputs(self, name: str) -> dict[str, Any]:
        (request,) = [each for each in self.asked if each.name == name]
        found: dict[str, Any] = MessageToDict(request.object)
        return found


def run(monitor: Monitor, *plan: Registration, preview: bool = False) -> list[tuple[str, str, str]]:
    told: list[tuple[str, str, str]] = []
    stub: Any = monitor
    Registering(stub, plan, preview=preview, tell=lambda *words: told.append(words)).run()
    return told


A, B = registration("a"), registration("b", dependencies=(urn("a"),), links=())
OF_A = registration(
    "of",
    inputs={"id": "a-1", "host": {SIGNATURE: SECRET, "value": "a-1.example"}},
    property_dependencies={"id": (urn("a"),), "host": (urn("a"),)},
    links=(Link(("id",), (Source(urn("a")),)), Link(("host",), (Source(urn("a"), ("host",)),))),
)
COMPUTED = registration(
    "computed",
    inputs={"url": "https://a-1"},
    property_dependencies={"url": (urn("a"),)},
    unlinked=(("url", urn("a")),),
)


def test_what_is_needed_comes_first_and_what_came_from_it_follows_it() -> None:
    monitor = Monitor({"a": "a-2"})
    assert run(monitor, A, OF_A) == []
    assert monitor.names == ["a", "of"]
    assert monitor.inputs("of") == {"id": "a-2", "host": {SIGNATURE: SECRET, "value": "a-2.example"}}


def test_what_needs_nothing_waits_for_nobody() -> None:
    plan = [registration(name) for name in "abcde"]
    run(Monitor(meet=len(plan)), *plan)  # none would return before the last one has come


def test_a_computed_input_is_refused_where_its_source_is_another_thing() -> None:
    monitor = Monitor({"a": "a-2"})
    told: list[tuple[str, str, str]] = []
    stub: Any = monitor
    with pytest.raises(Refused):
        Registering(stub, [A, COMPUTED], preview=False, tell=lambda *words: told.append(words)).run()
    ((severity, message, about),) = told
    assert (severity, about) == ("error", urn("computed"))
    assert message.startswith(f"{REFUSED}its input url was computed from a, which is another one then")
    assert monitor.names == ["a"]
    assert monitor.outputs == {}


def test_a_preview_names_everything_that_is_refused() -> None:
    monitor = Monitor({"a": ""})
    told: list[tuple[str, str, str]] = []
    stub: Any = monitor
    again = registration("again", inputs={"url": "x"}, unlinked=(("url", urn("computed")), ("url", urn("a"))))
    with pytest.raises(Refused):
        Registering(stub, [A, COMPUTED, again], preview=True, tell=lambda *words: told.append(words)).run()
    assert sorted(about for _severity, _message, about in told) == [urn("again"), urn("computed")]
    assert monitor.inputs("computed") == {"url": UNKNOWN}


def test_a_computed_input_stays_where_its_source_is_the_same_thing() -> None:
    monitor = Monitor()
    run(monitor, A, COMPUTED)
    assert monitor.inputs("computed") == {"url": "https://a-1"}


def test_what_was_read_is_read_again_and_counts_by_what_it_says() -> None:
    read = registration("a", external=True, outputs={"host": "a-1.example"}, inputs={"name": "a"})
    monitor = Monitor()
    run(monitor, read, COMPUTED)
    assert isinstance(monitor.asked[0], resource_pb2.ReadResourceRequest)
    assert monitor.asked[0].id == "a-1"
    with pytest.raises(Refused):
        run(Monitor({"a": "a-2"}), read, COMPUTED)


def test_what_was_read_by_the_id_of_another_is_read_by_the_id_that_it_has_now() -> None:
    read = registration("read", external=True, id="a-1", dependencies=(urn("a"),))
    for identity, asked in (("a-2", "a-2"), ("", UNKNOWN)):
        monitor = Monitor({"a": identity})
        run(monitor, A, read, preview=True)
        assert monitor.asked[1].id == asked


def test_after_a_failure_nothing_more_is_registered() -> None:
    monitor = Monitor(fails="a")
    with pytest.raises(grpc.RpcError):
        run(monitor, A, B, registration("c", dependencies=(urn("b"),)))
    assert monitor.names == ["a"]
    assert monitor.outputs == {}


def test_a_provider_is_referred_to_by_the_id_that_it_has_now() -> None:
    provider = registration("p", type="pulumi:providers:pkg")
    of_it = registration("a", provider=urn("p"))
    for identity, reference in (("p-2", f"{urn('p')}::p-2"), ("", f"{urn('p')}::{UNKNOWN}")):
        monitor = Monitor({"p": identity})
        run(monitor, provider, of_it, preview=True)
        assert monitor.asked[1].provider == reference


def test_a_default_provider_is_asked_for_by_version_and_origin() -> None:
    monitor = Monitor()
    run(monitor, registration("a", package=Package("1.2.3", "https://plugins.example", {"linux": "00ff"})))
    (request,) = monitor.asked
    assert (request.provider, request.version) == ("", "1.2.3")
    assert request.pluginDownloadURL == "https://plugins.example"
    assert dict(request.pluginChecksums) == {"linux": b"\x00\xff"}


def test_options_reach_the_monitor() -> None:
    options = Options(
        protect=False,
        retain_on_delete=True,
        deleted_with=urn("a"),
        ignore_changes=("x",),
        custom_timeouts={"create": "90s"},
        aliases=(urn("former"),),
        replacement_trigger=[1],
    )
    monitor = Monitor()
    run(monitor, A, registration("b", options=options, parent=urn("a")))
    request = monitor.asked[1]
    assert (request.protect, request.HasField("protect")) == (False, True)  # else the parent's would count
    assert (request.retainOnDelete, request.deletedWith) == (True, urn("a"))
    assert list(request.aliasURNs) == [urn("former")]
    assert request.customTimeouts.create == "90s"
    assert [each.number_value for each in request.replacement_trigger.list_value.values] == [1]
    assert (request.acceptSecrets, request.supportsPartialValues) == (True, True)


def test_components_export_what_they_did_as_it_is_now_and_tell_what_nobody_knows() -> None:
    stack = registration(
        "proj-dev",
        urn=ROOT,
        type="pulumi:pulumi:Stack",
        custom=False,
        id="",
        outputs={"id": "identity-a", "url": "https://identity-a/", "text": "mine"},
        output_links=(Link(("id",), (Source(urn("a")),)),),
    )
    a = registration("a", id="identity-a")
    monitor = Monitor({"a": "identity-b"})
    ((severity, message, about),) = run(monitor, stack, a)
    assert monitor.outputs[ROOT] == {"id": "identity-b", "url": "https://identity-a/", "text": "mine"}
    assert (severity, about) == ("warning", ROOT)
    assert message.startswith("the output url is as it was in that version")
    assert run(Monitor({"a": "identity-a"}), stack, a) == []
