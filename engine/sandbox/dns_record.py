"""Publishes and removes TXT records at the sandbox's DNS server; lego's `exec` provider calls it.

`dns_record.py present|cleanup NAME VALUE`, or in mode RAW `present|cleanup -- DOMAIN TOKEN KEYAUTH`. It is
copied into the sandbox's folder and runs alone, on the standard library. That server can only clear a name
whole, so the values of every name are kept beside it, and clearing one puts the others back.
"""

import base64
import fcntl
import hashlib
import json
import os
import sys
import urllib.request
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ANSWER_SECONDS = 10


def main(arguments: list[str]) -> int:
    """Do what `arguments` say; the exit code is 0, or 1 with one line on stderr."""
    if len(arguments) == 5 and arguments[1] == "--":
        verb, _, domain, _token, authorization = arguments
        digest = hashlib.sha256(authorization.encode()).digest()
        name, value = f"_acme-challenge.{domain}", base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    elif len(arguments) == 3:
        verb, name, value = arguments
    else:
        return _failed("usage: dns-record present|cleanup NAME VALUE")
    if verb not in ("present", "cleanup"):
        return _failed(f"{verb!r} is neither present nor cleanup")
    os.umask(0o077)
    try:
        with (FOLDER / "values.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _change(verb, f"{name.rstrip('.').lower()}.", value)
    except OSError as error:
        return _failed(f"the sandbox's DNS server does not answer ({error}); start it: tic sandbox up")
    return 0


def _change(verb: str, name: str, value: str) -> None:
    path = FOLDER / "values.json"
    values = json.loads(path.read_text()) if path.exists() else {}
    before = values.get(name, [])
    if (value in before) == (verb == "present"):
        return
    if verb == "present":
        _post("set-txt", {"host": name, "value": value})
        values[name] = [*before, value]
    else:
        values[name] = [each for each in before if each != value]
        _post("clear-txt", {"host": name})
        for each in values[name]:
            _post("set-txt", {"host": name, "value": each})
    kept = {each: content for each, content in values.items() if content}
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(kept))
    beside.replace(path)


def _post(action: str, body: dict[str, str]) -> None:
    address = json.loads((FOLDER / "sandbox.json").read_text())["dns_management"]
    request = urllib.request.Request(f"{address}/{action}", data=json.dumps(body).encode())  # noqa: S310
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine: no proxy has a part
    with direct.open(request, timeout=ANSWER_SECONDS):
        pass


def _failed(text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
