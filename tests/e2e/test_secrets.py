"""C2, E4: canaries, searched in everything that a run writes or shows while it runs and afterwards."""

import base64
import sqlite3
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.e2e.world import World

pytestmark = pytest.mark.server


def forms(secret: bytes) -> list[bytes]:
    """The secret as it is, and as it could be quoted."""
    text = secret.decode()
    return [
        secret,
        base64.b64encode(secret),
        urllib.parse.quote(text, safe="").encode(),
        text.encode("unicode_escape"),
    ]


class Watch:
    """Reads command line and environment of every process below one, again and again until told to stop."""

    def __init__(self, pid: int) -> None:
        self.seen: set[bytes] = set()
        self.names: set[str] = set()
        self._root = psutil.Process(pid)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.01):
            try:
                processes = [self._root, *self._root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            for process in processes:
                for part in ("cmdline", "environ"):
                    try:
                        self.seen.add(Path(f"/proc/{process.pid}/{part}").read_bytes())
                        self.names.add(process.name())
                    except (OSError, psutil.NoSuchProcess):
                        continue


def places(*folders: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below these folders."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                yield str(path), path.read_bytes()


def test_no_secret_of_a_run_is_found_anywhere(site: World, tmp_path: Path) -> None:
    with site.tic.running("stack", "up", "site") as run:
        watch = Watch(run.pid)
        out, err = run.communicate(timeout=120)
        watch.stop()
    assert run.returncode == 0, err
    assert {"pulumi", "pulumi-resource"} <= {name[:15] for name in watch.names}, watch.names
    key_pem = (site.deployed / "privkey.pem").read_bytes()
    key_body = b"".join(key_pem.splitlines()[1:-1])
    secrets = {"TSIG secret": site.key.secret.encode(), "private key": key_body[:48]}
    said = {
        "stdout": out.encode(),
        "stderr": err.encode(),
        "history": site.tic("stack", "history", "site", "--json").out.encode(),
        "outputs": site.tic("stack", "outputs", "site", "--json").out.encode(),
        "show": site.tic("stack", "show", "site", "--json").out.encode(),
        "credential": site.tic("creds", "show", "dns", "--json").out.encode(),
        **{f"a process: {number}": text for number, text in enumerate(watch.seen)},
        **{path: text for path, text in places(site.tic.home, site.folder) if "deployed" not in path},
    }
    for row in _unpacked(site.tic.home / "tic.db"):
        said[f"unpacked row {len(said)}"] = row
    for name, secret in secrets.items():
        for form in forms(secret):
            assert [place for place, text in said.items() if form in text] == [], name
    assert len([place for place in said if place.startswith("unpacked")]) > 0


def test_secret_outputs_are_shown_only_when_asked_for(site: World) -> None:
    site.tic("stack", "up", "site")
    key = (site.deployed / "privkey.pem").read_text().strip()
    assert site.outputs()["privateKey"] == "[secret]"
    shown = site.tic("stack", "outputs", "site", "--json", "--show-secrets").json()
    assert shown["privateKey"].strip() == key


def test_an_error_of_the_program_does_not_show_the_callers_variables(site: World) -> None:
    """The caller's own cloud variables reach neither program nor engine."""
    program = site.folder / "site" / "__main__.py"
    program.write_text("import os\nraise RuntimeError(sorted(os.environ.items()))\n")
    site.tic.variables.update({"AWS_SECRET_ACCESS_KEY": "canary-of-the-caller"})
    result = site.tic("stack", "up", "site", code=1)
    assert "RuntimeError" in result.err
    assert "canary-of-the-caller" not in result.err
    assert site.key.secret not in result.err


def _unpacked(path: Path) -> Iterator[bytes]:
    """Every binary value of the database that is compressed, decompressed."""
    import zlib

    with sqlite3.connect(path) as connection:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        for table in tables:
            for row in connection.execute(f"SELECT * FROM {table}"):  # noqa: S608 - names from the schema
                for value in row:
                    if isinstance(value, bytes):
                        try:
                            yield zlib.decompress(value)
                        except zlib.error:
                            continue
