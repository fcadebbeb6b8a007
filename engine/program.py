"""Serves one Python program to the Pulumi engine: Pulumi's language runtime protocol around the user's
`__main__.py`.

Run by path, by tic's interpreter or by the project's own virtual environment (it needs `pulumi` and nothing
of tic), in a process of its own that never holds the vault key and gets none of the credentials. It prints
its port, then serves until it is ended. Pulumi's Automation API serves inline programs with the same server
class.
"""

import gc
import os
import runpy
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PARENT_GLANCE_SECONDS = 1.0
ALLOCATIONS = 200_000  # between two looks for garbage: by default most of them are while SDKs load


def run_program(path: Path) -> None:
    """Run the program as `__main__`; an exception becomes one error that shows the user's own frames only."""
    from pulumi import RunError

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


def main() -> None:
    """Serve the program named by the first argument."""
    path, parent = Path(sys.argv[1]), os.getppid()
    gc.set_threshold(ALLOCATIONS)
    try:
        import grpc
        from pulumi.automation._server import LanguageServer
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
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageServer(lambda: run_program(path)), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while os.getppid() == parent:  # a supervisor that was killed could not end this process
        time.sleep(PARENT_GLANCE_SECONDS)


if __name__ == "__main__":
    main()
