"""Maven's settings.xml (maven.apache.org/settings.html): one server, and the mirror that it may be."""

import html
import re
from collections.abc import Mapping
from typing import Final

from credentials.files.unfit import UnfitFile
from credentials.secret import SecretBytes

DEEPEST: Final = 100  # elements in one another
_NAMESPACE: Final = "http://maven.apache.org/SETTINGS/1.2.0"
_NO_XML: Final = "[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"  # XML 1.0, 2.2 Char
"""A pattern: it takes milliseconds to compile, and most who load this module write no such file."""
_WHAT: Final = "the settings.xml"


def build(fields: Mapping[str, SecretBytes]) -> bytes:
    """The file, from `server-id`, `username`, `password` and, for a mirror of every repository, `url`."""
    text = {name: _text(name, value) for name, value in fields.items()}
    server = "".join(
        f"<{tag}>{text[name]}</{tag}>"
        for tag, name in (("id", "server-id"), ("username", "username"), ("password", "password"))
    )
    parts = [f"<servers><server>{server}</server></servers>"]
    if "url" in text:
        mirror = f"<id>{text['server-id']}</id><mirrorOf>*</mirrorOf><url>{text['url']}</url>"
        parts.append(f"<mirrors><mirror>{mirror}</mirror></mirrors>")
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f'{head}<settings xmlns="{_NAMESPACE}">{"".join(parts)}</settings>\n'.encode()


def check(content: bytes) -> None:
    """Raise UnfitFile unless `content` is settings in XML, in UTF-8, and without a document type.

    Only a document type can define entities, so none can grow, or read a file, in whatever reads this.
    """
    from xml.parsers import expat

    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    depth = 0

    def start(name: str, _attributes: dict[str, str]) -> None:
        nonlocal depth
        if depth == 0 and name.rpartition(" ")[2] != "settings":
            raise _unfit("its outermost element is not <settings>")
        depth += 1
        if depth > DEEPEST:
            raise _unfit(f"its elements are nested more than {DEEPEST} deep")

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1

    def declared(_version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "us-ascii"):
            raise _unfit("its first line names another encoding than UTF-8, in which it is kept")

    def document_type(*_: object) -> None:
        raise _unfit("it has a document type (<!DOCTYPE>), which Maven needs none of")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.XmlDeclHandler, parser.StartDoctypeDeclHandler = declared, document_type
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        place = f"line {error.lineno}, column {error.offset + 1}"
        raise _unfit(f"it is not XML ({expat.ErrorString(error.code)}; {place})") from None


def secrets_in(content: bytes) -> tuple[bytes, ...]:
    """What of the settings is secret by itself: every password and passphrase."""
    from xml.parsers import expat

    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    found: list[bytes] = []
    said: list[str] = []

    def end(name: str) -> None:
        if name.rpartition(" ")[2] in ("password", "passphrase") and (text := "".join(said).strip()):
            found.append(text.encode())

    parser.buffer_text = True
    parser.StartElementHandler = lambda _name, _attributes: said.clear()
    parser.CharacterDataHandler, parser.EndElementHandler = said.append, end
    parser.Parse(content, True)
    return tuple(found)


def _text(name: str, value: SecretBytes) -> str:
    """A value as an element's text, where Maven reads the same out of it again."""
    text = value.reveal().decode()
    if re.search(_NO_XML, text):
        raise _unfit(f"{name} holds a character that XML has no place for")
    if "${" in text:
        raise _unfit(f"{name} holds '${{', and Maven would put a property in its place")
    if text != text.strip():
        raise _unfit(f"{name} begins or ends with a blank, and Maven would drop it")
    return html.escape(text, quote=False)


def _unfit(fault: str) -> UnfitFile:
    return UnfitFile(
        _WHAT, fault, hint="mend it, and see how it is made: https://maven.apache.org/settings.html"
    )
