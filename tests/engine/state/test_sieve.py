"""Secrets are found in every form in which programs write them, and nothing else is."""

import base64
import html
import json
import random
import re
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.state.sieve import HIDDEN, Sieve

SECRET = 's3cr3t/Key+with "odd" <chars> & ünïcode\nand a line'
FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "in a sentence": lambda text: f"login with {text} failed",
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 behind one byte": lambda text: base64.b64encode(f":{text}".encode()).decode(),
    "base64 behind a name": lambda text: base64.b64encode(f"me:{text}@host".encode()).decode(),
    "URL": lambda text: f"https://me:{quote(text, safe='')}@host/",
    "URL with slashes": quote,
    "form": quote_plus,
    "URL in lower case": lambda text: re.sub("%..", lambda code: code[0].lower(), quote(text, safe="")),
    "JSON": json.dumps,
    "JSON in Unicode": lambda text: json.dumps({"x": text}, ensure_ascii=False),
    "JSON as Go writes it": lambda text: (
        json.dumps(text, ensure_ascii=False)
        .replace("<", r"\u003c")
        .replace(">", r"\u003e")
        .replace("&", r"\u0026")
    ),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "JSON in JSON in JSON": lambda text: json.dumps(json.dumps(json.dumps(text))),
    "HTML": lambda text: f"<p>{html.escape(text)}</p>",
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal in capitals": lambda text: text.encode().hex().upper(),
    "URL in JSON": lambda text: json.dumps(quote(text, safe="")),
    "Python": repr,
}


def body(value: object) -> bytes:
    return json.dumps({"entries": [value]}).encode()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize(
    "secret", ["AKIDz8krbsJ5yKBZQpn74WFkmLPx3", SECRET, "pass+word/9"], ids=["key", "odd", "short"]
)
def test_each_form_is_suspected_found_and_redacted(form: Callable[[str], str], secret: str) -> None:  # C2
    sieve = Sieve([secret.encode()])
    text = form(secret)
    assert sieve.suspects(body(text))
    assert sieve.finds(text)
    assert HIDDEN in sieve.redact(text)
    assert secret not in sieve.redact(text)
    assert not sieve.finds(sieve.redact(text))


@given(st.text(min_size=8), st.text(), st.text(), st.sampled_from(sorted(FORMS)))
def test_any_secret_is_found_in_any_surroundings(secret: str, before: str, after: str, form: str) -> None:
    try:
        data = secret.encode()
    except UnicodeEncodeError:  # half a surrogate pair is no text
        return
    if len(data) < 8 or not secret.strip():
        return
    sieve = Sieve([data])
    text = before + FORMS[form](secret) + after
    assert sieve.finds(text)
    if before.isprintable() and after.isprintable():
        assert sieve.suspects(body(text))


@pytest.mark.parametrize(
    "text", ["", "nothing to see", "AKIDz8krbsJ5yKBZQpn74WFkmLPx", "c2VjcmV0", "[secret]"]
)
def test_other_text_stays_as_it_is(text: str) -> None:
    sieve = Sieve([b"AKIDz8krbsJ5yKBZQpn74WFkmLPx3"])
    assert not sieve.finds(text)
    assert sieve.redact(text) == text
    assert not sieve.suspects(body(text))


def test_a_short_secret_counts_only_as_a_whole_value() -> None:
    sieve = Sieve([b"hunter2"])
    assert sieve.finds("hunter2")
    assert sieve.suspects(body("hunter2"))
    assert sieve.redact("hunter2") == HIDDEN
    assert not sieve.finds("the hunter2 service")
    assert not Sieve([b"abc", b""]).finds("abc")


def test_a_short_secret_with_signs_makes_every_body_suspect() -> None:
    assert Sieve([b"a<b>c"]).suspects(body("anything"))


def test_no_secrets_find_nothing() -> None:
    assert not Sieve([]).finds("anything")
    assert not Sieve([]).suspects(b'{"anything": 1}')


def test_bytes_that_are_no_text_are_found_as_base64() -> None:
    secret = bytes(range(250, 256)) * 6
    assert Sieve([secret]).finds(f"key: {base64.b64encode(secret).decode()}")


MATERIAL = base64.b64encode(random.Random(7).randbytes(600)).decode()


def pem(width: int, end: str = "\n") -> str:
    lines = ["-----BEGIN PRIVATE KEY-----", *textwrap.wrap(MATERIAL, width), "-----END PRIVATE KEY-----", ""]
    return end.join(lines)


def left_of_the_key(text: str) -> list[str]:
    """The pieces of the key that the text still has; shorter ones tell nobody anything."""
    plain = "".join(text.split())
    return [MATERIAL[i : i + 24] for i in range(48, len(MATERIAL) - 24) if MATERIAL[i : i + 24] in plain]


@pytest.mark.parametrize("width", [16, 20, 32, 48, 64, 76, 10_000])
@pytest.mark.parametrize("end", ["\n", "\r\n", r"\n", r"\\n", "\n    ", "%0A", "&#10;"])
def test_a_key_file_is_found_and_redacted_however_its_lines_are_wrapped(width: int, end: str) -> None:  # C2
    sieve = Sieve([pem(64).encode()])
    again = pem(width, end)
    assert sieve.suspects(body(again))
    assert sieve.finds(again)
    assert left_of_the_key(sieve.redact(f"the key {again} was refused")) == []
    assert not sieve.finds("-----BEGIN PRIVATE KEY-----")


@pytest.mark.parametrize("width", [48, 64, 76, 10_000])
def test_each_line_of_a_wrapped_key_file_is_found_by_itself(width: int) -> None:
    sieve = Sieve([pem(64).encode()])
    for line in textwrap.wrap(MATERIAL[48:], width)[:-1]:
        assert sieve.suspects(body(line))
        assert sieve.redact(f"read {line}") == f"read {HIDDEN}"


@pytest.mark.parametrize("width", [57, 64, 76])
@pytest.mark.parametrize("before", ["", "x", "me:"])
def test_the_base64_of_a_long_secret_is_found_however_it_is_wrapped(width: int, before: str) -> None:
    for secret in (pem(64), json.dumps({"private_key": pem(64), "project": "p"}), "Tok." + MATERIAL[:150]):
        sieve = Sieve([secret.encode()])
        coded = base64.b64encode((before + secret).encode()).decode()
        wrapped = "\n".join(textwrap.wrap(coded, width))
        assert sieve.suspects(body(wrapped))
        assert sieve.finds(wrapped)
        lines = sieve.redact(wrapped).splitlines()
        assert (
            sum(line not in (HIDDEN, "") for line in lines) <= 3
        )  # the heading, and what is left at the end


def test_the_private_values_of_a_json_key_file_are_secrets_by_themselves() -> None:
    key_file = {
        "type": "service_account",
        "token_uri": "https://oauth.example.test/token",
        "private_key": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----\n",
    }
    sieve = Sieve([json.dumps(key_file, indent=2).encode()])
    assert sieve.finds(key_file["private_key"])
    assert not any(sieve.finds(public) for public in ("service_account", key_file["token_uri"]))


def test_its_repr_shows_no_secret() -> None:
    assert "AKID" not in repr(Sieve([b"AKIDz8krbsJ5yKBZQpn74WFkmLPx3"]))


def test_what_is_learned_later_is_found_from_then_on_beside_what_was_known() -> None:  # C2
    sieve = Sieve([b"AKIDz8krbsJ5yKBZQpn74"])
    assert not sieve.suspects(body("mPLxw3FWkGh5tYqRz2"))
    sieve.add([b"mPLxw3FWkGh5tYqRz2", b"pin4", b""])
    for text in (
        "AKIDz8krbsJ5yKBZQpn74",
        "mPLxw3FWkGh5tYqRz2",
        base64.b64encode(b"x:mPLxw3FWkGh5tYqRz2").decode(),
    ):
        assert sieve.suspects(body(text))
        assert sieve.finds(text)
        assert HIDDEN in sieve.redact(text)
    assert sieve.finds("pin4")
    assert sieve.redact("AKIDz8krbsJ5yKBZQpn74, mPLxw3FWkGh5tYqRz2") == f"{HIDDEN}, {HIDDEN}"


def test_threads_that_teach_it_at_once_lose_nothing() -> None:
    sieve, secrets = Sieve(), [f"secret-number-{number:03}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda secret: sieve.add([secret.encode()]), secrets))
    assert all(sieve.finds(secret) for secret in secrets)
