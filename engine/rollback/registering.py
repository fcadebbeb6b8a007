"""Registers a version's resources with Pulumi's resource monitor, as the program of that version once did.

Each waits for what it needs and for nothing else, so the engine works on as many at once as it may.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct, Value
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.proto.resource_pb2_grpc import ResourceMonitorStub

from engine.past.drift import UNKNOWN
from engine.past.opened import equal
from engine.rollback.links import Ambiguous, Thing, relinked, texts
from engine.rollback.registration import REFUSED, Registration

MOST_AT_ONCE = 256  # registrations under way; how many steps run at once is the engine's own decision
SHORTEST_ID = 6  # characters; a shorter id is in many a text by chance

Tell = Callable[[Literal["warning", "error"], str, str], None]


class Stopped(Exception):
    """Something else failed, and the rest is not registered any more."""


class Refused(Exception):
    """A resource can't be as it was; it has been told."""


class Registering:
    """One run: `tell` takes severity, message and URN."""

    def __init__(
        self, monitor: ResourceMonitorStub, plan: Sequence[Registration], *, preview: bool, tell: Tell
    ) -> None:
        self._monitor = monitor
        self._plan = {each.urn: each for each in plan}
        self._preview = preview
        self._tell = tell
        self._things: dict[str, Thing] = {}
        self._under_way: dict[str, Future[None]] = {}
        self._stop = threading.Event()
        self._refused = False

    def run(self) -> None:
        """Register all of them, then what the components export. A preview goes on to the end and names all
        that is refused.

        Raises Refused, and grpc.RpcError where the monitor takes one not.
        """
        with ThreadPoolExecutor(max(1, min(MOST_AT_ONCE, len(self._plan)))) as pool:
            for urn, registration in self._plan.items():
                self._under_way[urn] = pool.submit(self._one, registration)
        failures = [each.exception() for each in self._under_way.values()]
        for failure in failures:
            if failure is not None and not isinstance(failure, Stopped):
                raise failure
        if self._refused:
            raise Refused
        for registration in self._plan.values():
            if not registration.custom:
                outputs = _struct(self._outputs(registration))
                self._monitor.RegisterResourceOutputs(
                    resource_pb2.RegisterResourceOutputsRequest(urn=registration.urn, outputs=outputs)
                )

    def _one(self, registration: Registration) -> None:
        """Register one; what it needs is earlier in the plan, so it is under way or done."""
        try:
            for urn in registration.needs & self._under_way.keys():
                self._under_way[urn].result()
            if self._stop.is_set():
                raise Stopped
            self._things[registration.urn] = self._registered(registration, self._inputs(registration))
        except BaseException:
            self._stop.set()
            raise

    def _inputs(self, registration: Registration) -> dict[str, Any]:
        """The inputs, with what came from other resources as those are now."""
        inputs = dict(registration.inputs)
        for link in registration.links:
            try:
                inputs = relinked(inputs, [link], self._things, preview=self._preview)
            except (Ambiguous, LookupError) as error:
                self._refuse(registration, f"its input {error}")
                inputs[str(link.target[0])] = UNKNOWN
        for name, urn in registration.unlinked:
            if name in inputs and self._is_another(urn):
                of = urn.rpartition("::")[2]
                what = "reads otherwise today" if self._plan[urn].external else "is another one then"
                self._refuse(
                    registration,
                    f"its input {name} was computed from {of}, which {what}: nobody knows what it would be",
                )
                inputs[name] = UNKNOWN
        return inputs

    def _is_another(self, urn: str) -> bool:
        """Whether what is registered under this URN is not the thing that it was."""
        then, now = self._plan.get(urn), self._things.get(urn)
        if then is None or now is None or not then.custom:
            return False
        return not equal(then.outputs, now.outputs) if then.external else then.id != now.id

    def _refuse(self, registration: Registration, why: str) -> None:
        self._tell("error", f"{REFUSED}{why}", registration.urn)
        self._refused = True
        if not self._preview:
            raise Refused

    def _registered(self, registration: Registration, inputs: Mapping[str, Any]) -> Thing:
        if registration.external:
            request = self._reading(registration, inputs)
            return Thing(request.id, MessageToDict(self._monitor.ReadResource(request).properties))
        answer = self._monitor.RegisterResource(self._request(registration, inputs))
        return Thing("" if answer.id == UNKNOWN else answer.id, MessageToDict(answer.object))

    def _request(
        self, registration: Registration, inputs: Mapping[str, Any]
    ) -> resource_pb2.RegisterResourceRequest:
        options = registration.options
        request = resource_pb2.RegisterResourceRequest(
            type=registration.type,
            name=registration.name,
            parent=registration.parent,
            custom=registration.custom,
            object=_struct(inputs),
            protect=options.protect,
            dependencies=registration.dependencies,
            provider=self._provider(registration),
            propertyDependencies={
                name: resource_pb2.RegisterResourceRequest.PropertyDependencies(urns=urns)
                for name, urns in registration.property_dependencies.items()
            },
            version=registration.package.version,
            pluginDownloadURL=registration.package.url,
            pluginChecksums=_checksums(registration),
            ignoreChanges=options.ignore_changes,
            replaceOnChanges=options.replace_on_changes,
            hideDiffs=options.hide_diffs,
            additionalSecretOutputs=options.additional_secret_outputs,
            aliasURNs=options.aliases,
            aliasSpecs=True,
            customTimeouts=resource_pb2.RegisterResourceRequest.CustomTimeouts(**options.custom_timeouts),
            retainOnDelete=options.retain_on_delete,
            deletedWith=options.deleted_with,
            replace_with=options.replace_with,
            acceptSecrets=True,
            acceptResources=True,
            supportsPartialValues=True,
        )
        if options.replacement_trigger is not None:
            request.replacement_trigger.CopyFrom(ParseDict(options.replacement_trigger, Value()))
        return request

    def _reading(
        self, registration: Registration, inputs: Mapping[str, Any]
    ) -> resource_pb2.ReadResourceRequest:
        return resource_pb2.ReadResourceRequest(
            id=self._id_to_read(registration),
            type=registration.type,
            name=registration.name,
            parent=registration.parent,
            properties=_struct(inputs),
            dependencies=registration.dependencies,
            provider=self._provider(registration),
            version=registration.package.version,
            pluginDownloadURL=registration.package.url,
            pluginChecksums=_checksums(registration),
            additionalSecretOutputs=registration.options.additional_secret_outputs,
            acceptSecrets=True,
            acceptResources=True,
        )

    def _id_to_read(self, registration: Registration) -> str:
        """The id, or that of the thing today which it was the id of."""
        for urn in registration.dependencies:
            if urn in self._plan and self._plan[urn].id == registration.id:
                return self._things[urn].id or UNKNOWN
        return registration.id

    def _provider(self, registration: Registration) -> str:
        """The reference to an explicit provider, whose id is not known in a preview that would make it."""
        if not registration.provider:
            return ""
        thing = self._things.get(registration.provider)
        return f"{registration.provider}::{thing.id if thing and thing.id else UNKNOWN}"

    def _outputs(self, registration: Registration) -> dict[str, Any]:
        outputs = dict(registration.outputs)
        for link in registration.output_links:
            try:
                outputs = relinked(outputs, [link], self._things, preview=self._preview)
            except (Ambiguous, LookupError):
                continue  # it stays as it was, and is told below where it names what is gone
        for name in sorted(self._stale(outputs)):
            self._tell(
                "warning",
                f"the output {name} is as it was in that version and may name what is gone; the next up of "
                "the program computes it",
                registration.urn,
            )
        return outputs

    def _stale(self, outputs: Mapping[str, Any]) -> set[str]:
        """The outputs that still hold the id of a thing that is another one now."""
        gone = [
            each.id
            for urn, each in self._plan.items()
            if len(each.id) >= SHORTEST_ID and urn in self._things and self._things[urn].id != each.id
        ]
        found: Iterator[str] = (
            str(path[0]) for path, text in texts(outputs, ()) if any(each in text for each in gone)
        )
        return set(found)


def _struct(values: Mapping[str, Any]) -> Struct:
    return ParseDict(dict(values), Struct())


def _checksums(registration: Registration) -> dict[str, bytes]:
    return {name: bytes.fromhex(text) for name, text in registration.package.checksums.items()}
