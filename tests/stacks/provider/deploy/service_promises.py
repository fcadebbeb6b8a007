"""What targets promise besides at services that check signatures, know names, and tell what uses what."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count, product
from random import Random
from typing import Any, ClassVar

import pytest

from credentials import privileges
from stacks.errors import StackError
from stacks.provider.deploy.key_form import traditional
from stacks.provider.properties import Change
from tests.emulators.proxy import Request, Response
from tests.stacks.provider.acme.chains import chain
from tests.stacks.provider.deploy.at_store import KEY, AtStore
from tests.stacks.provider.deploy.placed import nothing_told
from tests.stacks.provider.deploy.promises import At, NeedsPackage, Promises, renewal

SEED = 20261122
USER = "CDN www.a.test"
PORTALS = (b"", b"[]", b"{}", b"null", b"<html>portal</html>", b'{"Response": {}}', b'{"certificates": {}}')
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
SITES, RENEWALS, MOST_RUNS = 3, 3, 40


class ServicePromises(Promises, NeedsPackage):
    """`TOKEN_FIELD` is what a temporary key's token is called; `TRADITIONAL`: the key goes so."""

    OTHERS = 60
    TOKEN_FIELD: ClassVar[str] = "session_token"
    TRADITIONAL: ClassVar[bool] = False

    def granted(self, at: At, action: str) -> bool:
        """By the policy that is printed."""
        document = privileges.load(at.place.target.kind).purposes["deploy"].document()
        return all(f'"{part}"' in document for part in action.split())

    def test_the_chain_and_the_key_go_with_it(self, at: AtStore) -> None:  # E2
        made = chain("a.test")
        at.place.up(made)
        there = at.there()
        assert (there.pem, there.complete, len(there.chain)) == (made.certificate, True, 1)
        assert "PRIVATE KEY" in there.key  # the certificate's: the service looked
        assert not self.TRADITIONAL or there.key == traditional(made.key)  # BEGIN EC PRIVATE KEY
        assert there.name.startswith("tic-site-")

    def test_two_deployments_of_one_certificate_have_one_each(self, at: AtStore) -> None:
        made = chain("a.test")
        at.place.up(made)
        other = at.place.another("other")
        other.up(made)
        assert set(at.has()) == {at.place.id, other.id}
        assert at.place.id != other.id

    def test_the_same_certificate_that_somebody_else_put_there_is_theirs(self, at: AtStore) -> None:  # E2
        made = chain("a.test")
        theirs = at.put(made)
        at.place.up(made)
        assert at.place.id != theirs
        at.place.destroy()
        assert set(at.has()) == {theirs}

    def test_destroying_calls_nothing_that_the_policy_does_not_grant(self, at: AtStore) -> None:  # B9
        at.place.up(chain("a.test"))
        at.place.up(renewal(2))
        at.place.destroy()
        at.place.up(chain("a.test"))
        assert [action for action in set(at.taken()) if not self.granted(at, action)] == []

    def test_a_wrong_secret_is_told(
        self, at: AtStore, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:  # E4
        at.bind(secret_key="cAnArY-wrong")
        with pytest.raises(StackError, match="refuses") as refused:
            at.place.up(chain("a.test"))
        assert "tic creds rotate" in refused.value.hint
        nothing_told(at.secrets, [caplog.text, *capfd.readouterr()])

    def test_a_temporary_key_is_sent_with_its_token(self, at: AtStore) -> None:
        at.cloud.keys[KEY.id] = replace(KEY, token="cAnArY-token")
        with pytest.raises(StackError, match="refuses"):
            at.place.up(chain("a.test"))
        at.bind(**{self.TOKEN_FIELD: "cAnArY-token"})
        at.place.up(chain("a.test"))
        assert set(at.has()) == {at.place.id}

    def test_a_service_that_can_not_be_reached_is_told(self, at: AtStore) -> None:
        (host, *_) = at.place.env.handlers
        at.place.env.handlers = {}
        with pytest.raises(StackError, match=host) as unreached:
            at.place.up(chain("a.test"))
        assert "HTTPS_PROXY" in unreached.value.hint
        at.place.env.refused.clear()

    def test_an_answer_in_another_form_is_an_error_wherever_it_comes(
        self, at: AtStore, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """A portal, a proxy, another version of the service."""
        made, renewed = chain("a.test"), chain("a.test", serial=0x5678)
        at.place.up(made)
        state, handler = at.place.state, at.place.faults.cloud
        acts: tuple[Callable[[], object], ...] = (
            lambda: at.place.another("other").up(renewed),
            lambda: at.place.up(renewed),
            at.place.refresh,
            at.place.destroy,
        )
        every = list(product((200, 403, 500), ODD, range(3), acts))
        for status, body, number, act in Random(SEED).sample(every, ODD_ANSWERS):
            answer = Response(status, {"content-type": "application/json", "connection": "close"}, body)
            answers = count()

            def odd(
                request: Request, answer: Response = answer, after: int = number, answers: Any = answers
            ) -> Response:
                return answer if next(answers) == after else handler(request)

            at.place.state, at.place.faults.cloud = state, odd
            try:
                act()
            except StackError:
                continue
        assert at.place.failures
        nothing_told((*at.secrets, *at.place.keys), [caplog.text, *capfd.readouterr()])

    def test_with_faults_several_converge_and_nothing_is_left_over(self, at: AtStore) -> None:
        """E2, E4: a tenth of all calls is cut off or fails, before or after it was done."""
        at.place.faults.begin(SEED)
        newest = []
        for site in range(SITES):
            there = at.place.another(f"site-{site}")
            for number in range(RENEWALS):
                made = chain(f"{site}.test", serial=0x1000 + 16 * site + number)
                for _ in range(MOST_RUNS):
                    try:
                        state = there.up(made)
                        if there.refresh() == state and not there.diff(made):
                            break
                    except StackError:
                        continue
                else:
                    pytest.fail(f"{site}.test did not converge in {MOST_RUNS} runs")
            newest.append(made.certificate)
        assert sorted(each.pem for each in at.store.kept.values()) == sorted(newest)
        assert min(at.place.faults.count, len(at.place.failures)) > 0


class ToldAsNoAnswer:
    """Promised besides where nothing that is none of the service's answers can be taken for one."""

    @pytest.mark.parametrize("odd", PORTALS)
    def test_an_answer_in_another_form_is_one_clear_error(self, at: AtStore, odd: bytes) -> None:
        made = chain("a.test")
        at.place.up(made)
        state = at.place.state
        at.place.faults.cloud = lambda request: Response(200, {"content-type": "application/json"}, odd)
        for act in (at.place.refresh, at.place.destroy):
            with pytest.raises(StackError, match=r"none of .* answers"):
                act()
            at.place.state = state
        at.place.lose()
        with pytest.raises(StackError, match=r"none of .* answers"):
            at.place.up(made)


class UsedOnesStay:
    """Promised where the service tells what uses a certificate (`TOLD`, in its words), or keeps it by itself.

    `WHILE_USED`: it is renewed in place all the same. `CLEARING`: permissions without which the old stays.
    """

    TOLD: ClassVar[str] = USER
    WHILE_USED: ClassVar[bool] = False
    CLEARING: ClassVar[tuple[str, ...]] = ()

    def test_what_is_used_stays_until_nothing_uses_it(self, at: AtStore) -> None:  # E2
        at.place.up(chain("a.test"))
        old, made = at.place.id, chain("a.test", serial=2)
        at.use(old, USER)
        state = at.place.up(made)
        assert at.there().pem == made.certificate
        if self.WHILE_USED:
            assert at.place.id == old
            return
        assert set(at.has()) == {old, at.place.id}
        assert state["superseded"] == [old]
        assert self.TOLD in at.place.ear.warned[0]
        assert at.place.diff(made) == {"superseded": Change.UPDATE}
        with pytest.raises(StackError, match="stays"):
            at.place.destroy()
        at.use(old)
        new = at.place.id
        assert at.place.up(made)["superseded"] is None
        assert set(at.has()) == {at.place.id} == {new}
        assert at.place.diff(made) == {}

    def test_one_that_is_used_is_not_removed(self, at: AtStore) -> None:  # E2
        at.place.up(chain("a.test"))
        at.use(at.place.id, USER)
        with pytest.raises(StackError) as kept_there:
            at.place.destroy()
        assert (self.TOLD or at.place.id) in str(kept_there.value)
        assert "give what uses it another certificate" in kept_there.value.hint
        assert len(at.has()) == 1

    def test_who_may_not_remove_the_old_one_has_the_new_one_all_the_same(self, at: AtStore) -> None:  # B9
        at.place.up(chain("a.test"))
        for serial, action in enumerate(self.CLEARING, 2):
            old, made = at.place.id, chain("a.test", serial=serial)
            at.deny(action)
            state = at.place.up(made)
            assert (state["serial"], state["superseded"]) == (f"{serial:x}", [old])
            assert len(at.has()) == 2
            assert action in at.place.ear.warned[-1]
            assert f"tic creds privileges {at.place.target.kind} --for deploy" in at.place.ear.warned[-1]
            at.deny()
            at.place.up(made)
            assert set(at.has()) == {at.place.id}


class RefusesToRemove:
    """Promised besides where the service itself keeps what is used."""

    SAME_ID: ClassVar[bool]

    def test_one_that_something_begins_to_use_meanwhile_is_not_removed(self, at: AtStore) -> None:  # E2
        at.place.up(chain("a.test"))
        old, handler = at.place.id, at.place.faults.cloud

        def late(request: Request) -> Response:
            if request.method == "DELETE" or "Delete" in request.query:
                at.use(old, USER)
            return handler(request)

        at.place.faults.cloud = late
        if not self.SAME_ID:
            before = at.place.state
            assert at.place.up(chain("a.test", serial=0x5678))["superseded"] == [old]
            assert old in at.place.ear.warned[0]
            at.use(old)
            at.place.state = before
        with pytest.raises(StackError, match=rf"certificate {old} stays") as kept_there:
            at.place.destroy()
        assert "give what uses it another certificate" in kept_there.value.hint
