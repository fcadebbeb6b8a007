"""What every target at a service promises; its test file has a class of them, and a fixture `world`."""

import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count, product
from random import Random
from typing import Any

import pytest

from credentials import privileges
from stacks.errors import StackError
from stacks.provider.deploy.key_form import telling_lines
from stacks.provider.properties import Change
from tests.emulators.certificate_store import Kept, kept
from tests.emulators.proxy import Request, Response
from tests.stacks.provider.acme.chains import Chain, chain
from tests.stacks.provider.deploy.service_world import KEY, World
from tests.stacks.provider.driver import State

SEED = 20261122
ODD = (
    *(b"", b"null", b"[]", b"7", b'"text"', b"<html>a portal</html>", b"{}", b'{"error": 7}', b"\xff\xfe"),
    *(b'{"certs": 7}', b'{"certs": [7, null, {}]}', b'{"resources": [7]}', b'{"certId": 7}'),
    *(b'{"message": 7, "code": [], "requestId": {}}', b'{"requestId": "r", "error": {"code": "x"}}'),
    *(b'{"requestId": "r", "result": [1]}', b'{"requestId": "r", "result": {"certListDetails": 7}}'),
    b'{"requestId": "r", "result": {"certListDetails": [7], "totalCount": "many", "usedBy": [7]}}',
    *(b'{"Result": 7}', b'{"Result": {"Instances": 7}}', b'{"Result": {"Instances": [7], "TotalCount": []}}'),
    *(
        b'{"Result": {"CertificateDetail": 7}}',
        b'{"ResponseMetadata": 7}',
        b'{"ResponseMetadata": {"Error": 7}}',
    ),
)
ODD_ANSWERS = 50
SITES, RENEWALS, MOST_RUNS = 4, 3, 40


class ServicePromises:
    """`in_place`: a certificate that nothing uses is renewed with the same id; `while_used`: one that is in
    use too. `tells_users`: the service tells what uses a certificate. `package`: the SDK's.
    """

    in_place: bool
    while_used: bool
    tells_users: bool = True
    package: str

    def test_what_was_issued_is_there_with_its_chain_and_key(self, world: World) -> None:
        """E2, E4."""
        made = chain("a.test", "b.test")
        state = world.up(None, made)
        there = world.kept(state)
        assert (there.pem, there.complete) == (made.certificate, True)
        assert "PRIVATE KEY" in there.key  # the certificate's: the service looked
        assert state["serial"] == "1234"
        outputs = {each.name for each in world.target.outputs}
        told = str({name: value for name, value in state.items() if name in outputs})
        assert not [line for line in telling_lines(made.key) if line in told]
        assert "/credential/open" in world.broker.asked

    def test_what_is_there_is_left_alone(self, world: World) -> None:
        """E2."""
        made = chain("a.test")
        state = world.up(None, made)
        assert world.diff(state, made) == {}
        assert world.read(state) == state
        moved = world.up(state, made, domains=["a.test"])
        assert (moved["certificateId"], len(world.store.kept)) == (state["certificateId"], 1)

    def test_what_a_killed_run_left_there_is_found(self, world: World) -> None:
        """E2: the answer never came, or nobody wrote it down."""
        made = chain("a.test")
        for number in range(60):  # more than a page
            world.store.add("other", self.somebody_elses(chain("b.test", serial=number + 10), f"o-{number}"))
        first, again = world.up(None, made), world.up(None, made)
        assert first["certificateId"] == again["certificateId"]
        assert len(world.store.kept) == 61
        other = world.named("other").up(None, made)
        assert other["certificateId"] != first["certificateId"]

    def test_a_renewal_replaces_it(self, world: World) -> None:
        """E2: in place, or the new one in before the old one out."""
        state = world.up(None, chain("a.test"))
        renewed = chain("a.test", serial=0x5678)
        assert set(world.diff(state, renewed).values()) == {Change.UPDATE}
        after = world.up(state, renewed)
        assert (after["certificateId"] == state["certificateId"]) is self.in_place
        assert world.kept(after).pem == renewed.certificate
        assert (len(world.store.kept), after["superseded"]) == (1, None)
        assert world.diff(after, renewed) == {}

    def test_what_uses_the_old_one_is_told_and_the_old_one_waits(self, world: World) -> None:
        """E2."""
        state = world.up(None, chain("a.test"))
        world.kept(state).used_by.append("CDN www.a.test")
        renewed = chain("a.test", serial=0x5678)
        after = world.up(state, renewed)
        assert world.kept(after).pem == renewed.certificate
        if self.while_used:
            assert after["certificateId"] == state["certificateId"]
            return
        assert after["superseded"] == [state["certificateId"]]
        if self.tells_users:
            assert "CDN www.a.test" in world.ear.warned[0]
        assert len(world.store.kept) == 2
        assert world.diff(after, renewed) == {"superseded": Change.UPDATE}
        world.kept(state).used_by.clear()
        last = world.up(after, renewed)
        assert (list(world.store.kept), last["superseded"]) == ([after["certificateId"]], None)

    def test_one_that_is_gone_is_made_again(self, world: World) -> None:
        made = chain("a.test")
        state = world.up(None, made)
        world.store.kept.clear()
        assert world.read(state) is None
        renewed = chain("a.test", serial=0x5678)
        assert world.kept(world.up(state, renewed)).pem == renewed.certificate

    def test_another_one_in_its_place_is_seen_and_replaced(self, world: World) -> None:
        made, other = chain("a.test"), chain("a.test", serial=0x9999)
        state = world.up(None, made)
        world.store.kept[state["certificateId"]] = self.somebody_elses(other, world.kept(state).name)
        seen = world.read(state)
        assert seen is not None
        assert seen["drift"]
        mended = world.up(seen, made)
        assert (world.kept(mended).pem, mended["drift"]) == (made.certificate, None)

    def test_only_its_own_are_removed(self, world: World) -> None:
        """E2: destroy removes what the stack put there, and nothing else."""
        theirs = world.store.add("theirs", self.somebody_elses(chain("a.test"), "theirs"))
        state = world.up(None, chain("a.test"))
        world.delete(state)
        assert list(world.store.kept) == [theirs]
        world.delete(state)

    def test_the_same_certificate_that_somebody_else_put_there_is_theirs(self, world: World) -> None:
        """E2."""
        made = chain("a.test")
        theirs = world.store.add("theirs", self.somebody_elses(made, "theirs"))
        state = world.up(None, made)
        assert state["certificateId"] != theirs
        world.delete(state)
        assert list(world.store.kept) == [theirs]

    def test_one_that_is_used_is_not_removed(self, world: World) -> None:
        """E2."""
        state = world.up(None, chain("a.test"))
        world.kept(state).used_by.append("CDN www.a.test")
        told = r"CDN www\.a\.test" if self.tells_users else state["certificateId"]
        with pytest.raises(StackError, match=told) as kept_there:
            world.delete(state)
        assert "give what uses it another certificate" in kept_there.value.hint
        assert len(world.store.kept) == 1

    def test_one_that_something_begins_to_use_meanwhile_is_not_removed(self, world: World) -> None:
        """E2."""
        state = world.up(None, chain("a.test"))
        used, handler = world.kept(state).used_by, world.faults.handler

        def late(request: Request) -> Response:
            if request.method == "DELETE" or "Delete" in request.query:
                used.append("CDN www.a.test")
            return handler(request)

        world.faults.handler = late
        if not self.in_place:
            after = world.up(state, chain("a.test", serial=0x5678))
            assert after["superseded"] == [state["certificateId"]]
            assert state["certificateId"] in world.ear.warned[0]
            used.clear()
        with pytest.raises(StackError, match=r"certificate cert-\d+ stays") as kept_there:
            world.delete(state)
        assert "give what uses it another certificate" in kept_there.value.hint

    def test_what_does_not_belong_together_is_not_sent(self, world: World) -> None:
        """E2: checked before it is sent, whatever the service would take."""
        made, other = chain("a.test"), chain("a.test")
        wrong = (
            replace(made, key=other.key),
            replace(made, intermediate=other.intermediate),
            replace(made, intermediate=""),
        )
        for each in wrong:
            with pytest.raises(StackError, match="nothing was sent"):
                world.up(None, each)
        with pytest.raises(StackError, match="nothing was sent"):
            world.up(None, made, domains=["c.test"])
        assert world.env.requests == []

    def test_what_is_called_is_what_the_least_privileges_grant(self, world: World) -> None:
        """B9."""
        state = world.up(None, chain("a.test"))
        seen = world.read(world.up(state, chain("a.test", serial=0x5678)))
        assert seen is not None
        world.delete(seen)
        document = privileges.load(world.target.kind).purposes["deploy"].document()
        for action in set(world.store.taken()):
            assert all(f'"{part}"' in document for part in action.split()), action

    def test_a_permission_that_is_missing_is_named(
        self, world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """B9, and no secret is told."""
        made = chain("a.test")
        everything(world, world.up(None, made), made)
        for action in sorted(set(world.store.taken())):
            world.store.kept.clear()
            state = world.up(None, made)
            with world.store.without(action), pytest.raises(StackError) as refused:
                everything(world, state, made)
            assert action in str(refused.value)
            assert f"tic creds privileges {world.target.kind} --for deploy" in refused.value.hint
            nothing_told(refused.value, (made.key, KEY.secret), caplog, capfd)

    def test_a_wrong_key_is_told_and_no_secret_is(
        self, world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """E4."""
        world.bind(**{"secret-key": "cAnArY-wrong"})
        made = chain("a.test")
        with pytest.raises(StackError) as refused:
            world.up(None, made)
        assert "tic creds rotate" in refused.value.hint
        nothing_told(refused.value, (made.key, "cAnArY-wrong"), caplog, capfd)

    def test_a_temporary_key_is_sent_with_its_token(self, world: World) -> None:
        world.cloud.keys[KEY.id] = replace(KEY, token="cAnArY-token")
        with pytest.raises(StackError):
            world.up(None, chain("a.test"))
        world.bind(**{"session-token": "cAnArY-token"})
        assert world.up(None, chain("a.test"))["certificateId"] in world.store.kept

    def test_a_service_that_can_not_be_reached_is_told(
        self, world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        made = chain("a.test")
        world.env.handlers = {}
        with pytest.raises(StackError, match=world.host) as unreached:
            world.up(None, made)
        assert "HTTPS_PROXY" in unreached.value.hint
        nothing_told(unreached.value, (made.key, KEY.secret), caplog, capfd)

    def test_an_answer_in_another_form_is_one_clear_error(
        self, world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """A portal, a proxy, another version of the service."""
        made, renewed = chain("a.test"), chain("a.test", serial=0x5678)
        state = world.up(None, made)
        acts: tuple[Callable[[], object], ...] = (
            lambda: world.up(None, renewed),
            lambda: world.up(state, renewed),
            lambda: world.read(state),
            lambda: world.delete(state),
        )
        handler, told = world.faults.handler, 0
        every = list(product((200, 403, 500), ODD, range(3), acts))
        for status, body, number, act in Random(SEED).sample(every, ODD_ANSWERS):
            answer = Response(status, {"content-type": "application/json", "connection": "close"}, body)
            answers = count()

            def odd(
                request: Request, answer: Response = answer, after: int = number, answers: Any = answers
            ) -> Response:
                return answer if next(answers) == after else handler(request)

            world.faults.handler = odd
            try:
                act()
            except StackError as error:
                told += 1
                nothing_told(error, (made.key, renewed.key, KEY.secret), caplog, capfd)
        assert told > 0

    def test_an_sdk_that_is_missing_is_named(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [each for each in sys.modules if each.partition(".")[0] == self.package]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, self.package, None)
        with pytest.raises(StackError) as missing:
            world.up(None, chain("a.test"))
        assert missing.value.exit_code == 6
        assert f"pip install 'tic-engine[{world.target.kind}]'" in missing.value.hint

    def test_with_faults_all_converge_and_nothing_is_left_over(
        self, world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """E2, E4: a tenth of all calls is cut off or fails, before or after it was done."""
        world.faults.chance, world.faults.rate = Random(SEED), 0.1
        canaries, failed = [KEY.secret], 0
        newest: list[str] = []
        for site in range(SITES):
            there = world.named(f"site-{site}")
            state: State | None = None
            for renewal in range(RENEWALS):
                made = chain(f"{site}.test", serial=0x1000 + 16 * site + renewal)
                canaries.append(made.key)
                for _ in range(MOST_RUNS):
                    try:
                        state = there.up(state, made)
                        seen = there.read(state)
                    except StackError as error:
                        failed += 1
                        nothing_told(error, canaries, caplog, capfd)
                        continue
                    if seen == state and not there.diff(state, made):
                        break
                else:
                    pytest.fail(f"{site}.test did not converge in {MOST_RUNS} runs")
            newest.append(made.certificate)
        assert sorted(each.pem for each in world.store.kept.values()) == sorted(newest)
        assert min(world.faults.injected, failed) > 0

    @staticmethod
    def somebody_elses(made: Chain, name: str) -> Kept:
        """A certificate as somebody else put it there."""
        return kept(name, [made.certificate, made.intermediate], made.key)


class RemovalPromises:
    """`removal`: the permission to remove one, which is one of its own and is needed by a renewal."""

    removal: str

    def test_without_the_permission_to_remove_the_new_one_is_there_and_the_old_one_waits(
        self, world: World
    ) -> None:
        """B9, E2."""
        state = world.up(None, chain("a.test"))
        with world.store.without(self.removal):
            after = world.up(state, chain("a.test", serial=0x5678))
        assert after["superseded"] == [state["certificateId"]]
        assert self.removal in world.ear.warned[0]
        assert f"tic creds privileges {world.target.kind} --for deploy" in world.ear.warned[0]
        assert len(world.store.kept) == 2


def everything(world: World, state: State, made: Chain) -> None:
    """Whatever a target does: renew, find another one in its place, remove, make."""
    after = world.up(world.up(state, chain("a.test", serial=0x5678)), made)
    world.delete(after)
    world.up(None, chain("a.test", serial=0x9999))


def nothing_told(
    error: BaseException,
    canaries: Sequence[str],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """No canary is in the error with all that it stands on, in a log record, on standard output or error."""
    told = [str(error), repr(error), getattr(error, "hint", ""), "".join(traceback.format_exception(error))]
    told += [record.getMessage() for record in caplog.records]
    told += [*capfd.readouterr()]
    for canary in canaries:
        pieces = telling_lines(canary) if canary.startswith("-----BEGIN") else (canary,)
        assert [text for text in told for piece in pieces if piece in text] == []
