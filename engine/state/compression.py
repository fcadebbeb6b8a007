"""JSON in few bytes: how bodies lie in the database, and how they come over HTTP."""

import zlib
from typing import Any

import orjson

QUICK = 1  # for what is written often and lives for one run
SMALL = 6  # for what stays
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class TooLarge(Exception):
    """More bytes than allowed come out of a compressed body."""


def packed(value: Any, level: int) -> bytes:
    """The value as compressed JSON."""
    return zlib.compress(orjson.dumps(value), level)


def unpacked(body: bytes) -> Any:
    """The value that `packed` packed; a gzip body does as well."""
    return orjson.loads(zlib.decompress(body, wbits=_GZIP_OR_ZLIB))


def inflated(body: bytes, limit: int) -> bytes:
    """The bytes in a gzip body; raises TooLarge beyond `limit` bytes, and ValueError where it is damaged."""
    inflater = zlib.decompressobj(wbits=_GZIP_OR_ZLIB)
    try:
        result = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(result) > limit:
        raise TooLarge
    if not inflater.eof:
        raise ValueError("the body ends too early")
    return result
