"""Who acts: as the history and the audit log name them."""

import getpass
import socket


def user_name() -> str:
    """The user's name; the number where the system knows no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in passwd
        import os

        return f"uid {os.geteuid()}"


def actor() -> str:
    """The user and the machine, `user@host`."""
    return f"{user_name()}@{socket.gethostname()}"
