"""Making files survive a power cut: their names, which are their folder's content."""

import os
from pathlib import Path


def flush_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut (fsync(2)); raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
