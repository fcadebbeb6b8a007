"""Looking for canaries in all that a run can leave: files, databases with their logs, and what was printed.

The forms are written here anew, and not with the code that is tested.
"""

import base64
import json
import sqlite3
import textwrap
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

PIECE = 28  # characters of a key file: so much of it anywhere is a find
_STARTS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda", b"\x1f\x8b")


def forms(secret: str) -> set[bytes]:
    """The secret as it is, and as programs write it."""
    body = "".join(line for line in secret.splitlines() if not line.startswith("-----"))
    found = {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(json.dumps(secret)[1:-1])[1:-1],
        quote(secret, safe=""),
        secret.encode().hex(),
    }
    for before in range(3):
        whole = base64.b64encode(b"x" * before + secret.encode()).decode()
        found.add(whole[4 if before else 0 : -4])
    if body != secret:
        # From the middle of the key: its first characters name the algorithm, and its last line is short.
        found |= {body[i : i + PIECE] for i in range(64, len(body) - PIECE, PIECE // 2)}
    return {form.encode() for form in found}


def hits(secrets: dict[str, str], texts: Iterator[tuple[str, bytes]]) -> list[str]:
    """Where a secret is, and which; wrapped texts are read without their line ends, too."""
    wanted = {form: name for name, secret in secrets.items() for form in forms(secret)}
    found = []
    for place, text in texts:
        unbroken = b"".join(text.replace(rb"\n", b"\n").split())
        found += [f"{name} in {place}" for form, name in wanted.items() if form in text or form in unbroken]
    return found


def files(*folders: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below these folders, and every compressed text that begins anywhere in it."""
    for folder in folders:
        for path in folder.rglob("*"):
            with suppress(OSError):  # it ended with its run
                if path.is_file() and not path.is_symlink():
                    body = path.read_bytes()
                    yield str(path), body
                    yield from ((f"{path} at {start}", text) for start, text in _streams(body))


def rows(database: Path) -> Iterator[tuple[str, bytes]]:
    """Every value of every table, unpacked where it is packed."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            for row in connection.execute(f"SELECT * FROM {name}"):  # noqa: S608 - from the schema
                for value in row:
                    body = value if isinstance(value, bytes) else str(value).encode()
                    with suppress(zlib.error):
                        body = zlib.decompress(body, 47)
                    yield f"a row of {name}", body


def _streams(body: bytes) -> Iterator[tuple[int, bytes]]:
    """What is compressed in a file of pages: as much of each stream as lies in one piece."""
    for start in _STARTS:
        at = body.find(start)
        while at >= 0:
            with suppress(zlib.error):
                text = zlib.decompressobj(47).decompress(body[at : at + 65536])
                if len(text) > 16:
                    yield at, text
            at = body.find(start, at + 1)


def pem(material: bytes) -> str:
    """A private key file, as far as its looks go."""
    lines = textwrap.wrap(base64.b64encode(material).decode(), 64)
    return "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""])
