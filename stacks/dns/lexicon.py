"""Deleting a TXT value by its name and content through dns-lexicon, where lego can't or would delete more.

Lexicon keeps no ids: it looks for the record at the provider. It runs in a process of its own that has no
more than lego's: a bare environment, its settings over stdin, a time limit, and what it says redacted.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stacks.dns.publisher import ProviderFailed
from stacks.dns.redaction import Redaction
from stacks.dns.worker import NETWORK, NOWHERE, PROGRAM_PATH

MAIN = Path(__file__).with_name("lexicon_main.py")
CALL_SECONDS = 60.0
SHOWN_CHARACTERS = 600


@dataclass(frozen=True, slots=True)
class Account:
    """An account at a provider by lexicon's name, with the options that lexicon takes for it."""

    provider: str
    options: Mapping[str, str] = field(repr=False)


def installed() -> bool:
    """Whether dns-lexicon is there for this Python."""
    return find_spec("lexicon") is not None


def delete(
    account: Account,
    zone: str,
    name: str,
    value: str,
    *,
    seconds: float = CALL_SECONDS,
    machine: Mapping[str, str] = os.environ,
) -> int:
    """Delete the TXT records of `name` in `zone` that have this value, and no others; how many there were.

    Of `machine` the process gets the network's variables alone. Raises ProviderFailed.
    """
    assert value  # noqa: S101 - without one lexicon would delete whatever stands at the name
    request = {
        "provider": account.provider,
        "options": dict(account.options),
        "zone": zone,
        "name": name,
        "value": value,
    }
    answer = _answer(account, request, seconds, _environment(machine))
    if answer.get("success") is True:
        return int(answer.get("deleted", 0))
    if missing := answer.get("missing"):
        raise ProviderFailed(
            f"dns-lexicon can't be used for {account.provider}: it needs {missing}, which is not installed",
            hint=f"install it: pip install 'dns-lexicon[{account.provider}]'; or delete the record by hand",
        )
    raise _failed(account, f"failed deleting {name}: {answer.get('error') or 'no reason given'}")


def _answer(
    account: Account, request: Mapping[str, Any], seconds: float, environment: Mapping[str, str]
) -> dict[str, Any]:
    process = subprocess.Popen(
        [sys.executable, "-I", str(MAIN)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=dict(environment),
        start_new_session=True,
    )
    assert process.stdin is not None  # noqa: S101 - it was made with pipes
    assert process.stdout is not None  # noqa: S101
    with process.stdin, process.stdout:
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            reply = _line(process, seconds)
        except OSError:
            reply = b""
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    try:
        answer = json.loads(reply)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise _failed(account, "ended without an answer")
    return answer


def _line(process: "subprocess.Popen[bytes]", seconds: float) -> bytes:
    """What it answers; b"" where it takes longer than `seconds`."""
    import select

    assert process.stdout is not None  # noqa: S101
    waiting = select.poll()
    waiting.register(process.stdout, select.POLLIN)
    return process.stdout.readline() if waiting.poll(seconds * 1000) else b""


def _environment(machine: Mapping[str, str]) -> dict[str, str]:
    network = {name: machine[name] for name in NETWORK if name in machine}
    if "SSL_CERT_FILE" in network:
        network["REQUESTS_CA_BUNDLE"] = network["SSL_CERT_FILE"]  # requests reads no other
    return {"PATH": PROGRAM_PATH, "LANG": "C.UTF-8", "HOME": NOWHERE, **network}


def _failed(account: Account, what: str) -> ProviderFailed:
    said = Redaction(account.options.values()).text(f"dns-lexicon's {account.provider} {what}")
    return ProviderFailed(
        said[:SHOWN_CHARACTERS],
        hint="correct what it names: the credential (tic creds rotate NAME), its rights, or the zone",
    )
