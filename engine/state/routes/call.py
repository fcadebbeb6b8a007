"""One call of the protocol, from the request to the answer: who calls, what with, and how it is refused."""

import logging
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from ipaddress import ip_address
from typing import Any

import orjson
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from credentials.errors import CredentialError
from credentials.keys import KeyUnusable
from engine.database import DatabaseUnusable
from engine.errors import EngineError
from engine.state import owner as owners
from engine.state import stacks
from engine.state.compression import TooLarge, inflated
from engine.state.kept_tokens import TokenExpired
from engine.state.residue import redact
from engine.state.service import Admitted, StateService, token_hash
from engine.state.stacks import ORG, Stack, StackExists, StackMissing
from engine.state.updates import LeaseLost, UpdateRunning

logger = logging.getLogger(__name__)

LARGEST_BODY = 256 * 1024 * 1024  # bytes, as sent and after decompression
AWAY = (
    "the state service can't use its database or its vault just now\n"
    "  next: run the command again in a while; whoever runs the service finds the reason where it runs"
)
READ_ONLY = "this access token may read and preview, and change nothing"


class Refused(Exception):
    """The call gets no answer but this code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Call:
    """A call whose bearer was let in by the access token or the update token that it showed."""

    service: StateService
    admitted: Admitted
    token: str = field(repr=False)
    path: Mapping[str, str]
    query: QueryParams
    headers: Mapping[str, str]
    base_url: str
    client: str
    sent: bytes = field(repr=False)

    @cached_property
    def body(self) -> bytes:
        """The body, decompressed."""
        if self.headers.get("content-encoding") not in ("gzip", "x-gzip"):
            return self.sent
        try:
            return inflated(self.sent, LARGEST_BODY)
        except TooLarge:
            raise Refused(413, "the body is too large") from None
        except ValueError as error:
            raise Refused(400, f"the body is not gzip: {error}") from None

    def json_as_sent(self) -> Any:
        """The body as JSON, secrets and all: only for what seals them."""
        try:
            return orjson.loads(self.body) if self.body else {}
        except orjson.JSONDecodeError as error:
            raise Refused(400, f"the body is not JSON: {error}") from None

    def json(self) -> Any:
        """The body as JSON, with `[secret]` in place of the run's secrets."""
        value = self.json_as_sent()
        if self.admitted.sieve.suspects(self.body):
            value = redact(value, self.admitted.sieve, self.admitted.report)
        return value

    def object(self) -> dict[str, Any]:
        """As `json`, for a body that has to be an object."""
        value = self.json()
        if not isinstance(value, dict):
            raise Refused(400, "the body is not an object")
        return value

    def stack(self, connection: Connection) -> Stack:
        """The stack in the path; one that the bearer may not see is not there."""
        project, name = self.path["project"], self.path["stack"]
        found = stacks.find(connection, project, name) if self.path["org"] == ORG else None
        if found is None or not self.admitted.may_see(found):
            raise StackMissing(project, name)
        return found

    def check_name(self, project: str, name: str) -> None:
        """Refuse to give a stack a name that the bearer's token does not cover."""
        if not self.admitted.may_name(project, name):
            raise Refused(403, f"this access token is for other stacks than {project}/{name}")

    def check_writing(self) -> None:
        """Refuse a bearer that may only read."""
        if not self.admitted.may_write:
            raise Refused(403, READ_ONLY)

    @property
    def owner(self) -> owners.Owner:
        """Who runs what the bearer starts."""
        access = self.admitted.access
        return access.owner if access.kept is None else owners.client(self.client)

    @property
    def lease(self) -> bytes:
        """The hash of the update token that was shown; whether it is the lease, the database knows."""
        return token_hash(self.token)

    @property
    def engine(self) -> str:
        """The CLI's version as its manifests say it ("v3.259.0"), or "" where another client calls."""
        agent = self.headers.get("user-agent", "")
        return agent.partition("(")[2].partition(";")[0] if agent.startswith("pulumi-cli/") else ""


Handler = Callable[[Call], Any]
_Bearer = Callable[[StateService, Mapping[str, str], str, str], Admitted]
_READS = frozenset({"GET", "HEAD"})
_CODES: tuple[tuple[type[Exception], int], ...] = (
    (StackMissing, 404),
    (StackExists, 409),
    (UpdateRunning, 409),
    (LeaseLost, 403),
    (TokenExpired, 403),
    (DatabaseUnusable, 503),
)


class Operations(Route):
    """A route that knows those of its handlers that an access token reaches, by HTTP method."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[[Request], Any],
        methods: list[str],
        handlers: Mapping[str, Handler],
    ) -> None:
        super().__init__(path, endpoint, methods=methods)
        self.handlers = handlers


def by_token(service: StateService, path: str, *, reading: Collection[str] = (), **methods: Handler) -> Route:
    """A route for callers with an access token: a handler for each HTTP method, named in lower case.

    Tokens that may only read are refused everything but GET, HEAD and the methods of `reading`: these change
    nothing, or look for themselves (`Call.check_writing`).
    """
    reads = _READS | {method.upper() for method in reading}
    return _route(service, path, methods, _bearer_of_token, reads)


def by_lease(service: StateService, path: str, **methods: Handler) -> Route:
    """A route for the holder of the lease of the update in the path."""
    return _route(service, path, methods, _bearer_of_lease, {method.upper() for method in methods})


def answer(code: int, value: Any) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(value), status_code=code, media_type="application/json")


def refusal(code: int, message: str) -> Response:
    """An answer in the shape of `apitype.ErrorResponse`; the CLI shows the message."""
    return answer(code, {"code": code, "message": message})


def _route(
    service: StateService, path: str, methods: dict[str, Handler], bearer: _Bearer, reads: Collection[str]
) -> Operations:
    handlers = {method.upper(): handler for method, handler in methods.items()}
    if "GET" in handlers:
        handlers.setdefault("HEAD", handlers["GET"])  # RFC 9110, 9.3.2; the server leaves the body out

    async def endpoint(request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            # Nothing that a stranger sends is taken in.
            ask = partial(bearer, service, request.path_params, scheme, token)
            admitted = await run_in_threadpool(ask) if service.asks_database else ask()
            request.scope["tic.user"] = admitted.access.user
            if not (admitted.may_write or request.method in reads):
                raise Refused(403, READ_ONLY)
            call = Call(
                service=service,
                admitted=admitted,
                token=token,
                path=request.path_params,
                query=request.query_params,
                headers=request.headers,
                base_url=service.public_url or str(request.base_url).rstrip("/"),
                client=_address(request),
                sent=await _received(request),
            )
            return await run_in_threadpool(_answer, handlers[request.method], call)
        except Exception as error:  # whatever it is, the server has to answer
            if isinstance(error, DatabaseUnusable | KeyUnusable) and service.asks_database:
                logger.error("%s\n  next: %s", error, error.hint)  # noqa: TRY400  # a caller is not to know where
                return refusal(503, AWAY)
            return _refused(request, error)

    return Operations(path, endpoint, list(handlers), methods if bearer is _bearer_of_token else {})


def _address(request: Request) -> str:
    """Where the caller is; behind a proxy that is what it says, which may be anything."""
    try:
        return str(ip_address(request.client.host if request.client else ""))
    except ValueError:
        return "an unknown address"


async def _received(request: Request) -> bytes:
    """The body as it was sent."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            raise Refused(413, "the body is too large")
        parts.append(part)
    return b"".join(parts)


def _answer(handler: Handler, call: Call) -> Response:
    result = handler(call)
    return result if isinstance(result, Response) else answer(200, {} if result is None else result)


def _refused(request: Request, error: Exception) -> Response:
    """Every fault becomes an answer, and none of them repeats what was sent."""
    if isinstance(error, Refused):
        return refusal(error.code, str(error))
    if isinstance(error, EngineError | CredentialError):
        code = next((code for kind, code in _CODES if isinstance(error, kind)), 400)
        return refusal(code, f"{error}\n  next: {error.hint}")
    if isinstance(error, ClientDisconnect):
        return refusal(400, "the caller left")  # nobody hears it
    # The log must not have the message: it may repeat what was sent.
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s %s: %s\n%s", request.method, request.url.path, type(error).__name__, frames)
    return refusal(500, f"the state service failed: {type(error).__name__}; see tic's log")


def _bearer_of_token(service: StateService, _path: Mapping[str, str], scheme: str, token: str) -> Admitted:
    admitted = service.admitted(token) if scheme == "token" else None
    if admitted is None:
        raise Refused(401, "this access token is unknown here, was revoked, or its run is over")
    return admitted


def _bearer_of_lease(service: StateService, path: Mapping[str, str], scheme: str, token: str) -> Admitted:
    admitted = service.holder(path["update"], token_hash(token)) if scheme == "update-token" else None
    if admitted is None:
        raise Refused(403, "the update is over, its access token was revoked, or it was not started here")
    return admitted
