"""Takes secrets out of text that others wrote: a provider's error, a program's output."""

import base64
import json
import urllib.parse
from collections.abc import Iterable

HIDDEN = "***"
# Anything shorter would blank out ordinary letters all over a message and hide nothing.
SHORTEST = 3
SHORTEST_ENCODED = 6


class Redaction:
    """Knows the secrets and the forms in which software echoes them: JSON, URL, base64 (basic auth)."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        self._forms = sorted(forms, key=len, reverse=True)

    def __repr__(self) -> str:
        return "Redaction(***)"

    def text(self, text: str) -> str:
        """The text with `***` where a secret was."""
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text


def _forms(secret: str) -> Iterable[str]:
    if len(secret) < SHORTEST:
        return
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield urllib.parse.quote(secret, safe="")
    yield urllib.parse.quote_plus(secret)
    for line in secret.splitlines():
        if len(line) >= SHORTEST_ENCODED * 2:
            yield line  # of a key in several lines, each line is telling
    if len(secret) >= SHORTEST_ENCODED:
        yield from _base64_forms(secret.encode("utf-8", "surrogatepass"))


def _base64_forms(secret: bytes) -> Iterable[str]:
    """What stands in the base64 of any text that holds the secret, wherever in it the secret begins."""
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + secret).decode()
        first = -(-offset * 8 // 6)
        last = (offset + len(secret)) * 8 // 6
        yield encoded[first:last]
        yield encoded[first:last].replace("+", "-").replace("/", "_")
