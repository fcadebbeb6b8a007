"""A receiver is told of a certificate: signed, again while it is busy, and with the key only where asked."""

import json
import logging
import os
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, TypeVar, cast

import pytest

from stacks.broker import OpenedFields
from stacks.errors import StackError
from stacks.provider.deploy import posting
from stacks.provider.deploy.posting import NotTaken
from stacks.provider.deploy.webhook import Webhook
from stacks.provider.properties import Change
from stacks.provider.run import Interrupted, Operation, Run
from stacks.provider.values import UNKNOWN
from tests.credentials.identity.asking import settle
from tests.emulators.faults import Faulty
from tests.emulators.proxy import Clouds, Request, Response, clouds
from tests.emulators.webhook_receiver import Receiver, listening
from tests.servers.challtestsrv import Challtestsrv
from tests.stacks.provider.acme.chains import Chain, chain
from tests.stacks.provider.broker_server import BrokerServer, broker_server
from tests.stacks.provider.driver import Ear, State

T = TypeVar("T")

HOST, OTHER = "hooks.example.test", "other.example.test"
URL = f"https://{HOST}/certificates"
SECRET = "whsec_cAnArYcAnArYcAnArYcAnArYcAnArYcAnArYcAnA"
NOW = Response(503, {"retry-after": "0"})
WEBHOOK = Webhook()


@dataclass(slots=True)
class Told:
    """A stack with one webhook; each act is a run of its own, unless `run` is there."""

    receiver: Receiver
    other: Receiver
    faults: Faulty
    broker: BrokerServer
    env: Clouds
    state: State | None = None
    ear: Ear = field(default_factory=Ear)
    failures: list[str] = field(default_factory=list)
    run: Run | None = None

    def operation(self) -> Operation:
        run = self.run or Run({**os.environ, **self.broker.environment}, self.ear)
        return Operation.begin(run, "urn:pulumi:dev::proj::tic:deploy/webhook:Webhook::site")

    def inputs(self, made: Chain, **more: Any) -> State:
        given = {"url": URL, "certificatePem": made.certificate, "chainPem": made.intermediate, **more}
        checked = WEBHOOK.check(given)
        assert checked.failures == []
        return checked.inputs

    def up(self, made: Chain, **more: Any) -> State:
        inputs = self.inputs(made, **more)
        if self.state is None:
            outputs = self.kept(lambda: WEBHOOK.create(self.operation(), inputs)).outputs
        elif not self.diff(made, **more):
            return self.state
        else:
            state = self.state
            outputs = self.kept(lambda: WEBHOOK.update(self.operation(), state, inputs))
        assert set(outputs) == {each.name for each in WEBHOOK.outputs}
        self.state = {**inputs, **outputs}
        return self.state

    def diff(self, made: Chain, **more: Any) -> dict[str, Change]:
        assert self.state is not None
        return WEBHOOK.diff(self.operation(), self.state, self.inputs(made, **more), ())

    def destroy(self) -> None:
        state = self.state
        assert state is not None
        self.kept(lambda: WEBHOOK.delete(self.operation(), state))

    def kept(self, act: Callable[[], T]) -> T:
        try:
            return act()
        except StackError as error:
            self.failures.append(f"{traceback.format_exc()} {error!r} {error.hint}")
            raise

    @property
    def bodies(self) -> str:
        return b" ".join(each.body for each in self.env.requests).decode()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    monkeypatch.setattr(posting, "PAUSES", (0.01,))
    receiver, other = Receiver(SECRET), Receiver(SECRET)
    faults = Faulty(receiver)
    with (
        clouds({HOST: faults, OTHER: other}) as env,
        broker_server(cast("Challtestsrv", None)) as broker,
    ):
        settle(monkeypatch, env)
        broker.credentials["webhook"] = OpenedFields("webhook", {"secret": SECRET})
        yield Told(receiver, other, faults, broker, env)


def test_the_receiver_gets_what_was_issued_signed_and_without_the_key(at: Told) -> None:  # E2, E4
    made = chain("a.test", "b.test")
    state = at.up(made, privateKeyPem=made.key)
    (event,) = at.receiver.events.values()
    assert event["type"] == "certificate.deployed"
    assert datetime.now(UTC) - datetime.fromisoformat(event["timestamp"]) < timedelta(minutes=5)
    assert event["data"] == {
        "deployment": "proj/dev/site",
        "names": ["a.test", "b.test"],
        "serial": "1234",
        "fingerprint": state["fingerprint"],
        "notBefore": event["data"]["notBefore"],
        "notAfter": event["data"]["notAfter"],
        "certificatePem": made.certificate,
        "chainPem": made.intermediate,
        "fullchainPem": made.certificate + made.intermediate,
    }
    assert [*at.receiver.events] == [state["messageId"]]
    assert "/credential/open" in at.broker.asked


def test_the_key_is_sent_where_it_is_asked_for(at: Told) -> None:  # E4
    made = chain("a.test")
    at.up(made, privateKeyPem=made.key, sendPrivateKey=True)
    (event,) = at.receiver.events.values()
    assert event["data"]["privateKeyPem"].split() == made.key.split()
    missing = WEBHOOK.check({**at.inputs(made), "sendPrivateKey": True}).failures
    assert [each.path for each in missing] == ["privateKeyPem"]


@pytest.mark.parametrize("wrong", ["key", "chain", "names", "expired"])
def test_what_does_not_belong_together_is_never_sent(at: Told, wrong: str) -> None:  # E2
    made, other = chain("a.test"), chain("a.test")
    wrongs: dict[str, dict[str, Any]] = {
        "key": {"privateKeyPem": other.key},
        "chain": {"chainPem": other.intermediate},
        "names": {"domains": ["b.test"]},
    }
    if wrong == "expired":
        made = chain("a.test", lifetime=timedelta())
    with pytest.raises(StackError, match="nothing was sent to hooks"):
        at.up(made, **wrongs.get(wrong, {}))
    assert at.env.requests == []


def test_what_is_told_is_not_told_again_and_news_is(at: Told) -> None:
    made, renewed = chain("a.test"), chain("a.test", serial=0x5678)
    state = at.up(made)
    assert at.diff(made) == {}
    at.up(made, announceRemoval=True, timeoutSeconds=60, domains=["a.test"])
    assert len(at.receiver.seen) == 1
    assert set(at.diff(renewed, announceRemoval=True).values()) == {Change.UPDATE}
    at.up(renewed)
    at.up(made)  # a step back is news, too
    assert at.receiver.told == [("certificate.deployed", each) for each in ("1234", "5678", "1234")]
    assert at.state is not None
    assert at.state["messageId"] != state["messageId"]


def test_what_a_killed_run_sent_has_the_same_id_again(at: Told) -> None:
    made = chain("a.test")
    at.up(made)
    at.state = None
    at.up(made)
    before = at.state
    at.up(chain("b.test"))
    at.state = before
    at.up(chain("b.test"))
    assert len(at.receiver.seen) == 4
    assert len(at.receiver.events) == 3  # the certificates of b.test are two
    assert at.receiver.seen[0] == at.receiver.seen[1]


@pytest.mark.parametrize(
    "answers",
    [
        [NOW, Response(429, {"retry-after": "0"}), Response(500), None],
        [Response(503, {"retry-after": format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True)})],
    ],
)
def test_a_busy_receiver_is_asked_again(at: Told, answers: list[Response | None]) -> None:
    at.receiver.answers = [*answers]
    state = at.up(chain("a.test"))
    assert at.receiver.seen == [state["messageId"]]
    ids = {each.headers["webhook-id"] for each in at.env.requests}
    assert ids == {state["messageId"]}
    assert len({each.body for each in at.env.requests}) == 1
    assert len(at.ear.said) == len(answers)


def test_a_receiver_that_wants_to_be_left_alone_for_long_is_told_at_once(at: Told) -> None:
    at.receiver.answers = [Response(429, {"retry-after": "3600"})]
    with pytest.raises(NotTaken, match="asks to be left alone for 3600 s") as refused:
        at.up(chain("a.test"))
    assert "tic stack up" in refused.value.hint
    assert len(at.env.requests) == 1


def test_a_receiver_that_never_takes_it_is_given_up(at: Told) -> None:
    at.receiver.answers = [Response(500)] * 50
    with pytest.raises(NotTaken, match="does not take it now: HTTP 500"):
        at.up(chain("a.test"), timeoutSeconds=0.1)
    assert at.state is None


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            Response(302, {"location": f"https://{OTHER}/certificates"}),
            f"redirects to {OTHER} .HTTP 302., which",
        ),
        (Response(308, {"location": f"https://{OTHER}/certificates"}), "is not followed"),
        (Response(410), "wants no messages there any more"),
        (Response(400, {}, b"no such\nsite"), "refuses it: HTTP 400, no such site"),
    ],
)
def test_what_will_not_change_is_not_asked_again(at: Told, answer: Response, said: str) -> None:
    at.receiver.answers = [answer]
    with pytest.raises(NotTaken, match=said):
        at.up(chain("a.test"))
    assert [each.host for each in at.env.requests] == [HOST]


def test_another_secret_is_told(at: Told) -> None:
    other = "whsec_" + "B" * 40
    at.broker.credentials["webhook"] = OpenedFields("webhook", {"secret": other})
    with pytest.raises(NotTaken, match="HTTP 401, No matching signature found") as refused:
        at.up(chain("a.test"))
    assert "the same secret (tic creds rotate NAME)" in refused.value.hint
    assert other not in at.failures[0]


def test_a_receiver_whose_certificate_is_not_trusted_gets_nothing(
    at: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(NotTaken, match="its certificate is not trusted here"):
        at.up(chain("a.test"))
    assert at.env.requests == []


def test_a_key_that_the_receiver_quotes_is_not_told(
    at: Told, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:  # E4
    caplog.set_level(logging.DEBUG)
    made = chain("a.test")

    def quoting(request: Request) -> Response:
        key = json.loads(request.body)["data"].get("privateKeyPem", made.key)
        return Response(400, {}, f"{SECRET} {key} {request.body.decode()}".encode())

    at.faults.cloud = quoting
    for send in (True, False):
        with pytest.raises(NotTaken):
            at.up(made, privateKeyPem=made.key, sendPrivateKey=send)
    told = "\n".join([*at.failures, caplog.text, *capfd.readouterr(), *at.ear.said, *at.ear.warned])
    secrets = [SECRET, SECRET.removeprefix("whsec_"), *made.key.splitlines()[1:-1]]
    assert [each for each in secrets if each in told] == []


def test_the_end_is_told_where_that_was_asked_for(at: Told) -> None:
    at.up(chain("a.test"))
    at.destroy()
    assert len(at.receiver.events) == 1
    at.up(chain("a.test", serial=2), announceRemoval=True)
    at.destroy()
    at.destroy()  # again: the same message
    assert at.receiver.told[-1] == ("certificate.removed", "2")
    assert len(at.receiver.events) == 3
    (*_, removed) = at.receiver.events.values()
    assert set(removed["data"]) == {"deployment", "names", "serial", "fingerprint"}


def test_a_replacement_is_not_followed_by_the_end_of_what_it_replaces(at: Told) -> None:
    made = chain("a.test")
    at.up(made, announceRemoval=True)
    old, at.state = at.state, None
    at.run = Run({**os.environ, **at.broker.environment}, at.ear)
    at.up(made, announceRemoval=True)
    at.state = old
    at.destroy()
    assert {each for each, _ in at.receiver.told} == {"certificate.deployed"}


def test_what_a_killed_replacement_left_to_be_deleted_is_no_end(at: Told) -> None:
    at.up(chain("a.test"), announceRemoval=True)
    shown = {"urn": at.operation().urn, "type": WEBHOOK.token, "inputs": {}, "outputs": at.state}
    at.broker.state = lambda: [shown, {**shown, "delete": True}]
    at.destroy()
    assert {each for each, _ in at.receiver.told} == {"certificate.deployed"}
    at.run = Run({**os.environ, **at.broker.environment}, at.ear)
    at.destroy()
    at.destroy()  # both: the last one tells
    assert at.receiver.told[-1] == ("certificate.removed", "1234")
    assert len(at.receiver.events) == 2


def test_another_address_is_told_and_the_former_one_of_the_end(at: Told) -> None:
    made = chain("a.test")
    at.up(made, announceRemoval=True)
    there = f"https://{OTHER}/certificates"
    at.up(made, announceRemoval=True, url=there)
    assert at.receiver.told[-1][0] == "certificate.removed"
    assert at.other.told == [("certificate.deployed", "1234")]
    at.other.answers = [Response(410)]
    at.up(made, announceRemoval=True)
    assert "the former receiver was not told" in at.ear.warned[0]


def test_a_receiver_on_this_machine_may_speak_plain_http(at: Told) -> None:
    with listening(at.receiver) as url:
        at.up(chain("a.test"), url=url)
    assert len(at.receiver.events) == 1
    assert at.env.requests == []  # not through the proxy


def test_one_that_is_not_there_is_one_clear_error(at: Told) -> None:
    with listening(at.receiver) as url:
        pass
    with pytest.raises(NotTaken, match=r"127\.0\.0\.1:\d+ can't be reached: no connection"):
        at.up(chain("a.test"), url=url, timeoutSeconds=0.1)


def test_a_cancelled_run_ends_the_tries(at: Told) -> None:
    at.run = Run({**os.environ, **at.broker.environment}, at.ear)
    at.run.cancelled.set()
    at.receiver.answers = [Response(503, {"retry-after": "60"})] * 2
    with pytest.raises(Interrupted):
        at.up(chain("a.test"))


def test_a_preview_shows_another_message_where_there_is_one(at: Told) -> None:
    made = chain("a.test")
    state = at.up(made)
    assert WEBHOOK.preview_update(state, at.inputs(made)) == WEBHOOK.kept(state)
    for changed in (at.inputs(chain("a.test")), {**at.inputs(made), "certificatePem": UNKNOWN}):
        assert WEBHOOK.preview_update(state, changed)["messageId"] is UNKNOWN


@pytest.mark.parametrize("seed", [1, 2])
def test_with_faults_all_converges_and_each_is_taken_once(at: Told, seed: int) -> None:
    at.faults.begin(seed, share=0.5)
    for serial in range(2, 6):
        made = chain("a.test", serial=serial)
        for _ in range(30):
            try:
                at.up(made, timeoutSeconds=0.3)
                break
            except NotTaken:
                continue
    assert at.receiver.told == [("certificate.deployed", f"{each:x}") for each in range(2, 6)]
    assert at.faults.count


@pytest.mark.parametrize(
    "given",
    [
        "http://hooks.example.test/",
        "ftp://x/",
        "https://u:p@x/",
        "https://",
        "x",
        "https://x/#a",
        "https://x y",
    ],
)
def test_an_address_that_a_key_may_not_go_to_is_refused(given: str) -> None:
    failures = WEBHOOK.check({"url": given, "certificatePem": "c"}).failures
    assert [each.path for each in failures] == ["url"]
