# ruff: noqa: N802  gRPC names these methods
"""The test's own language runtime: it registers what a program declares, without any SDK and its globals.

The engine calls it as it calls any language host (`--client`). One server can run program after program.
"""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from pulumi.runtime.proto import (
    alias_pb2,
    language_pb2,
    language_pb2_grpc,
    plugin_pb2,
    resource_pb2,
    resource_pb2_grpc,
)

from tests.engine.state.differential.program import (
    Alias,
    Declared,
    FromConfig,
    Options,
    OutputOf,
    Program,
    Reference,
    Secret,
    Text,
)
from tests.plugins.world import SIGNATURE, properties, secret, struct

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # what stands in a preview for a value not known yet
REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ROOT = "pulumi:pulumi:Stack"


class Failed(Exception):
    """The resource was not registered; the engine knows why."""


@dataclass
class Made:
    """A registered resource."""

    urn: str
    id: str
    outputs: dict[str, Any]


class Language(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs `program`; with `at_once`, resources that do not need each other are registered side by side."""

    program = Program()
    at_once = False

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo()

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:
        return language_pb2.GetRequiredPluginsResponse()

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        return language_pb2.GetRequiredPackagesResponse()

    def Run(self, request: Any, context: Any) -> Any:
        with grpc.insecure_channel(request.monitor_address) as channel:
            monitor = resource_pb2_grpc.ResourceMonitorStub(channel)
            config = dict(request.config)
            try:
                run = _Run(monitor, config, frozenset(request.configSecretKeys), request.project)
                run.everything(self.program, request.stack, at_once=self.at_once)
            except (Failed, grpc.RpcError):
                return language_pb2.RunResponse(bail=True)
        if self.program.stops_after is not None:
            return language_pb2.RunResponse(error="the program was told to stop")
        return language_pb2.RunResponse()


@dataclass
class _Run:
    monitor: Any
    config: Mapping[str, str]
    secret_keys: frozenset[str]
    project: str
    root: str = ""
    made: dict[str, "Future[Made]"] = field(default_factory=dict)

    def everything(self, program: Program, stack: str, *, at_once: bool) -> None:
        request = resource_pb2.RegisterResourceRequest(type=ROOT, name=f"{self.project}-{stack}")
        self.root = self.monitor.RegisterResource(request).urn
        declared = program.declared[: program.stops_after]
        with ThreadPoolExecutor(max(1, len(declared)) if at_once else 1) as pool:
            for each in declared:
                self.made[each.name] = pool.submit(self._one, each)
                if not at_once:
                    self.made[each.name].exception()
        failures = [made.exception() for made in self.made.values()]
        for failure in failures:
            if isinstance(failure, grpc.RpcError) or (failure and not isinstance(failure, Failed)):
                raise failure
        if program.stops_after is None and not any(failures):
            exports = {name: self._value(value, set()) for name, value in program.exports.items()}
            self._outputs(self.root, exports)

    def _outputs(self, urn: str, values: Mapping[str, Any]) -> None:
        request = resource_pb2.RegisterResourceOutputsRequest(urn=urn, outputs=struct(values))
        self.monitor.RegisterResourceOutputs(request)

    def _one(self, declared: Declared) -> Made:
        for name in declared.needs():
            self.made[name].result()  # what failed takes along what needs it
        if declared.read is not None:
            return self._read(declared)
        needed: dict[str, set[str]] = {}
        inputs = {}
        for name, value in declared.inputs.items():
            inputs[name] = self._value(value, needed.setdefault(name, set()))
        request = resource_pb2.RegisterResourceRequest(
            type=declared.type,
            name=declared.name,
            custom=declared.is_custom,
            remote=declared.type.endswith(":Pair"),
            object=struct(inputs),
            acceptSecrets=True,
            acceptResources=True,
            supportsPartialValues=True,
            supportsResultReporting=True,
            aliasSpecs=True,
            **self._options(declared.options, needed),
        )
        made = self.monitor.RegisterResource(request)
        if made.result != resource_pb2.SUCCESS:
            raise Failed
        outputs = properties(made.object)
        if declared.type.endswith(":Group"):
            outputs = {"name": declared.name}
            self._outputs(made.urn, outputs)
        return Made(made.urn, made.id, outputs)

    def _read(self, declared: Declared) -> Made:
        options = declared.options
        request = resource_pb2.ReadResourceRequest(
            type=declared.type,
            name=declared.name,
            id=declared.read or "",
            parent=self._urn(options.parent) or self.root,
            properties=struct({}),
            dependencies=[self._urn(name) for name in options.depends_on],
            provider=self._provider(options.provider),
            acceptSecrets=True,
            acceptResources=True,
        )
        read = self.monitor.ReadResource(request)
        return Made(read.urn, declared.read or "", properties(read.properties))

    def _options(self, options: Options, needed: Mapping[str, set[str]]) -> dict[str, Any]:
        dependency = resource_pb2.RegisterResourceRequest.PropertyDependencies
        urns = {self._urn(name) for name in options.depends_on}.union(*needed.values())
        found: dict[str, Any] = {
            "parent": self._urn(options.parent) or self.root,
            "dependencies": sorted(urns),
            "propertyDependencies": {name: dependency(urns=sorted(each)) for name, each in needed.items()},
            "provider": self._provider(options.provider),
            "aliases": [self._alias(each) for each in options.aliases],
            "retainOnDelete": options.retain,
            "deletedWith": self._urn(options.deleted_with),
            "replace_with": [self._urn(name) for name in options.replace_with],
            "ignoreChanges": options.ignore,
            "replaceOnChanges": options.replace_on,
            "additionalSecretOutputs": options.more_secrets,
            "importId": options.import_id,
        }
        if options.protect is not None:
            found["protect"] = options.protect
        if options.delete_first is not None:
            found["deleteBeforeReplace"] = options.delete_first
            found["deleteBeforeReplaceDefined"] = True
        if options.trigger is not None:
            found["replacement_trigger"] = struct({"": options.trigger}).fields[""]
        if options.timeout is not None:
            times = resource_pb2.RegisterResourceRequest.CustomTimeouts
            found["customTimeouts"] = times(create=options.timeout)
        return found

    def _alias(self, alias: Alias) -> alias_pb2.Alias:
        spec: dict[str, Any] = {"name": alias.name or "", "type": alias.type or ""}
        if alias.parent == "":
            spec["noParent"] = True
        elif alias.parent is not None:
            spec["parentUrn"] = self._urn(alias.parent)
        return alias_pb2.Alias(spec=alias_pb2.Alias.Spec(**spec))

    def _urn(self, name: str | None) -> str:
        return self.made[name].result().urn if name else ""

    def _provider(self, name: str | None) -> str:
        if name is None:
            return ""
        made = self.made[name].result()
        return f"{made.urn}::{made.id or UNKNOWN}"

    def _value(self, value: Any, needed: set[str]) -> Any:
        match value:
            case Secret(inner):
                return secret(self._value(inner, needed))
            case FromConfig(key):
                full = f"{self.project}:{key}"
                found = self.config.get(full, "")
                return secret(found) if full in self.secret_keys else found
            case OutputOf(name, output):
                made = self.made[name].result()
                needed.add(made.urn)
                return made.outputs.get(output, UNKNOWN)
            case Text(text):
                return {SIGNATURE: ASSET, "text": text}
            case Reference(name):
                made = self.made[name].result()
                needed.add(made.urn)
                return {SIGNATURE: REFERENCE, "urn": made.urn, "id": made.id, "packageVersion": ""}
            case dict():
                return {name: self._value(item, needed) for name, item in value.items()}
            case list():
                return [self._value(item, needed) for item in value]
        return value
