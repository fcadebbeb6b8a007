# ruff: noqa: N802  gRPC names these methods
"""A provider for tests, served inside the test's own process: everything in its world is made by rule.

The engine is told to attach to it (`PULUMI_DEBUG_PROVIDERS=world:PORT`), so no process is started for it.
Ids and outputs depend on nothing but what was asked before: worlds that were asked the same are the same.

Inputs that mean something: `key` (a change replaces), `first` (the old one is deleted before the new one is
made), `fail` (the operations that fail: check, create, update, delete, read), `half` (create and update end
with a resource that is there and not ready), `sealed` (the output `token` is a secret), `stale` (the engine
shall refresh before it updates), `wait` (create and update wait for the world's gate). A provider instance
is replaced when its `region` changes. `world:index:Pair` is a component that the provider itself makes.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import any_pb2, empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import (
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
)

Properties = dict[str, Any]

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
PAIR = "world:index:Pair"
GATE_SECONDS = 60.0


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Property values as they go over the wire."""
    return json_format.ParseDict(dict(values), struct_pb2.Struct())


def properties(given: struct_pb2.Struct) -> Properties:
    """Property values as they came over the wire: secrets, assets and the like are dicts with a signature."""
    return {name: _tidy(value) for name, value in json_format.MessageToDict(given).items()}


def secret(value: Any) -> dict[str, Any]:
    """A value that is a secret."""
    return {SIGNATURE: SECRET, "value": value}


def plain(value: Any) -> Any:
    """A value without the marks of secrets."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return plain(value["value"])
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def _tidy(value: Any) -> Any:
    """Numbers of the wire are floats; whole ones become integers again."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _tidy(item) for name, item in value.items()}
    return [_tidy(item) for item in value] if isinstance(value, list) else value


class Refused(Exception):
    """The operation fails with this message."""


@dataclass
class Thing:
    """Something in the world."""

    type: str
    inputs: Properties
    outputs: Properties


@dataclass
class World:
    """The things that there are, by id; `made` counts how often a name was used, so that ids differ."""

    things: dict[str, Thing] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    gate: threading.Event = field(default_factory=threading.Event)
    waiting: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def make(self, type_: str, name: str, inputs: Properties) -> tuple[str, Properties]:
        """A new thing; its id and outputs."""
        self._obey("create", inputs)
        with self._lock:
            number = self.made[name] = self.made.get(name, 0) + 1
            identity = f"{name}#{number}"
            outputs = _outputs(identity, inputs)
            self.things[identity] = Thing(type_, inputs, outputs)
        return identity, outputs

    def change(self, identity: str, type_: str, inputs: Properties) -> Properties:
        """The thing with other inputs; its outputs."""
        self._obey("update", inputs)
        outputs = _outputs(identity, inputs)
        self.things[identity] = Thing(type_, inputs, outputs)
        return outputs

    def remove(self, identity: str, outputs: Properties) -> None:
        """No thing of that id any more."""
        self._obey("delete", outputs)
        self.things.pop(identity, None)

    def read(self, identity: str, known: Properties) -> Thing | None:
        """The thing, if there is one."""
        found = self.things.get(identity)
        if "read" in (plain(known.get("fail")) or ()):
            raise Refused("read was told to fail")
        return found

    def drift(self, identity: str, **changes: Any) -> None:
        """Change the thing behind the engine's back; without changes it is gone."""
        if not changes:
            self.things.pop(identity, None)
        elif found := self.things.get(identity):
            inputs = {**found.inputs, **changes}
            self.things[identity] = Thing(found.type, inputs, _outputs(identity, inputs))

    def close_gate(self) -> None:
        """Let whatever has `wait` wait from now on."""
        self.waiting.clear()
        self.gate.clear()

    def _obey(self, operation: str, inputs: Properties) -> None:
        if operation != "delete" and plain(inputs.get("wait")):
            self.waiting.set()
            self.gate.wait(GATE_SECONDS)
        if operation in (plain(inputs.get("fail")) or ()):
            raise Refused(f"{operation} was told to fail")


def _outputs(identity: str, inputs: Properties) -> Properties:
    token = f"token of {identity}"
    return {**inputs, "made": identity, "token": secret(token) if plain(inputs.get("sealed")) else token}


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """The engine's calls on a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="1.0.0")

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=True, acceptOutputs=False
        )

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return _diff(properties(request.old_inputs), properties(request.news), replacing="region")

    def Check(self, request: Any, context: Any) -> Any:
        given = properties(request.news)
        if "check" in (plain(given.get("fail")) or ()):
            failure = provider_pb2.CheckFailure(property="fail", reason="check was told to fail")
            return provider_pb2.CheckResponse(inputs=request.news, failures=[failure])
        return provider_pb2.CheckResponse(inputs=struct({"checked": True, **given}))

    def Diff(self, request: Any, context: Any) -> Any:
        return _diff(properties(request.old_inputs), properties(request.news), replacing="key")

    def Create(self, request: Any, context: Any) -> Any:
        given = properties(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        with _refusing(context):
            identity, outputs = self.world.make(request.type, request.name, given)
        if plain(given.get("half")):
            _abort_half(context, identity, given, outputs)
        return provider_pb2.CreateResponse(
            id=identity, properties=struct(outputs), refresh_before_update=bool(plain(given.get("stale")))
        )

    def Update(self, request: Any, context: Any) -> Any:
        given = properties(request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=request.news)
        with _refusing(context):
            outputs = self.world.change(request.id, request.type, given)
        if plain(given.get("half")):
            _abort_half(context, request.id, given, outputs)
        return provider_pb2.UpdateResponse(
            properties=struct(outputs), refresh_before_update=bool(plain(given.get("stale")))
        )

    def Delete(self, request: Any, context: Any) -> Any:
        with _refusing(context):
            self.world.remove(request.id, properties(request.properties))
        return empty_pb2.Empty()

    def Read(self, request: Any, context: Any) -> Any:
        with _refusing(context):
            found = self.world.read(request.id, properties(request.inputs))
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=request.id,
            inputs=struct(found.inputs),
            properties=struct(found.outputs),
            refresh_before_update=bool(plain(found.inputs.get("stale"))),
        )

    def Construct(self, request: Any, context: Any) -> Any:
        """A pair: a component with two things below it, the second one after the first."""
        given = properties(request.inputs)
        with grpc.insecure_channel(request.monitorEndpoint) as channel:
            monitor = resource_pb2_grpc.ResourceMonitorStub(channel)
            pair = monitor.RegisterResource(
                resource_pb2.RegisterResourceRequest(
                    type=PAIR,
                    name=request.name,
                    parent=request.parent,
                    acceptSecrets=True,
                    acceptResources=True,
                    aliasSpecs=True,
                    aliases=list(request.aliases),
                    dependencies=list(request.dependencies),
                    providers=dict(request.providers),
                    retainOnDelete=request.retainOnDelete,
                    deletedWith=request.deletedWith,
                    **({"protect": request.protect} if request.HasField("protect") else {}),
                )
            )
            needed: list[str] = []
            for half in ("left", "right"):
                made = monitor.RegisterResource(
                    resource_pb2.RegisterResourceRequest(
                        type="world:index:Thing",
                        name=f"{request.name}-{half}",
                        custom=True,
                        parent=pair.urn,
                        object=struct(given),
                        dependencies=needed,
                        acceptSecrets=True,
                        acceptResources=True,
                        aliasSpecs=True,
                        supportsPartialValues=True,
                    )
                )
                needed = [made.urn]
            state = struct({"half": given.get("value")})
            monitor.RegisterResourceOutputs(
                resource_pb2.RegisterResourceOutputsRequest(urn=pair.urn, outputs=state)
            )
        return provider_pb2.ConstructResponse(urn=pair.urn, state=state)

    def Cancel(self, request: Any, context: Any) -> Any:
        """What waits at the gate goes on: the engine waits for it before it ends."""
        self.world.gate.set()
        return empty_pb2.Empty()


def _diff(before: Properties, after: Properties, *, replacing: str) -> provider_pb2.DiffResponse:
    old, new = plain(before), plain(after)
    changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    replaces = [name for name in changed if name == replacing]
    kinds = provider_pb2.PropertyDiff
    detailed = {}
    for name in changed:
        kind = "ADD" if name not in old else "DELETE" if name not in new else "UPDATE"
        kind += "_REPLACE" if name in replaces else ""
        detailed[name] = provider_pb2.PropertyDiff(kind=kinds.Kind.Value(kind), inputDiff=True)
    some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=some if changed else none,
        replaces=replaces,
        diffs=changed,
        deleteBeforeReplace=bool(replaces and (new.get("first") or old.get("first"))),
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


@contextmanager
def _refusing(context: Any) -> Iterator[None]:
    try:
        yield
    except Refused as refusal:
        context.abort(grpc.StatusCode.UNKNOWN, str(refusal))


def _abort_half(context: Any, identity: str, inputs: Properties, outputs: Properties) -> None:
    """End the call with a resource that is there and not ready (provider.proto, ErrorResourceInitFailed)."""
    from google.rpc import status_pb2  # type: ignore[import-untyped]

    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=identity, properties=struct(outputs), inputs=struct(inputs), reasons=["it is not ready"]
        )
    )
    code, message = grpc.StatusCode.UNKNOWN, "it is not ready"
    status = status_pb2.Status(code=code.value[0], message=message, details=[detail])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, message)
