"""Pulumi's gRPC service over the provider, with errors that a person reads: "message — next: hint", no
traceback.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any, NoReturn

import grpc
import grpc.aio
from pulumi.errors import InputPropertiesError, InputPropertyError
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc

from stacks.errors import StackError
from stacks.provider.provider import NotInitialized, TicProvider
from stacks.provider.run import Run, Voice

DISTRIBUTION = "tic-engine"
# What was interrupted has this long to withdraw its record; the engine waits for five seconds.
WITHDRAWING_SECONDS = 4.0
# The SDK registers a component's children in the loop's own threads, each of which waits until its resource
# is there. asyncio would have six of them on two cores, and a hundred certificates would queue for them.
REGISTRATIONS = 256


class Servicer(ProviderServicer):
    """The SDK's service; a StackError leaves it as a status that the engine shows as it is.

    The status is FAILED_PRECONDITION, never UNKNOWN: after an unknown failure Pulumi keeps the operation
    as pending and asks the user to look what became of it. Every act of these resources can be repeated,
    so nothing is pending.
    """

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Check."""
        return await _told(super().Check, request, context)

    async def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Diff."""
        return await _told(super().Diff, request, context)

    async def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Create."""
        return await _told(super().Create, request, context)

    async def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Read."""
        return await _told(super().Read, request, context)

    async def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Update."""
        return await _told(super().Update, request, context)

    async def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Delete."""
        return await _told(super().Delete, request, context)

    async def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Invoke."""
        return await _told(super().Invoke, request, context)

    async def Construct(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Construct."""
        return await _told(super().Construct, request, context)


async def _told(method: Callable[..., Awaitable[Any]], request: Any, context: Any) -> Any:
    try:
        return await method(request, context)
    except (InputPropertiesError, InputPropertyError, NotImplementedError, grpc.aio.AbortError):
        raise
    except Exception as wrapped:
        await _abort(context, wrapped)


async def _abort(context: Any, wrapped: Exception) -> NoReturn:
    """The SDK wraps each exception into one whose text is a traceback; what was raised is its context."""
    raised = wrapped.__context__ or wrapped
    if isinstance(raised, NotInitialized):
        told = f"{raised} — next: {raised.hint}"
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, told, _details(raised, told))
    if isinstance(raised, StackError):
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{raised} — next: {raised.hint}")
    text = (
        f"{wrapped}\nThis is a bug of tic — next: run the command again; if it stays, report the lines above"
    )
    await context.abort(grpc.StatusCode.ABORTED, text)
    raise AssertionError("abort raises")


def _details(kept: NotInitialized, told: str) -> tuple[tuple[str, bytes], ...]:
    """What the engine reads beside the status: the resource as it is (`ErrorResourceInitFailed`)."""
    from pulumi.runtime.proto import status_pb2

    failed = provider_pb2.ErrorResourceInitFailed(
        id=kept.id, properties=PropertyValue.marshal_map(kept.properties), reasons=[told]
    )
    status = status_pb2.Status(code=grpc.StatusCode.FAILED_PRECONDITION.value[0], message=told)
    status.details.add().Pack(failed)
    return (("grpc-status-details-bin", status.SerializeToString()),)


class EngineVoice(Voice):
    """Speaks through the engine, beside the resource."""

    def __init__(self, address: str) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def say(self, urn: str, text: str) -> None:
        """A passing status."""
        self._log(engine_pb2.INFO, urn, text, passing=True)

    def warn(self, urn: str, text: str) -> None:
        """A warning that stays."""
        self._log(engine_pb2.WARNING, urn, text, passing=False)

    def _log(self, severity: Any, urn: str, text: str, *, passing: bool) -> None:
        request = engine_pb2.LogRequest(severity=severity, message=text, urn=urn, ephemeral=passing)
        try:
            self._engine.Log(request, timeout=5)
        except grpc.RpcError:
            return  # an engine that is ending listens no more; what is said is for a reader, not for the work


async def serve(engine_address: str | None) -> None:
    """Serve until the engine ends this process: SIGINT and, five seconds later, SIGKILL."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(REGISTRATIONS, "registration"))
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    voice = EngineVoice(engine_address) if engine_address else Voice()
    own = version(DISTRIBUTION)
    provider = TicProvider(Run(dict(os.environ), voice), own)
    servicer = Servicer(sys.argv[1:], own, provider, engine_address=engine_address or "")
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await ended.wait()
    await provider.cancel()
    await provider.settled(WITHDRAWING_SECONDS)
    # Not the interpreter's own way out: it would wait for threads that wait for the engine.
    os._exit(0)
