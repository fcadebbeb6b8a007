"""Serves one Python program to the Pulumi engine: Pulumi's language runtime protocol around the user's
`__main__.py`.

Run by path, by tic's interpreter or by the project's own virtual environment (it needs `pulumi` and nothing
of tic), in a process of its own that never holds the vault key and gets none of the credentials. It prints
its port, then serves until it is ended. Pulumi's Automation API serves inline programs with the same server
class.

The engine goes on after a step has failed (`--continue-on-error`), and so does the program: what it reads of
a failed resource is unknown. What is made of that is not registered, since a provider would be asked to make
it without. The engine would delete what is not registered, as if the program had dropped it. So a program
that comes to its end asks tic whether a step has failed, through the engine, which tells things in their
order; if so, it ends as one that has failed itself, and then the engine deletes nothing.
"""

import gc
import os
import runpy
import secrets
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

PARENT_GLANCE_SECONDS = 1.0
ANSWER_GLANCE_SECONDS = 0.002
ANSWER_SECONDS = 60.0
RUN = "TIC_RUN"  # the run's private folder; tic answers there (engine.going_on)
QUESTION = "tic: has a step failed? "
UNTRIED = "tic: not tried: "
FAILED: Any = 1  # the result of a registration (resource.proto)
ROOT = "::pulumi:pulumi:Stack::"
ALLOCATIONS = 200_000  # between two looks for garbage: by default most of them are while SDKs load


def run_program(path: Path, end: "End | None" = None) -> None:
    """Run the program as `__main__`; an exception becomes one error that shows the user's own frames only."""
    from pulumi import RunError

    if end is not None:
        end.watch()
    sys.argv = [str(path)]
    try:
        runpy.run_path(str(path), run_name="__main__")
    except RunError:
        raise
    except SystemExit as leaving:
        if leaving.code not in (None, 0):
            raise RunError(f"the program {path} ended itself with {leaving.code!r}") from leaving
    except Exception as error:
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if not _of_python(frame.filename)]
        where = "".join(traceback.format_list(own[1:] or own))
        said = "".join(traceback.format_exception_only(error)).strip()
        raise RunError(
            f"the program {path} failed: {said}\n{where}{_next_step(error, path)}".rstrip()
        ) from error


def _next_step(error: Exception, path: Path) -> str:
    if not isinstance(error, ModuleNotFoundError):
        return ""
    step = (
        f"  next: {sys.executable} runs the program; install the package with {error.name} into it: "
        f"{sys.executable} -m pip install PACKAGE"
    )
    if Path(sys.prefix).is_relative_to(path if path.is_dir() else path.parent):
        return step
    return (
        f"{step}\n  or give the project an environment of its own, in its Pulumi.yaml: "
        "runtime: {name: python, options: {virtualenv: .venv}}"
    )


def _of_python(filename: str) -> bool:
    return filename.startswith("<frozen") or filename == runpy.__file__


class End:
    """What one run of the program does after a failure, and how it ends; `engine` is the address of the
    engine that asked for it.
    """

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._failed: bool | None = None
        self._unknown = False  # whether anything that the program reads is
        self._untried: set[str] = set()

    def watch(self) -> None:
        """Stand between the program and the engine; needs the program's own surroundings."""
        from google.protobuf.empty_pb2 import Empty
        from pulumi.runtime.rpc import UNKNOWN
        from pulumi.runtime.settings import get_monitor

        monitor: Any = get_monitor()
        register, outputs = monitor.RegisterResource, monitor.RegisterResourceOutputs
        finish = getattr(monitor, "SignalAndWaitForShutdown", None)

        def register_known(request: Any) -> Any:
            """Leave out what can't be said for a failure before: a provider would take it as not given."""
            if self._unknown and (request.custom or request.remote) and self._depends(request, UNKNOWN):
                return self._left_out(request)
            response = register(request)
            if response.result:
                self._unknown = True
                self._tell(UNTRIED + response.urn)  # or failed, which tic knows
            elif request.remote and UNKNOWN in str(response.object):
                self._unknown = True
            return response

        def known_outputs(request: Any) -> Any:
            """Leave out what nobody knows of the stack's outputs: the engine keeps what they were."""
            if ROOT in request.urn:
                fields = request.outputs.fields
                for name in [each for each, value in fields.items() if UNKNOWN in str(value)]:
                    del fields[name]
            return outputs(request)

        def finish_whole(request: Any) -> Any:
            """Let the engine delete what was not registered only if nothing has failed."""
            return Empty() if finish is None or self.failed() else finish(request)

        monitor.RegisterResource = register_known
        monitor.RegisterResourceOutputs = known_outputs
        monitor.SignalAndWaitForShutdown = finish_whole

    def _depends(self, request: Any, unknown: str) -> bool:
        """Whether it is made of something unknown, or of what was itself left out."""
        urns = {request.parent, *request.dependencies}
        urns |= {urn for each in request.propertyDependencies.values() for urn in each.urns}
        return not self._untried.isdisjoint(urns) or unknown in str(request.object)

    def _left_out(self, request: Any) -> Any:
        import pulumi
        from pulumi.runtime.proto import resource_pb2

        above = "" if not request.parent or ROOT in request.parent else request.parent.split("::")[2] + "$"
        urn = (
            f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{above}{request.type}::{request.name}"
        )
        self._untried.add(urn)
        self._tell(UNTRIED + urn)
        return resource_pb2.RegisterResourceResponse(urn=urn, result=FAILED)

    def failed(self) -> bool:
        """Whether a step of the run has failed, by the engine's own account up to now."""
        if self._failed is None:
            self._failed = RUN in os.environ and self._asked(Path(os.environ[RUN]))
        return self._failed

    def _asked(self, folder: Path) -> bool:
        question = secrets.token_hex(16)
        if not self._tell(QUESTION + question):
            return True
        ends = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < ends:
            for answer in (True, False):
                if (folder / f"{question}.{answer}").exists():
                    return answer
            time.sleep(ANSWER_GLANCE_SECONDS)
        sys.stderr.write("tic did not say whether a step has failed, so nothing is deleted\n")
        return True

    def _tell(self, what: str) -> bool:
        """Tell tic, among what the engine tells; false where the engine is ending."""
        import grpc
        from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

        said = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=what, ephemeral=True)
        try:
            with grpc.insecure_channel(self._engine) as channel:
                engine_pb2_grpc.EngineStub(channel).Log(said)
        except grpc.RpcError:
            return False
        return True


def _serving(path: Path) -> Any:
    """Pulumi's server of a program, which ends as this module says."""
    from pulumi.automation._server import LanguageServer

    class Serving(LanguageServer):
        def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
            """Run the program to its end."""
            end = None if request.dryRun or not request.args else End(request.args[0])
            self.program = lambda: run_program(path, end)
            response = LanguageServer.Run(self, request, context)  # type: ignore[no-untyped-call]
            if end is not None and not response.error and end.failed():
                response.bail = True
            return response

    return Serving(lambda: run_program(path, None))


def main() -> None:
    """Serve the program named by the first argument."""
    path, parent = Path(sys.argv[1]), os.getppid()
    gc.set_threshold(ALLOCATIONS)
    try:
        import grpc
        from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
        from pulumi.runtime.proto import language_pb2_grpc
    except ImportError as error:
        sys.stderr.write(
            f"{sys.executable} can't run Pulumi programs: {error}; install the package pulumi into it\n"
        )
        raise SystemExit(1) from error
    folder = path if path.is_dir() else path.parent
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    server = grpc.server(ThreadPoolExecutor(max_workers=4), options=_GRPC_CHANNEL_OPTIONS)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(_serving(path), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while os.getppid() == parent:  # a supervisor that was killed could not end this process
        time.sleep(PARENT_GLANCE_SECONDS)


if __name__ == "__main__":
    main()
