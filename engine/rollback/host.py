"""Serves a rollback to the Pulumi engine: Pulumi's language runtime protocol, around no program at all.

Run by path, by tic's interpreter, in a process of its own that never holds the vault key. What to register
comes on stdin, as `registration.to_json` writes it: secrets are in the memory of this process and on their
way through pipes, and nowhere else. It prints its port, then serves until it is ended.
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, language_pb2, plugin_pb2
from pulumi.runtime.proto.language_pb2_grpc import (
    LanguageRuntimeServicer,
    add_LanguageRuntimeServicer_to_server,
)
from pulumi.runtime.proto.resource_pb2_grpc import ResourceMonitorStub

from engine.rollback.registering import Refused, Registering
from engine.rollback.registration import Registration, from_json

if TYPE_CHECKING:
    from google.protobuf.empty_pb2 import Empty

LARGEST = 1024 * 1024 * 400  # bytes of a message, as in Pulumi's own SDKs
OPTIONS = [("grpc.max_receive_message_length", LARGEST), ("grpc.max_send_message_length", LARGEST)]
SEVERITIES = {"warning": engine_pb2.WARNING, "error": engine_pb2.ERROR}


class Rollback(LanguageRuntimeServicer):
    """Registers the same resources whenever the engine asks for the program to be run."""

    def __init__(self, plan: list[Registration]) -> None:
        self._plan = plan

    def About(self, _request: "Empty", _context: grpc.ServicerContext) -> language_pb2.AboutResponse:  # noqa: N802
        """What runs here."""
        return language_pb2.AboutResponse(executable=sys.executable, version=sys.version.partition(" ")[0])

    def GetPluginInfo(self, _request: "Empty", _context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:  # noqa: N802
        """Nothing of note."""
        return plugin_pb2.PluginInfo()

    def GetRequiredPlugins(  # noqa: N802
        self, _request: language_pb2.GetRequiredPluginsRequest, _context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPluginsResponse:
        """None: each registration names its own."""
        return language_pb2.GetRequiredPluginsResponse()

    def GetRequiredPackages(  # noqa: N802
        self, _request: language_pb2.GetRequiredPackagesRequest, _context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        """None: each registration names its own."""
        return language_pb2.GetRequiredPackagesResponse()

    def Run(  # noqa: N802
        self, request: language_pb2.RunRequest, _context: grpc.ServicerContext
    ) -> language_pb2.RunResponse:
        """Register; what the monitor refuses, the engine has told itself."""
        with (
            grpc.insecure_channel(request.monitor_address, options=OPTIONS) as to_monitor,
            grpc.insecure_channel(request.args[0], options=OPTIONS) as to_engine,
        ):
            engine = engine_pb2_grpc.EngineStub(to_engine)

            def tell(severity: Literal["warning", "error"], message: str, urn: str) -> None:
                engine.Log(engine_pb2.LogRequest(severity=SEVERITIES[severity], message=message, urn=urn))

            monitor = ResourceMonitorStub(to_monitor)
            try:
                Registering(monitor, self._plan, preview=request.dryRun, tell=tell).run()
            except Refused:
                return language_pb2.RunResponse(bail=True)
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.UNAVAILABLE:
                    return language_pb2.RunResponse(bail=True)
                return language_pb2.RunResponse(error=error.details() or "")
        return language_pb2.RunResponse()


def main() -> None:
    """Read the plan, and serve it."""
    plan = from_json(sys.stdin.read())
    server = grpc.server(ThreadPoolExecutor(max_workers=4), options=OPTIONS)
    add_LanguageRuntimeServicer_to_server(Rollback(plan), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main()
