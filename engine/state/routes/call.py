"""One call of the protocol, from the request to the answer: who calls, what with, and how it is refused."""

import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from credentials.errors import CredentialError
from engine.database import DatabaseUnusable
from engine.errors import EngineError
from engine.state import stacks
from engine.state.compression import TooLarge, inflated
from engine.state.residue import redact
from engine.state.service import Admitted, StateService, token_hash
from engine.state.stacks import ORG, Stack, StackExists, StackMissing
from engine.state.updates import LeaseLost, UpdateRunning

logger = logging.getLogger(__name__)

LARGEST_BODY = 256 * 1024 * 1024  # bytes, after decompression


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
    query: Mapping[str, str]
    headers: Mapping[str, str]
    base_url: str
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
        if found is None or not self.admitted.may_see(found.id):
            raise StackMissing(project, name)
        return found

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
_CODES: tuple[tuple[type[Exception], int], ...] = (
    (StackMissing, 404),
    (StackExists, 409),
    (UpdateRunning, 409),
    (LeaseLost, 403),
    (DatabaseUnusable, 503),
)


def by_token(service: StateService, path: str, **methods: Handler) -> Route:
    """A route for callers with an access token: a handler for each HTTP method, named in lower case."""
    return _route(service, path, methods, _bearer_of_token)


def by_lease(service: StateService, path: str, **methods: Handler) -> Route:
    """A route for the holder of the lease of the update in the path."""
    return _route(service, path, methods, _bearer_of_lease)


def answer(code: int, value: Any) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(value), status_code=code, media_type="application/json")


def refusal(code: int, message: str) -> Response:
    """An answer in the shape of `apitype.ErrorResponse`; the CLI shows the message."""
    return answer(code, {"code": code, "message": message})


def _route(service: StateService, path: str, methods: dict[str, Handler], bearer: _Bearer) -> Route:
    handlers = {method.upper(): handler for method, handler in methods.items()}

    async def endpoint(request: Request) -> Response:
        sent = await request.body()
        return await run_in_threadpool(_answer, service, handlers[request.method], bearer, request, sent)

    return Route(path, endpoint, methods=list(handlers))


def _answer(
    service: StateService, handler: Handler, bearer: _Bearer, request: Request, sent: bytes
) -> Response:
    """Call the handler; every fault becomes an answer, and none of them repeats what was sent."""
    try:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        call = Call(
            service=service,
            admitted=bearer(service, request.path_params, scheme, token),
            token=token,
            path=request.path_params,
            query=request.query_params,
            headers=request.headers,
            base_url=str(request.base_url).rstrip("/"),
            sent=sent,
        )
        result = handler(call)
        return result if isinstance(result, Response) else answer(200, {} if result is None else result)
    except Refused as error:
        return refusal(error.code, str(error))
    except (EngineError, CredentialError) as error:
        code = next((code for kind, code in _CODES if isinstance(error, kind)), 400)
        return refusal(code, f"{error}\n  next: {error.hint}")
    except Exception as error:
        # The server has to answer, and the log must not have the message: it may repeat what was sent.
        frames = "".join(traceback.format_tb(error.__traceback__))
        fault = type(error).__name__
        logger.error("%s %s: %s\n%s", request.method, request.url.path, fault, frames)  # noqa: TRY400
        return refusal(500, f"the state service failed: {type(error).__name__}; see tic's log")


def _bearer_of_token(service: StateService, _path: Mapping[str, str], scheme: str, token: str) -> Admitted:
    admitted = service.admitted(token) if scheme == "token" else None
    if admitted is None:
        raise Refused(401, "this access token is not valid here; a run's token ends with the run")
    return admitted


def _bearer_of_lease(service: StateService, path: Mapping[str, str], scheme: str, _token: str) -> Admitted:
    admitted = service.holder(path["update"]) if scheme == "update-token" else None
    if admitted is None:
        raise Refused(403, "the update is over, or was not started here")
    return admitted
