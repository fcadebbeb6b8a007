"""The executable `pulumi-resource-tic`: a gRPC server for one phase of a run; ends with its engine."""

import argparse
import asyncio
import os
import threading
import time

PARENT_GLANCE_SECONDS = 1.0


def main() -> None:
    """Serve the engine whose address is the first argument; print the port that it finds us at."""
    arguments = argparse.ArgumentParser(description="tic's resources, as a Pulumi plugin (Pulumi starts it)")
    arguments.add_argument("engine", nargs="?", help="address of the Pulumi engine")
    known, _ = arguments.parse_known_args()
    end_with(os.getppid())
    from stacks.provider.servicer import serve

    asyncio.run(serve(known.engine))


def end_with(parent: int) -> None:
    """End this process at once when `parent` is gone: a killed engine tells its plugins nothing.

    What was being published is in the broker's notes, and is withdrawn by it or by the next run.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_GLANCE_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
