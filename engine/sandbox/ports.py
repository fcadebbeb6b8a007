"""Ports for servers on this machine."""

import random
import socket

from engine.errors import EngineError

# Below the range from which the system takes the ports of outgoing connections: none is lost to one of those.
CANDIDATES = range(20000, 32000)
HOST = "127.0.0.1"


def is_free(port: int, host: str = HOST) -> bool:
    """Whether a server may listen there now, for UDP and for TCP."""
    try:
        with socket.socket(type=socket.SOCK_STREAM) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            # A server that has just ended leaves connections behind that block nobody.
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tcp.bind((host, port))
            udp.bind((host, port))
    except OSError:
        return False
    return True


def free_port(host: str = HOST) -> int:
    """A random port that is free for UDP and TCP; raises EngineError where none of 200 is."""
    for port in random.sample(CANDIDATES, 200):
        if is_free(port, host):
            return port
    raise EngineError(f"no free port at {host}", hint="look at what listens there: ss -ltnup")
