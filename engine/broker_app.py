"""The broker on HTTP: POST, JSON in, JSON out, one bearer token for the run; messages of `stacks.broker`.

Publishing takes as long as DNS does, so each request runs in a thread, of a pool of this app's own: the
state service in the same process never waits for a thread that waits for DNS.
"""

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from engine.role_delivery import container_credentials
from stacks.account_notes import KeyNote, Terms, account_of
from stacks.allowances import Claim, Event, directory_of
from stacks.broker import (
    OpenCredential,
    ProviderQuestion,
    Publish,
    ResourcesQuestion,
    Withdraw,
)
from stacks.messages import RequestMalformed

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse

    from engine.broker import Broker

MOST_AT_ONCE = 64
LARGEST_REQUEST = 65_536
# By the exit code of the error; whatever else went wrong is 502: somebody beyond the broker failed.
STATUS = {2: 400, 3: 403, 4: 404}


def broker_app(broker: "Broker") -> "Starlette":
    """An ASGI app that answers for `broker`, to be mounted or served on loopback."""
    import anyio
    from starlette.applications import Starlette
    from starlette.routing import Route

    threads = anyio.CapacityLimiter(MOST_AT_ONCE)

    def route(path: str, act: Callable[[Mapping[str, Any]], dict[str, Any]], method: str = "POST") -> Route:
        async def endpoint(request: "Request") -> "JSONResponse":
            return await _answered(
                request, broker.token, lambda body: anyio.to_thread.run_sync(act, body, limiter=threads)
            )

        return Route(path, endpoint, methods=[method])

    def publish(body: Mapping[str, Any]) -> dict[str, Any]:
        return broker.publish(Publish.from_json(body)).to_json()

    def withdraw(body: Mapping[str, Any]) -> dict[str, Any]:
        broker.withdraw(Withdraw.from_json(body))
        return {"withdrawn": True}

    def provider(body: Mapping[str, Any]) -> dict[str, Any]:
        return broker.provider(ProviderQuestion.from_json(body)).to_json()

    def open_credential(body: Mapping[str, Any]) -> dict[str, Any]:
        return broker.open_credential(OpenCredential.from_json(body)).to_json()

    def resources(body: Mapping[str, Any]) -> dict[str, Any]:
        return {"resources": [each.to_json() for each in broker.resources(ResourcesQuestion.from_json(body))]}

    def account_key(body: Mapping[str, Any]) -> dict[str, Any]:
        note = broker.accounts.key(account_of(body))
        return {"note": note and note.to_json()}

    def note_account_key(body: Mapping[str, Any]) -> dict[str, Any]:
        broker.accounts.note_key(KeyNote.from_json(body))
        return {"noted": True}

    def forget_account_key(body: Mapping[str, Any]) -> dict[str, Any]:
        broker.accounts.forget_key(account_of(body))
        return {"forgotten": True}

    def terms(body: Mapping[str, Any]) -> dict[str, Any]:
        broker.accounts.terms(Terms.from_json(body))
        return {"recorded": True}

    def claim_order(body: Mapping[str, Any]) -> dict[str, Any]:
        return broker.ca_limits.claim(Claim.from_json(body)).to_json()

    def look_at_order(body: Mapping[str, Any]) -> dict[str, Any]:
        return broker.ca_limits.look(Claim.from_json(body)).to_json()

    def ca_event(body: Mapping[str, Any]) -> dict[str, Any]:
        broker.ca_limits.hear(Event.from_json(body))
        return {"noted": True}

    def ca_waits(body: Mapping[str, Any]) -> dict[str, Any]:
        return {"waits": broker.ca_limits.waits(directory_of(body))}

    def aws_session(_body: Mapping[str, Any]) -> dict[str, Any]:
        return dict(container_credentials(broker.session("aws")))

    return Starlette(
        routes=[
            route("/session/aws", aws_session, method="GET"),
            route("/dns/publish", publish),
            route("/dns/withdraw", withdraw),
            route("/dns/provider", provider),
            route("/credential/open", open_credential),
            route("/state/resources", resources),
            route("/acme/claim", claim_order),
            route("/acme/look", look_at_order),
            route("/acme/event", ca_event),
            route("/acme/waits", ca_waits),
            route("/account/key", account_key),
            route("/account/key/note", note_account_key),
            route("/account/key/forget", forget_account_key),
            route("/account/terms", terms),
        ]
    )


async def _answered(
    request: "Request", token: str, act: Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]
) -> "JSONResponse":
    from starlette.responses import JSONResponse

    from credentials.errors import CredentialError
    from engine.errors import EngineError
    from stacks.errors import StackError

    given = request.headers.get("authorization", "").encode()
    if not hmac.compare_digest(given, f"Bearer {token}".encode()):
        return _refusal(401, "this broker serves one run, and the token is not this run's", "tic stack up")
    try:
        body = {} if request.method == "GET" else _object(await request.body())
        return JSONResponse(await act(body))
    except RequestMalformed as error:
        return _refusal(400, f"the request can't be read: {error}", "run: tic doctor")
    except (StackError, CredentialError, EngineError) as error:
        return _refusal(STATUS.get(error.exit_code, 502), str(error), error.hint)
    except Exception as error:  # its text could hold anything, a secret too: only its type is told
        return _refusal(500, f"the broker failed ({type(error).__name__})", "run: tic doctor")


def _object(body: bytes) -> dict[str, Any]:
    if len(body) > LARGEST_REQUEST:
        raise RequestMalformed(f"it is longer than {LARGEST_REQUEST} bytes")
    try:
        message = json.loads(body)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise RequestMalformed("it is no JSON object")
    return message


def _refusal(status: int, error: str, hint: str) -> "JSONResponse":
    from starlette.responses import JSONResponse

    return JSONResponse({"error": error, "hint": hint}, status_code=status)
