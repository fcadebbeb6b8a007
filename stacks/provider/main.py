"""The executable `pulumi-resource-tic`: a gRPC server for one phase of a run; ends with its engine."""

import argparse
import asyncio
import gc
import os
import threading
import time

PARENT_GLANCE_SECONDS = 1.0
ALLOCATIONS = 200_000  # between two looks for garbage: none while the SDK loads, which each phase waits for


def main() -> None:
    """Serve the engine whose address is the first argument; print the port that it finds us at."""
    arguments = argparse.ArgumentParser(description="tic's resources, as a Pulumi plugin (Pulumi starts it)")
    arguments.add_argument("engine", nargs="?", help="address of the Pulumi engine")
    known, _ = arguments.parse_known_args()
    end_with(os.getppid())
    gc.set_threshold(ALLOCATIONS)
    from stacks.provider.servicer import serve

    asyncio.run(serve(known.engine))
    gc.freeze()  # Python would look through all that was ever loaded before it ends


def end_with(parent: int) -> None:
    """End this process at once when `parent` is gone: a killed engine tells its plugins nothing.

    What was being published is in the broker's notes, and is withdrawn by it or by the next run.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_GLANCE_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
