"""nginx on loopback: HTTPS with the certificate of a folder, read anew when it is told to reload."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.sandbox.ports import free_port
from tests.servers.install import nginx as program
from tests.servers.process import Process, accepts, running

SETTINGS = """
{user}
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificates}/fullchain.pem;
        ssl_certificate_key {certificates}/privkey.pem;
        location / {{ return 200 "served\\n"; }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running server; `reload` is the command, in words, that lets it read its certificate."""

    port: int
    reload: tuple[str, ...]
    folder: Path
    process: Process

    @property
    def reloads(self) -> int:
        """How often it was told to read its settings anew."""
        return (self.folder / "error.log").read_text().count(", reconfiguring")


@contextmanager
def nginx(folder: Path, certificates: Path) -> Iterator[Nginx]:
    """Run it until the block ends; `certificates` must hold fullchain.pem and privkey.pem."""
    found, port = program(), free_port()
    settings = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    settings.write_text(SETTINGS.format(user=user, folder=folder, port=port, certificates=certificates))
    command = (str(found.path), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(settings))
    with running("nginx", command, folder=folder, environment=found.environment()) as process:
        process.wait_until(lambda: accepts("127.0.0.1", port))
        libraries = [f"{name}={value}" for name, value in found.environment().items()]
        before = ("/usr/bin/env", *libraries) if libraries else ()
        yield Nginx(port, (*before, *command, "-s", "reload"), folder, process)
