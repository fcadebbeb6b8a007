"""Pulumi's provider interface over the resource types: values converted, the event loop kept free."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.property_value import PropertyValue

from stacks.errors import StackError
from stacks.provider.catalogue import RESOURCES
from stacks.provider.component.issued_certificate import TOKEN as ISSUED_CERTIFICATE
from stacks.provider.component.issued_certificate import construct
from stacks.provider.properties import Change, Failure, guarded
from stacks.provider.resource import ResourceType, Unfinished, Values
from stacks.provider.run import Operation, Run
from stacks.provider.schema import schema
from stacks.provider.values import plain, secret_names, wrapped

T = TypeVar("T")

# A record's publication may take minutes of waiting, and up to a hundred names wait side by side.
THREADS = 64


class NotInitialized(StackError):
    """A resource that the state keeps though making it did not come to its end, as the engine is told."""

    def __init__(self, error: Unfinished, properties: dict[str, PropertyValue]) -> None:
        super().__init__(str(error), hint=error.hint)
        self.id = error.id
        self.properties = properties


class TicProvider(rpc.Provider):
    """The resources of the `tic` package; each blocking act runs in a thread of its own."""

    def __init__(self, run: Run, version: str) -> None:
        self._run = run
        self._version = version
        self._acts: set[asyncio.Future[Any]] = set()
        self._failed = False  # whether anything that this run wanted made could not be
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="resource")

    async def get_schema(self, request: rpc.GetSchemaRequest) -> rpc.GetSchemaResponse:
        """The package's schema."""
        return rpc.GetSchemaResponse(schema(self._version))

    async def configure(self, request: rpc.ConfigureRequest) -> rpc.ConfigureResponse:
        """What is understood: secrets and previews, not output values, whose unknowns the SDK can't read."""
        return rpc.ConfigureResponse(accept_secrets=True, supports_preview=True, accept_resources=True)

    async def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """Normal form and defaults of the inputs, and all failures at once."""
        resource = _resource(request.type)
        given = plain(request.new_inputs)
        checked = resource.check(given)
        secrets = secret_names(request.new_inputs) | _declared_secrets(resource)
        return rpc.CheckResponse(
            inputs=wrapped(checked.inputs, secrets),
            failures=[
                _told(resource, each, given)
                for each in checked.failures
                if each.path not in self._unknown(resource, checked.inputs)
            ],
        )

    async def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        """What changes, property by property, and whether it replaces."""
        state, inputs = plain(request.old_state), plain(request.new_inputs)
        resource, operation = _resource(request.type), Operation.begin(self._run, request.urn)
        ignored = request.ignore_changes
        if missing := self._unknown(resource, inputs):
            changes = dict.fromkeys(missing, Change.UPDATE)
        else:
            changes = await self._thread(lambda: resource.diff(operation, state, inputs, ignored))
        return _difference(resource, changes, state, inputs)

    async def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        """Make a resource; in a preview, say what is known of it."""
        resource, inputs = _resource(request.type), plain(request.properties)
        secrets = secret_names(request.properties) | _declared_secrets(resource)
        if request.preview:
            return rpc.CreateResponse(
                properties=wrapped({**inputs, **resource.preview_create(inputs)}, secrets)
            )
        operation = Operation.begin(self._run, request.urn, request.timeout)
        try:
            created = await self._made(resource, inputs, lambda: resource.create(operation, inputs))
        except Unfinished as error:
            raise _kept(error, inputs, secrets) from error
        return rpc.CreateResponse(created.id, wrapped({**inputs, **created.outputs}, secrets))

    async def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        """Bring a resource to new inputs."""
        resource, state, inputs = _resource(request.type), plain(request.olds), plain(request.news)
        secrets = secret_names(request.news) | _declared_secrets(resource)
        if request.preview:
            outputs = resource.preview_update(state, inputs)
        else:
            operation = Operation.begin(self._run, request.urn, request.timeout)
            try:
                outputs = await self._made(
                    resource, inputs, lambda: resource.update(operation, state, inputs)
                )
            except Unfinished as error:
                raise _kept(error, inputs, secrets) from error
        return rpc.UpdateResponse(wrapped({**inputs, **outputs}, secrets))

    async def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        """The resource as it is now; no id means that it is gone."""
        resource, state = _resource(request.type), plain(request.properties)
        if not state:
            raise StackError(
                f"{request.type} can't be imported: what it is made of is in the state of its stack only",
                hint="leave the import out, and let `tic stack up` make a new one",
            )
        operation = Operation.begin(self._run, request.urn)
        outputs = await self._thread(lambda: resource.read(operation, state))
        if outputs is None:
            return rpc.ReadResponse("")
        secrets = secret_names(request.properties) | _declared_secrets(resource)
        given = resource.given(state)
        return rpc.ReadResponse(
            request.resource_id, wrapped({**given, **outputs}, secrets), wrapped(given, secrets)
        )

    async def delete(self, request: rpc.DeleteRequest) -> None:
        """Remove a resource."""
        resource, state = _resource(request.type), plain(request.properties)
        operation = Operation.begin(self._run, request.urn, request.timeout)
        await self._thread(lambda: resource.delete(operation, state))

    async def construct(self, request: rpc.ConstructRequest) -> rpc.ConstructResponse:
        """Compose a component's resources."""
        if request.resource_type != ISSUED_CERTIFICATE:
            raise _unknown(request.resource_type)
        return await construct(request, self._run, self._thread)

    async def invoke(self, request: rpc.InvokeRequest) -> rpc.InvokeResponse:
        """Answer a function of the package."""
        from stacks.provider.acme.get_epoch import TOKEN, answer, check_arguments

        if request.tok != TOKEN:
            raise _unknown(request.tok)
        checked = check_arguments(plain(request.args))
        if checked.failures:
            return rpc.InvokeResponse(
                failures=[rpc.CheckFailure(each.path, each.reason) for each in checked.failures]
            )
        operation = Operation.begin(self._run, "")
        return rpc.InvokeResponse(wrapped(await self._thread(lambda: answer(operation, checked.inputs)), ()))

    async def cancel(self) -> None:
        """End every wait; what runs then withdraws its record and reports."""
        self._run.cancelled.set()

    async def settled(self, seconds: float) -> None:
        """Wait until no act is under way, at most `seconds`."""
        if self._acts:
            await asyncio.wait(self._acts, timeout=seconds)

    async def _made(self, resource: ResourceType, inputs: Values, act: Callable[[], T]) -> T:
        try:
            if missing := self._unknown(resource, inputs):
                raise StackError(
                    f"{', '.join(missing)} can't be known, because something before has failed",
                    hint="mend what failed first, then: tic stack up",
                )
            return await self._thread(act)
        except Exception:
            self._failed = True
            raise

    def _unknown(self, resource: ResourceType, inputs: Values) -> list[str]:
        """What is not given because of a failure before: the engine leaves it out, checks what depends on it,
        and skips that then, so it is no failure of its own.
        """
        required = [each.name for each in resource.inputs if each.required and self._failed]
        return [name for name in required if inputs.get(name) is None]

    async def _thread(self, act: Callable[[], T]) -> T:
        future = asyncio.get_running_loop().run_in_executor(self._threads, act)
        self._acts.add(future)
        future.add_done_callback(self._acts.discard)
        return await future


def _kept(error: Unfinished, inputs: Values, secrets: Collection[str]) -> NotInitialized:
    return NotInitialized(error, wrapped({**inputs, **error.outputs}, secrets))


def _resource(token: str) -> ResourceType:
    # A child's URN carries its parents' types before its own:
    # "tic:acme/issuedCertificate:...$tic:acme/order:Order"
    name = token.rsplit("$", 1)[-1]
    if name not in RESOURCES:
        raise _unknown(name)
    return RESOURCES[name]


def _unknown(token: str) -> StackError:
    return StackError(
        f"the tic package has no {token}",
        hint=f"it has {', '.join([*RESOURCES, ISSUED_CERTIFICATE])}",
    )


def _told(resource: ResourceType, failure: Failure, given: Mapping[str, Any]) -> rpc.CheckFailure:
    """As the engine tells it: with the value of the property that it is given."""
    if guarded(resource.inputs, failure, given):
        return rpc.CheckFailure("", f"`{failure.path}` {failure.reason}")
    return rpc.CheckFailure(failure.path, failure.reason)


def _declared_secrets(resource: ResourceType) -> set[str]:
    declared: Collection[Any] = (*resource.inputs, *resource.outputs)
    return {each.name for each in declared if each.secret}


def _difference(
    resource: ResourceType, changes: dict[str, Change], state: Values, inputs: Values
) -> rpc.DiffResponse:
    declared = {each.name for each in resource.inputs}

    def kind(name: str, change: Change) -> rpc.PropertyDiffKind:
        what = "UPDATE"
        if name in declared and inputs.get(name) is None:
            what = "DELETE"
        elif state.get(name) is None:
            what = "ADD"
        return rpc.PropertyDiffKind[what + ("_REPLACE" if change is Change.REPLACE else "")]

    return rpc.DiffResponse(
        changes=bool(changes),
        replaces=[name for name, change in changes.items() if change is Change.REPLACE],
        diffs=list(changes),
        detailed_diff={
            name: rpc.PropertyDiff(kind(name, change), input_diff=name in declared)
            for name, change in changes.items()
        },
    )
