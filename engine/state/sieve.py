"""Secrets found in text: as they are, encoded in the ways of programs, and wrapped into other lines.

Looking through a request's body costs a few substring searches; only a suspicious one has to be parsed.

A secret shorter than SHORTEST bytes would be found in half of all text, so it counts only where it is a whole
value; below SHORTEST_VALUE not even there.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from threading import Lock

from engine.state.secret_forms import decoded, forms, is_text, material, parts, wrapped_base64

HIDDEN = "[secret]"
SHORTEST = 8
SHORTEST_VALUE = 4
_INERT = re.compile(rb"[A-Za-z0-9]{6,}")  # what no encoding of text changes
_RUN = re.compile("[A-Za-z0-9+/_=-]{16,}")  # what key material looks like on one line
_GRAM = 16  # characters of key material that nothing else has
_STRIDE = 8  # so a piece of _GRAM + _STRIDE - 1 characters is always known by one gram
_PROBED = 32  # characters of key material for which there are two probes: a line by itself has them
_PROBED_BASE64 = 512  # in the base64 of that nobody looks for single lines


@dataclass(frozen=True, slots=True)
class _Mesh:
    """What to look for: `short` as whole values, `pattern` anywhere, `grams` in runs of key material.

    `probes` None: parse whatever it is.
    """

    short: frozenset[str]
    probes: tuple[bytes, ...] | None
    pattern: re.Pattern[str]
    grams: frozenset[str]


class Sieve:
    """Finds the secrets that it has learned; its repr shows none. Safe to use from several threads.

    It never forgets, so what it was asked about before it learned more was answered as well as could be:
    a secret is learned before anybody gets it.
    """

    def __init__(self, secrets: Iterable[bytes] = ()) -> None:
        self._known: frozenset[bytes] = frozenset()
        self._mesh = _mesh(self._known)
        self._learning = Lock()
        self.add(secrets)

    def add(self, secrets: Iterable[bytes]) -> None:
        """Find these too, from now on."""
        found = {part for secret in secrets for part in parts(secret)}
        with self._learning:
            if not found <= self._known:
                self._known |= found
                self._mesh = _mesh(self._known)

    def suspects(self, body: bytes) -> bool:
        """Whether JSON text may hold a secret: never False where it does, seldom True where it does not."""
        probes = self._mesh.probes
        return probes is None or any(probe in body for probe in probes)

    def finds(self, text: str) -> bool:
        """Whether a string (not as JSON) holds a secret."""
        mesh = self._mesh
        return text in mesh.short or _holds(mesh, text) or any(_holds(mesh, one) for one in decoded(text))

    def redact(self, text: str) -> str:
        """The string with `[secret]` in place of each secret, or of all where only decoding shows one."""
        mesh = self._mesh
        if text in mesh.short:
            return HIDDEN
        text = mesh.pattern.sub(HIDDEN, text)
        if mesh.grams:
            text = _RUN.sub(lambda run: HIDDEN if _is_material(mesh, run[0]) else run[0], text)
        return HIDDEN if any(_holds(mesh, one) for one in decoded(text)) else text


def _holds(mesh: _Mesh, text: str) -> bool:
    if mesh.pattern.search(text) is not None:
        return True
    return bool(mesh.grams) and any(_is_material(mesh, run[0]) for run in _RUN.finditer(text))


def _is_material(mesh: _Mesh, run: str) -> bool:
    return any(run[i : i + _GRAM] in mesh.grams for i in range(len(run) - _GRAM + 1))


def _mesh(everything: frozenset[bytes]) -> _Mesh:
    long = {secret for secret in everything if len(secret) >= SHORTEST}
    short = frozenset(
        secret.decode() for secret in everything - long if len(secret) >= SHORTEST_VALUE and is_text(secret)
    )
    written = {form for secret in long for form in forms(secret)}
    keys = {text for secret in long for text in material(secret)}
    coded = {text for secret in long for text in wrapped_base64(secret)}
    probes = {_probe(form) for form in written} | {_probe_value(secret) for secret in short}
    probes.update(probe for text in keys for probe in _probes_of(text, _PROBED))
    probes.update(probe for text in coded for probe in _probes_of(text, _PROBED_BASE64))
    texts = sorted((form.decode() for form in written), key=len, reverse=True)
    return _Mesh(
        short,
        None if None in probes else tuple(sorted(probe for probe in probes if probe)),
        re.compile("|".join(map(re.escape, texts)) or r"(?!)"),
        frozenset(
            text[i : i + _GRAM] for text in keys | coded for i in range(0, len(text) - _GRAM + 1, _STRIDE)
        ),
    )


def _probe(form: bytes) -> bytes | None:
    """A part of a text that stays the same when the text becomes JSON; None where there is no such part."""
    found = _INERT.findall(form)
    return max(found, key=len) if found else None


def _probe_value(secret: str) -> bytes | None:
    """As `_probe`, for a secret that counts only as a whole value."""
    return f'"{secret}"'.encode() if re.fullmatch("[A-Za-z0-9]+", secret) else None


def _probes_of(text: str, width: int) -> Iterator[bytes]:
    """Two neighbours in each part of key material: no line end falls into both, however it is wrapped."""
    for start in range(0, len(text), width):
        inert = [run[0] for run in re.finditer("[A-Za-z0-9]{12,}", text[start : start + width])]
        if inert:
            longest = max(inert, key=len)[:16]
            half = len(longest) // 2
            yield longest[:half].encode()
            yield longest[half:].encode()
